//! Signed tokens: JWT (RFC 7519) in the compact form of JWS (RFC 7515), with one signature, and no encryption.
//!
//! Only what is used here exists: three algorithms, each with keys of its own. What a token says about how to verify it
//! is compared with the key, and never obeyed (RFC 8725).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use ring::{digest, hmac, rand, signature};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::denied::Denied;

/// The longest token that is looked at.
pub const LONGEST: usize = 4 * 1024;
/// The least a secret must have: as much as the hash.
pub const SHORTEST_SECRET: usize = 32;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `HS256`: HMAC with SHA-256; who verifies can sign.
    Hs256,
    /// `EdDSA`: Ed25519.
    EdDsa,
    /// `RS256`: RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
}

impl Algorithm {
    /// `Ed25519` is the newer name (RFC 9864) of what `EdDSA` is with this curve.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

/// What a signature is verified with. The key decides the algorithm.
#[derive(Clone)]
pub enum VerifyingKey {
    /// A secret.
    Hs256(hmac::Key),
    /// A public key.
    EdDsa(Vec<u8>),
    /// A public key: modulus and exponent.
    Rs256(RsaPublicKeyComponents<Vec<u8>>),
}

impl VerifyingKey {
    /// `None` when the secret is shorter than 32 bytes.
    pub fn secret(secret: &[u8]) -> Option<Self> {
        (secret.len() >= SHORTEST_SECRET).then(|| Self::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// `None` when this is no public key of Ed25519.
    pub fn ed25519(public: &[u8]) -> Option<Self> {
        (public.len() == 32).then(|| Self::EdDsa(public.to_vec()))
    }

    /// `None` when the modulus has fewer than 2048 or more than 8192 bits.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (n, e) = (without_zeros(modulus), without_zeros(exponent));
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        (2048..=8192).contains(&bits).then_some(Self::Rs256(RsaPublicKeyComponents { n, e }))
    }

    /// The only one that it is for.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Rs256(_) => Algorithm::Rs256,
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hs256(key) => hmac::verify(key, message, signature).is_ok(),
            Self::EdDsa(public) => {
                UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
            }
            Self::Rs256(public) => public.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
        }
    }
}

fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// The header. Everything else that may stand there (`jku`, `jwk`, `x5c`) would be the token's own word on whom to
/// trust, and is not read.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    /// Something that must be understood, and nothing is.
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token taken apart. Nothing it says is believed before [`Unverified::verified`].
pub struct Unverified<'a> {
    algorithm: Algorithm,
    kind: String,
    key_id: Option<String>,
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub fn parse(token: &'a str) -> Result<Self, Denied> {
        if token.len() > LONGEST {
            return Err(Denied::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Denied::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Denied::Malformed)?;
        let header: Header = from_json(header)?;
        if header.crit || payload.contains('.') {
            return Err(Denied::Malformed);
        }
        let kind = header.typ.unwrap_or_default().to_ascii_lowercase();
        Ok(Self {
            algorithm: Algorithm::named(&header.alg).ok_or(Denied::Algorithm)?,
            kind: kind.strip_prefix("application/").unwrap_or(&kind).to_owned(),
            key_id: header.kid,
            message,
            payload,
            signature: BASE64URL.decode(signature).map_err(|_| Denied::Malformed)?,
        })
    }

    /// `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `typ`, in lower case and without `application/`; empty when there is none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What the token says, if this key has signed it.
    pub fn verified<T: DeserializeOwned>(&self, key: &VerifyingKey) -> Result<T, Denied> {
        if key.algorithm() != self.algorithm {
            return Err(Denied::Algorithm);
        }
        if !key.verifies(self.message.as_bytes(), &self.signature) {
            return Err(Denied::Signature);
        }
        from_json(self.payload)
    }
}

fn from_json<T: DeserializeOwned>(part: &str) -> Result<T, Denied> {
    let json = BASE64URL.decode(part).map_err(|_| Denied::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Denied::Malformed)
}

/// What tokens are signed with.
pub struct SigningKey(Signer);

enum Signer {
    Hs256(hmac::Key),
    EdDsa(Box<signature::Ed25519KeyPair>),
}

impl SigningKey {
    /// `None` when the secret is shorter than 32 bytes.
    pub fn secret(secret: &[u8]) -> Option<Self> {
        let key = || Self(Signer::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret)));
        (secret.len() >= SHORTEST_SECRET).then(key)
    }

    /// A private key of Ed25519 in PKCS #8 (DER); `None` when it is none.
    pub fn ed25519(pkcs8: &[u8]) -> Option<Self> {
        let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).ok()?;
        Some(Self(Signer::EdDsa(Box::new(pair))))
    }

    /// A new private key of Ed25519 in PKCS #8 (DER); `None` when the system has no randomness to give.
    pub fn generate_ed25519() -> Option<Vec<u8>> {
        let pkcs8 = signature::Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new()).ok()?;
        Some(pkcs8.as_ref().to_vec())
    }

    /// The public half for a JWKS, named by its thumbprint (RFC 7638); `None` for a secret, which has none.
    pub fn public_jwk(&self) -> Option<Value> {
        let Signer::EdDsa(pair) = &self.0 else { return None };
        let (x, kid) = public_and_name(pair);
        Some(json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"}))
    }

    /// A token of type `kind` (`at+jwt`) that says `claims`.
    pub fn sign<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, serde_json::Error> {
        let header = match &self.0 {
            Signer::Hs256(_) => json!({"alg": "HS256", "typ": kind}),
            Signer::EdDsa(pair) => json!({"alg": "EdDSA", "typ": kind, "kid": public_and_name(pair).1}),
        };
        let encoded = |json: Vec<u8>| BASE64URL.encode(json);
        let message = [encoded(serde_json::to_vec(&header)?), encoded(serde_json::to_vec(claims)?)].join(".");
        let signature = match &self.0 {
            Signer::Hs256(key) => BASE64URL.encode(hmac::sign(key, message.as_bytes())),
            Signer::EdDsa(pair) => BASE64URL.encode(pair.sign(message.as_bytes())),
        };
        Ok([message, signature].join("."))
    }
}

fn public_and_name(pair: &signature::Ed25519KeyPair) -> (String, String) {
    use signature::KeyPair as _;
    let x = BASE64URL.encode(pair.public_key());
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    let kid = BASE64URL.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    (x, kid)
}
