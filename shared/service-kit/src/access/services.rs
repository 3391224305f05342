//! How services know each other: tokens that live a minute, signed with `SERVICE_KEY`.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::claims::Said;
use super::denied::Denied;
use super::token::{SigningKey, Unverified, VerifyingKey};

/// `typ` of these tokens: a user's is never one, even where somebody signs both with one secret.
const KIND: &str = "service+jwt";
/// How long a token is good.
const LIFETIME: Duration = Duration::from_mins(1);
/// How long it is used: what is left then is for the way, and for clocks that differ.
const USED: Duration = Duration::from_secs(30);
/// Tokens that are remembered as good: more instances than this call none of our services at once.
const REMEMBERED: usize = 16;

/// What says to another service who calls. A cheap handle.
#[derive(Clone)]
pub struct PeerToken(Arc<Mint>);

struct Mint {
    key: SigningKey,
    issuer: &'static str,
    audience: &'static str,
    held: RwLock<Option<(HeaderValue, Made)>>,
}

impl PeerToken {
    pub(super) fn new(key: SigningKey, issuer: &'static str, audience: &'static str) -> Self {
        Self(Arc::new(Mint { key, issuer, audience, held: RwLock::default() }))
    }

    /// The `Authorization` of a call now; a new one twice a minute.
    pub fn header(&self) -> HeaderValue {
        let mint = &*self.0;
        if let Some((header, made)) = &*mint.held.read().unwrap_or_else(PoisonError::into_inner)
            && made.is_fresh(&Made::now())
        {
            return header.clone();
        }
        let header = mint.header();
        *mint.held.write().unwrap_or_else(PoisonError::into_inner) = Some((header.clone(), Made::now()));
        header
    }
}

/// When a token was made, by both clocks. The token's own times are the wall clock's, which somebody may set; the other
/// one may stand still while the machine sleeps.
struct Made {
    wall: SystemTime,
    steady: Instant,
}

impl Made {
    fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// Whether both clocks say that it is not old yet. A wall clock that was set back says that it is.
    fn is_fresh(&self, now: &Self) -> bool {
        now.steady.saturating_duration_since(self.steady) < USED
            && now.wall.duration_since(self.wall).is_ok_and(|age| age < USED)
    }
}

impl Mint {
    fn header(&self) -> HeaderValue {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = json!({
            "iss": self.issuer, "aud": self.audience, "iat": now.as_secs(), "exp": (now + LIFETIME).as_secs(),
        });
        let token = self.key.sign(KIND, &claims).unwrap_or_default();
        let mut header =
            HeaderValue::from_str(&format!("Bearer {token}")).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// What a service verifies its callers' tokens with.
pub(super) struct ServiceKeys {
    keys: Vec<VerifyingKey>,
    audience: &'static str,
    good: RwLock<Vec<Good>>,
}

struct Good {
    token: String,
    end: SystemTime,
}

impl ServiceKeys {
    pub(super) fn new(keys: Vec<VerifyingKey>, audience: &'static str) -> Self {
        Self { keys, audience, good: RwLock::default() }
    }

    /// Whether the token is a service's, and meant for this one.
    pub(super) fn admit(&self, token: &str, now: SystemTime) -> Result<(), Denied> {
        if self.remembers(token, now) {
            return Ok(());
        }
        let end = self.verify(token, now)?;
        let mut good = self.good.write().unwrap_or_else(PoisonError::into_inner);
        good.retain(|held| held.end > now);
        if good.len() >= REMEMBERED {
            good.remove(0);
        }
        good.push(Good { token: token.to_owned(), end });
        Ok(())
    }

    fn remembers(&self, token: &str, now: SystemTime) -> bool {
        let good = self.good.read().unwrap_or_else(PoisonError::into_inner);
        // How long a comparison takes must not say how much of a guess was right.
        good.iter().any(|held| held.end > now && bool::from(held.token.as_bytes().ct_eq(token.as_bytes())))
    }

    fn verify(&self, token: &str, now: SystemTime) -> Result<SystemTime, Denied> {
        let token = Unverified::parse(token)?;
        if token.kind() != KIND {
            return Err(Denied::Type);
        }
        let mut said: Result<Said, Denied> = Err(Denied::Signature);
        for key in &self.keys {
            said = token.verified(key);
            if said.is_ok() {
                break;
            }
        }
        let said = said?;
        if said.issuer().is_none() {
            return Err(Denied::Issuer);
        }
        said.check(self.audience, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_when_either_clock_says_so() {
        let made = Made::now();
        let at = |wall: SystemTime, steady: Duration| Made { wall, steady: made.steady + steady };
        let second = Duration::from_secs(1);
        assert!(made.is_fresh(&at(made.wall + second, second)));
        assert!(!made.is_fresh(&at(made.wall + second, USED)));
        assert!(!made.is_fresh(&at(made.wall + USED, second)));
        assert!(!made.is_fresh(&at(made.wall - second, second)));
    }
}
