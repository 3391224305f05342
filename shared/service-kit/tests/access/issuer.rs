//! Somebody who issues tokens: good ones, and ones that a thief would try.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use ring::{hmac, signature};
use serde_json::{Value, json};
use service_kit::access::token::{SigningKey, VerifyingKey};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const SECRET: &str = "a secret of thirty-two bytes or more";

/// What signs.
pub(super) enum Key {
    Secret(Vec<u8>),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    /// `alg: none`
    Nothing,
}

impl Key {
    pub(super) fn secret(secret: &str) -> Self {
        Self::Secret(secret.as_bytes().to_vec())
    }

    pub(super) fn ed25519() -> Self {
        let pkcs8 = SigningKey::generate_ed25519().unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).unwrap())
    }

    /// Made for these tests with `openssl genpkey`, and used nowhere else.
    pub(super) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(include_bytes!("rsa-2048.der")).unwrap())
    }

    pub(super) fn alg(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
            Self::Nothing => "none",
        }
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Self::Nothing => Vec::new(),
        }
    }

    /// The public half as the bytes that an attacker has.
    pub(super) fn public(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => signature::KeyPair::public_key(pair).as_ref().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Secret(_) | Self::Nothing => Vec::new(),
        }
    }

    pub(super) fn verifying(&self) -> VerifyingKey {
        match self {
            Self::Secret(secret) => VerifyingKey::secret(secret).unwrap(),
            Self::Ed25519(_) => VerifyingKey::ed25519(&self.public()).unwrap(),
            Self::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                VerifyingKey::rsa(&public.n, &public.e).unwrap()
            }
            Self::Nothing => panic!("nothing verifies nothing"),
        }
    }

    /// Its entry in a JWKS.
    pub(super) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ed25519(_) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": BASE64URL.encode(self.public())})
            }
            Self::Rsa(pair) => {
                let n = BASE64URL.encode(RsaPublicKeyComponents::<Vec<u8>>::from(pair.public()).n);
                json!({"kty": "RSA", "kid": kid, "n": n, "e": "AQAB", "alg": "RS256", "use": "sig"})
            }
            Self::Secret(_) | Self::Nothing => panic!("nothing that is public"),
        }
    }

    /// A token with this key, with `kid` in its header, that a gateway takes unless `changes` spoil it.
    pub(super) fn token(&self, kid: &str, changes: &Value) -> String {
        self.signed(&json!({"alg": self.alg(), "typ": "at+jwt", "kid": kid}), &claims(changes))
    }

    /// Any header and claims, with this key's signature.
    pub(super) fn signed(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| BASE64URL.encode(json.to_string());
        let message = [part(header), part(claims)].join(".");
        let signature = BASE64URL.encode(self.signature(message.as_bytes()));
        [message, signature].join(".")
    }
}

pub(super) fn jwks(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Good ones, with `changes`; what is changed to `null` is left out.
pub(super) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "waybill", "aud": "waybill", "sub": "c-1042", "exp": now() + 60, "scope": "orders:read orders:write",
    });
    let claims_object = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims_object.remove(name);
        } else {
            claims_object.insert(name.clone(), value.clone());
        }
    }
    claims
}
