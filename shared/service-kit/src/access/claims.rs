//! What a token must say, and what it may.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::caller::{Claims, Scope};
use super::denied::Denied;

/// Clocks differ by so much.
const LEEWAY: Duration = Duration::from_secs(30);
/// The longest subject.
const LONGEST_SUBJECT: usize = 255;

/// What is in the token, with a signature that was good.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    iss: Option<String>,
    #[serde(default)]
    aud: OneOrMany,
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    /// RFC 8693: names with spaces between them.
    scope: Option<String>,
    /// The same as a list, as some issuers have it.
    #[serde(default)]
    scp: OneOrMany,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl Said {
    /// Its end, after it was found to be meant for `audience` now.
    pub(super) fn check(&self, audience: &str, now: SystemTime) -> Result<SystemTime, Denied> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let end = self.exp.ok_or(Denied::Malformed)?;
        if end + LEEWAY.as_secs_f64() <= now.as_secs_f64() {
            return Err(Denied::Expired);
        }
        if self.nbf.is_some_and(|begin| begin > now.as_secs_f64() + LEEWAY.as_secs_f64()) {
            return Err(Denied::NotYet);
        }
        if !self.aud.as_slice().iter().any(|meant| meant == audience) {
            return Err(Denied::Audience);
        }
        let end = Duration::try_from_secs_f64(end).map_err(|_| Denied::Malformed)?;
        UNIX_EPOCH.checked_add(end).ok_or(Denied::Malformed)
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        self.iss.as_deref()
    }

    /// Who it is about, and what that one may do. Scopes of other systems are not ours to mind.
    pub(super) fn into_claims(self) -> Result<Claims, Denied> {
        let subject = self.sub.filter(|sub| (1..=LONGEST_SUBJECT).contains(&sub.len()));
        let listed = self.scp.as_slice().iter().flat_map(|scope| scope.split(' '));
        let named = self.scope.iter().flat_map(|scope| scope.split(' ')).chain(listed);
        let mut scopes: Vec<Scope> = Vec::new();
        for scope in named.filter_map(Scope::named) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Ok(Claims { subject: subject.ok_or(Denied::Malformed)?, scopes })
    }
}
