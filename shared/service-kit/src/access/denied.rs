//! Why somebody does not come in.

use api::problem::ProblemKind;
use prometheus_client::encoding::EncodeLabelSet;
use telemetry::Telemetry;
use telemetry::metrics::Counter;
use telemetry::names::metric;

use crate::error::ApiError;

/// Why a token is not taken, or not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// None came.
    NoToken,
    /// It cannot be read, is longer than 4 KiB, or lacks what it must say.
    Malformed,
    /// Its `typ` is another one.
    Type,
    /// Its `alg` is not one of ours, or not that of the key.
    Algorithm,
    /// Nobody knows the key that it names.
    UnknownKey,
    /// The keys are not there yet: ours is the mistake.
    NoKeys,
    /// Its signature is another key's, or it was changed.
    Signature,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYet,
    /// Somebody else has issued it.
    Issuer,
    /// It is meant for somebody else.
    Audience,
}

/// The word for a good token that does not allow what was asked for: see [`super::Caller::require`].
pub(super) const SCOPE: &str = "scope";

impl Denied {
    /// All there are.
    pub const ALL: [Self; 11] = [
        Self::NoToken,
        Self::Malformed,
        Self::Type,
        Self::Algorithm,
        Self::UnknownKey,
        Self::NoKeys,
        Self::Signature,
        Self::Expired,
        Self::NotYet,
        Self::Issuer,
        Self::Audience,
    ];

    /// A word for metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Malformed => "malformed",
            Self::Type => "type",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::NoKeys => "no_keys",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
        }
    }

    /// What the client is told. Nothing of the token is in it.
    fn detail(self) -> &'static str {
        match self {
            Self::NoToken => "this needs a token: `Authorization: Bearer …`",
            Self::Malformed => "the token cannot be read, or lacks what it must say",
            Self::Type => "the token is of another type",
            Self::Algorithm => "the token is signed in a way that is not taken here",
            Self::UnknownKey => "the token is signed with a key that is not known here",
            Self::NoKeys => "tokens cannot be verified yet",
            Self::Signature => "the token's signature is wrong",
            Self::Expired => "the token has expired",
            Self::NotYet => "the token is not valid yet",
            Self::Issuer => "the token has another issuer",
            Self::Audience => "the token is meant for somebody else",
        }
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let detail = denied.detail();
        let challenge = match denied {
            Denied::NoKeys => return Self::new(ProblemKind::Unavailable, detail).retry_after(2),
            // RFC 6750: who brought no token is told no error.
            Denied::NoToken => "Bearer realm=\"waybill\"".to_owned(),
            _ => {
                let words = detail.replace(['`', '…'], "");
                format!("Bearer realm=\"waybill\", error=\"invalid_token\", error_description=\"{words}\"")
            }
        };
        Self::new(ProblemKind::Unauthenticated, detail).code(denied.reason()).challenge(&challenge)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

fn reasons() -> impl Iterator<Item = &'static str> {
    Denied::ALL.into_iter().map(Denied::reason).chain([SCOPE])
}

/// Counts them. A cheap handle.
#[derive(Clone)]
pub(super) struct Denials(Counter<Reason>);

impl Denials {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let all = reasons().map(|reason| Reason { reason });
        Self(telemetry.metrics().counter(metric::ACCESS_DENIED).from_zero(all))
    }

    pub(super) fn count(&self, reason: &'static str) {
        self.0.inc(&Reason { reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_of_metrics_knows_every_reason() {
        let reasons: Vec<_> = reasons().collect();
        assert_eq!(metric::ACCESS_DENIED.values, [("reason", reasons.as_slice())]);
    }
}
