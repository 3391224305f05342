//! The keys that users' tokens are verified with, and how they stay up to date.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use axum::http::Uri;

use super::denied::Denied;
use super::fetch::{Failure, fetch};
use super::jwks::{KeySet, NO_KEY};
use super::local::is_loopback;
use super::token::{Algorithm, Unverified, VerifyingKey};

/// How often a file is looked at.
const FILE_EVERY: Duration = Duration::from_secs(1);
/// How often a URL is asked, while it answers.
const URL_EVERY: Duration = Duration::from_mins(5);
/// How soon it is asked again when it has not answered.
const URL_RETRY: Duration = Duration::from_secs(2);
/// A token with an unknown key makes us look at once, but not more often: anybody can send one.
const AT_ONCE_EVERY: Duration = Duration::from_secs(10);

/// `AUTH_JWKS`: where a JWKS is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The path of a file.
    File(PathBuf),
    /// An address with `http` or `https`.
    Url(Uri),
}

impl Place {
    /// A path, or an address; `None` when it looks like an address and is none.
    pub(super) fn named(held: &str) -> Option<Self> {
        if !held.contains("://") {
            return Some(Self::File(held.into()));
        }
        let uri: Uri = held.parse().ok()?;
        let has_password = uri.authority()?.as_str().contains('@');
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        (is_web && !has_password && uri.host().is_some_and(|host| !host.is_empty())).then_some(Self::Url(uri))
    }

    /// Whether it comes over a network as plain text: whoever is on the way can put their own keys into it.
    pub(super) fn is_unprotected(&self) -> bool {
        let Self::Url(uri) = self else { return false };
        uri.scheme_str() == Some("http") && !is_loopback(uri.host().unwrap_or_default())
    }

    async fn read(&self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::File(path) => Ok(tokio::fs::read(path).await?),
            Self::Url(uri) => Ok(fetch(uri).await?.to_vec()),
        }
    }

    fn pause(&self, has_failed: bool) -> Duration {
        match (self, has_failed) {
            (Self::File(_), _) => FILE_EVERY,
            (Self::Url(_), false) => URL_EVERY,
            (Self::Url(_), true) => URL_RETRY,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(uri) => uri.fmt(f),
        }
    }
}

/// The set of a file that is there at the start, or why it won't do.
pub(super) fn read_file(path: &Path) -> Result<KeySet, String> {
    let document = std::fs::read(path).map_err(|error| error.to_string())?;
    KeySet::read_first(&document).map_err(str::to_owned)
}

/// What users' tokens are verified with.
pub(super) enum UserKeys {
    /// `AUTH_SECRET`
    Secret(VerifyingKey),
    /// `AUTH_JWKS`
    Jwks(Arc<Jwks>),
}

impl UserKeys {
    /// What the token says, once its key has been found and its signature is good.
    pub(super) async fn verify<T>(&self, token: &Unverified<'_>) -> Result<T, Denied>
    where
        T: serde::de::DeserializeOwned,
    {
        match self {
            Self::Secret(key) => token.verified(key),
            // What a secret signs is for whoever knows the secret, and a JWKS has none.
            Self::Jwks(_) if token.algorithm() == Algorithm::Hs256 => Err(Denied::Algorithm),
            Self::Jwks(jwks) => token.verified(&jwks.find(token.algorithm(), token.key_id()).await?),
        }
    }

    /// Whether tokens can be verified; an `Err` says why not.
    pub(super) fn ready(&self) -> Result<(), String> {
        match self {
            Self::Jwks(jwks) if jwks.held().is_none() => {
                Err("the keys that AUTH_JWKS names are not there yet".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A set of keys that follows its source.
pub(super) struct Jwks {
    place: Place,
    held: RwLock<Option<Arc<KeySet>>>,
    /// What came last time, to tell a change from the same again. Whoever reads the source holds it.
    last: tokio::sync::Mutex<Option<Result<Vec<u8>, String>>>,
    /// When a token has last made us look.
    at_once: Mutex<Option<Instant>>,
}

impl Jwks {
    /// Begins to follow `place`, for as long as somebody holds what this returns.
    pub(super) fn follow(place: Place, first: Option<Arc<KeySet>>) -> Arc<Self> {
        let held = RwLock::new(first);
        let jwks =
            Arc::new(Self { place, held, last: tokio::sync::Mutex::default(), at_once: Mutex::default() });
        tokio::spawn(keep_up(Arc::downgrade(&jwks)));
        jwks
    }

    fn held(&self) -> Option<Arc<KeySet>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key of this name, even if it has only just been made.
    async fn find(self: &Arc<Self>, algorithm: Algorithm, id: Option<&str>) -> Result<VerifyingKey, Denied> {
        let find = || self.held()?.find(algorithm, id).cloned();
        if let Some(key) = find() {
            return Ok(key);
        }
        // The others do not wait meanwhile: requests that wait are what an attacker would want.
        if self.may_look_at_once() {
            // A task of its own: a client that hangs up must not end the one look that all wait for.
            let jwks = self.clone();
            let _ = tokio::spawn(async move { jwks.look().await }).await;
        }
        match self.held() {
            None => Err(Denied::NoKeys),
            Some(_) => find().ok_or(Denied::UnknownKey),
        }
    }

    fn may_look_at_once(&self) -> bool {
        let mut last = self.at_once.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| last.elapsed() >= AT_ONCE_EVERY);
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    /// Reads the source and takes what has changed; answers whether it could. The old set stays where nothing can be
    /// read. A document without keys can be read: its issuer trusts none any more, and neither do we.
    async fn look(&self) -> bool {
        let mut last = self.last.lock().await;
        let came = self.place.read().await.map_err(|error| error.to_string());
        let first = self.held().is_none();
        let read = if first { KeySet::read_first } else { KeySet::read };
        let read = came.as_ref().map_err(String::as_str).and_then(|document| read(document));
        let is_good = read.is_ok();
        if last.as_ref() == Some(&came) {
            return is_good;
        }
        match read {
            Ok(set) => {
                if set.count() == 0 {
                    tracing::error!("AUTH_JWKS: {} won't do ({NO_KEY}): all tokens are refused", self.place);
                } else {
                    tracing::info!("AUTH_JWKS: {} keys, from {}", set.count(), self.place);
                }
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(set));
            }
            Err(why) => {
                let rest = if first { "there are none yet" } else { "the keys from before stay in use" };
                tracing::warn!("AUTH_JWKS: {} won't do ({why}): {rest}", self.place);
            }
        }
        *last = Some(came);
        is_good
    }
}

async fn keep_up(jwks: Weak<Jwks>) {
    loop {
        let pause = {
            let Some(jwks) = jwks.upgrade() else { return };
            let is_good = jwks.look().await;
            jwks.place.pause(!is_good)
        };
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine() {
        for (place, unprotected) in [
            ("http://id.example/keys", true),
            ("http://10.0.0.1:8080/keys", true),
            ("http://localhost.example/keys", true),
            ("https://id.example/keys", false),
            ("http://localhost:8080/keys", false),
            ("http://127.0.0.1/keys", false),
            ("http://[::1]:8080/keys", false),
            ("keys/jwks.json", false),
        ] {
            assert_eq!(Place::named(place).unwrap().is_unprotected(), unprotected, "{place}");
        }
    }
}
