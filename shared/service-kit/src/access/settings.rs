//! What a process is told about who may come in, and the rule: a door that is not on a loopback address is closed,
//! unless somebody has said in so many words that it is open.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use telemetry::env::{Secret, parse};
use telemetry::{ConfigError, Env};

use super::jwks::KeySet;
use super::keys::{Place, read_file};
use super::token::{SHORTEST_SECRET, VerifyingKey};
use crate::config::ServerConfig;

telemetry::variables! {
    /// `off` opens the doors that would be closed for want of keys: everybody may do everything.
    AUTH { takes: "`off`, and nothing else", without: "a loopback address is open, another needs keys" };
    /// The public keys that users' tokens are verified with: a JWKS.
    AUTH_JWKS { takes: "the path of a JWKS file, or an address of one that begins with http:// or https://" };
    /// A secret that users' tokens are verified with, for development.
    AUTH_SECRET { takes: "32 bytes or more", secret: Secret::Whole };
    /// Who issues users' tokens (`iss`).
    AUTH_ISSUER { takes: "the name of an issuer", default: "waybill" };
    /// For whom users' tokens are (`aud`).
    AUTH_AUDIENCE { takes: "the name of an audience", default: "waybill" };
    /// The secrets that services know each other by: the first signs, all verify.
    SERVICE_KEY { takes: "secrets of 32 bytes or more, comma separated", secret: Secret::Whole };
}

/// Who comes in at `LISTEN_ADDR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// People, with tokens of an issuer: the gateway's.
    Users,
    /// Our other services, with tokens they make themselves.
    Services,
}

/// What a process was told.
#[derive(Clone)]
pub struct Access {
    pub(super) users: Option<Users>,
    pub(super) service_keys: Vec<Arc<[u8]>>,
    pub(super) api: Rule,
    pub(super) admin: Rule,
}

/// What users' tokens must be like.
#[derive(Clone)]
pub(super) struct Users {
    pub(super) keys: KeySource,
    pub(super) issuer: String,
    pub(super) audience: String,
}

#[derive(Clone)]
pub(super) enum KeySource {
    Secret(VerifyingKey),
    Jwks(Place, Option<Arc<KeySet>>),
}

/// How a door is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Tokens are asked for.
    Closed,
    /// Everybody may come in, because of `AUTH=off`.
    Open,
    /// Everybody on this machine may: it is a loopback address, and there are no keys.
    Local,
    /// Nobody may: it is not on a loopback address, and there are no keys.
    Shut,
}

impl Rule {
    fn of(has_keys: bool, is_off: bool, address: SocketAddr) -> Self {
        match (has_keys, is_off, address.ip().is_loopback()) {
            (true, ..) => Self::Closed,
            (false, true, _) => Self::Open,
            (false, false, true) => Self::Local,
            (false, false, false) => Self::Shut,
        }
    }
}

impl Access {
    /// Reads the settings. An `Err` when a door would be open that must not be.
    pub fn from_env(env: &Env, door: Door, server: &ServerConfig) -> Result<Self, ConfigError> {
        let is_off = env.optional(&AUTH, |held| (held == "off").then_some(()))?.is_some();
        let users = Users::from_env(env)?;
        if is_off && users.is_some() {
            return Err(AUTH.wrong_here("off", "nothing while AUTH_JWKS or AUTH_SECRET says who may come in"));
        }
        let service_keys = env.optional(&SERVICE_KEY, service_keys)?.unwrap_or_default();
        let has_keys = match door {
            Door::Users => users.is_some(),
            Door::Services => !service_keys.is_empty(),
        };
        let api = Rule::of(has_keys, is_off, server.listen);
        if api == Rule::Shut {
            return Err(ConfigError::new("LISTEN_ADDR", server.listen, instead(door)));
        }
        let admin = Rule::of(users.is_some(), is_off, server.admin);
        Ok(Self { users, service_keys, api, admin })
    }
}

fn instead(door: Door) -> &'static str {
    match door {
        Door::Users => {
            "a loopback address, unless AUTH_JWKS or AUTH_SECRET says whose tokens let in, or AUTH=off that all may"
        }
        Door::Services => {
            "a loopback address, unless SERVICE_KEY says whose tokens let in, or AUTH=off that all may"
        }
    }
}

impl Users {
    fn from_env(env: &Env) -> Result<Option<Self>, ConfigError> {
        let place = env.optional(&AUTH_JWKS, Place::named)?;
        let secret = env.optional(&AUTH_SECRET, |held| VerifyingKey::secret(held.as_bytes()))?;
        let issuer = env.read(&AUTH_ISSUER, parse::value)?;
        let audience = env.read(&AUTH_AUDIENCE, parse::value)?;
        let keys = match (place, secret) {
            (None, None) => return Ok(None),
            (Some(place), Some(_)) => {
                let takes = "the only keys: unset it, or AUTH_SECRET, which is for development";
                return Err(AUTH_JWKS.wrong_here(place, takes));
            }
            (None, Some(secret)) => KeySource::Secret(secret),
            // A file is there at the start, or never will be; somebody else's server may come later.
            (Some(Place::File(path)), None) => {
                let wrong = |why| {
                    let takes = format!("the path of a JWKS file ({why})");
                    AUTH_JWKS.wrong_here(path.display(), takes)
                };
                let first = read_file(&path).map_err(wrong)?;
                KeySource::Jwks(Place::File(path), Some(Arc::new(first)))
            }
            (Some(place @ Place::Url(_)), None) => KeySource::Jwks(place, None),
        };
        Ok(Some(Self { keys, issuer, audience }))
    }
}

fn service_keys(held: &str) -> Option<Vec<Arc<[u8]>>> {
    let key = |key: &str| (key.len() >= SHORTEST_SECRET).then(|| Arc::from(key.as_bytes()));
    parse::list(held, key).filter(|keys| !keys.is_empty())
}

/// Says how the doors are, and no key.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, rule, separator) in [("the API", self.api, ", "), ("/admin/*", self.admin, "")] {
            match rule {
                Rule::Closed => write!(f, "{name} is closed: it takes tokens{separator}")?,
                Rule::Open => write!(f, "{name} is open (AUTH=off){separator}")?,
                Rule::Local => write!(f, "{name} is open (a loopback address, and no keys){separator}")?,
                Rule::Shut => write!(f, "{name} is shut (no keys){separator}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({self})")
    }
}
