//! A set of public keys (JWKS, RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;
use serde_json::Value;

use super::token::{Algorithm, VerifyingKey};

/// What is wrong with a document that has none.
pub(super) const NO_KEY: &str =
    "it has no key of Ed25519, and none of RSA with 2048 to 8192 bits, that verifies tokens";

/// Public keys that can verify tokens.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<(Option<String>, VerifyingKey)>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    #[serde(default)]
    x: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

impl KeySet {
    /// Reads a document; an `Err` says why it is none. Keys for something else, of other kinds, or too weak are left
    /// out, and nothing may be left. Secrets (`oct`) are never taken: whoever can read the document could sign with them.
    pub fn read(document: &[u8]) -> Result<Self, &'static str> {
        let Document { keys } = serde_json::from_slice(document).map_err(|_| "it is no JWKS")?;
        Ok(Self { keys: keys.into_iter().filter_map(key).collect() })
    }

    /// The same of a document to begin with, which must have a key.
    pub fn read_first(document: &[u8]) -> Result<Self, &'static str> {
        let set = Self::read(document)?;
        if set.keys.is_empty() {
            return Err(NO_KEY);
        }
        Ok(set)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The key that a token names. One that names none means the only key of its algorithm.
    pub fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<&VerifyingKey> {
        let mut fits = self.keys.iter().filter(|(_, key)| key.algorithm() == algorithm);
        if id.is_some() {
            return fits.find(|(held, _)| held.as_deref() == id).map(|(_, key)| key);
        }
        match (fits.next(), fits.next()) {
            (Some((_, only)), None) => Some(only),
            _ => None,
        }
    }
}

fn key(jwk: Value) -> Option<(Option<String>, VerifyingKey)> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => VerifyingKey::ed25519(&bytes(&jwk.x)?)?,
        ("RSA", _) => VerifyingKey::rsa(&bytes(&jwk.n)?, &bytes(&jwk.e)?)?,
        _ => return None,
    };
    let is_for_signatures = jwk.purpose.is_none_or(|purpose| purpose == "sig");
    let is_of_algorithm = jwk.alg.is_none_or(|alg| Algorithm::named(&alg) == Some(key.algorithm()));
    (is_for_signatures && is_of_algorithm).then_some((jwk.kid, key))
}

fn bytes(base64: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(base64).ok()
}
