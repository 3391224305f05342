//! The key of the chain.

use crate::{ConfigError, Env};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::{self, Write};

/// `AUDIT_KEY`: whoever has it can verify entries, and write some. It is not in the database.
#[derive(Clone)]
pub struct AuditKey(Hmac<Sha256>);

impl AuditKey {
    const NAME: &str = "AUDIT_KEY";
    const TAKES: &str = "16 bytes or more";

    /// Reads `AUDIT_KEY`; `None` when it is not set.
    pub fn from_env(env: &Env) -> Result<Option<Self>, ConfigError> {
        let held = env.get(Self::NAME);
        held.map(|held| Self::new(held).ok_or_else(|| ConfigError::secret(Self::NAME, Self::TAKES)))
            .transpose()
    }

    /// `None` when the text is too short to be a key.
    pub fn new(text: &str) -> Option<Self> {
        if text.len() < 16 { None } else { Hmac::new_from_slice(text.as_bytes()).ok().map(Self) }
    }

    /// A key nobody else has: what is written with it cannot be verified later.
    pub fn random() -> Self {
        Self(Hmac::new(&rand::random::<[u8; 64]>().into()))
    }

    /// 64 lower-case hex digits.
    pub(super) fn hash(&self, canonical: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(canonical);
        let mut text = String::with_capacity(64);
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_hmac_sha_256() {
        // RFC 4231, test case 6: a key longer than a block.
        let key = AuditKey(Hmac::new_from_slice(&[0xaa; 131]).unwrap());
        assert_eq!(
            key.hash(b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_short_key_is_refused_and_not_shown() {
        let refused = AuditKey::from_env(&Env::from_pairs([("AUDIT_KEY", "short")])).unwrap_err().to_string();
        assert!(refused.contains("AUDIT_KEY") && !refused.contains("short"), "{refused}");
        assert!(AuditKey::from_env(&Env::default()).unwrap().is_none());
    }
}
