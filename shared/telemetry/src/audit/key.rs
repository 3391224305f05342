//! The key of the chain.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::{self, Write};

/// Whoever has it can verify entries, and write some. It is not in the database.
#[derive(Clone)]
pub struct AuditKey(Hmac<Sha256>);

impl AuditKey {
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
    fn a_short_key_is_none_and_no_key_is_shown() {
        assert!(AuditKey::new("15 bytes, short").is_none());
        let key = AuditKey::new("hunter2 hunter2 hunter2").unwrap();
        assert_eq!(format!("{key:?}"), "AuditKey([redacted])");
    }
}
