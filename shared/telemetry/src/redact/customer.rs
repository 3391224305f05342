//! Customers in telemetry: a keyed hash in the place of the id.

use super::RefRing;
use crate::hex::push_hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt, sync::Arc};

/// The key of the customer references, or a [`RefRing`] of them: whoever has it can link references to customers.
/// A cheap handle.
#[derive(Clone)]
pub struct RefKey(Keys);

/// Each has been hashed already, once for all.
#[derive(Clone)]
enum Keys {
    One(Hmac<Sha256>),
    /// One for each bucket.
    Ring(Arc<[Hmac<Sha256>]>),
}

impl RefKey {
    /// The shortest single key that is taken, in bytes.
    pub const MIN_BYTES: usize = 16;

    /// What `CUSTOMER_REF_KEY` or its file holds: a ring, or one key for all customers. `None` when it is neither: too
    /// short, or a ring that is not whole.
    pub fn new(held: &[u8]) -> Option<Self> {
        if held.starts_with(RefRing::MAGIC.as_bytes()) {
            let ring = RefRing::parse(std::str::from_utf8(held).ok()?).ok()?;
            return Self::of_ring(&ring);
        }
        if held.len() < Self::MIN_BYTES { None } else { keyed(held).map(Keys::One).map(Self) }
    }

    fn of_ring(ring: &RefRing) -> Option<Self> {
        let keys: Option<Arc<[_]>> = ring.keys().iter().map(|key| keyed(key)).collect();
        keys.map(Keys::Ring).map(Self)
    }

    /// A key nobody else has: references made with it can't be compared with another process's.
    pub fn random() -> Self {
        Self(Keys::One(Hmac::new(&rand::random::<[u8; 64]>().into())))
    }

    fn of(&self, customer_id: &str) -> Option<Hmac<Sha256>> {
        match &self.0 {
            Keys::One(key) => Some(key.clone()),
            Keys::Ring(keys) => keys.get(usize::from(RefRing::bucket_of(customer_id))).cloned(),
        }
    }
}

fn keyed(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

impl fmt::Debug for RefKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefKey([redacted])")
    }
}

/// A customer in telemetry: the first 128 bits of HMAC-SHA256 (RFC 2104) of the customer's id, as 32 hex digits.
/// The same customer has the same reference in every service that holds the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRef(String);

impl CustomerRef {
    /// The reference of `customer_id` under `key`.
    pub fn of(key: &RefKey, customer_id: &str) -> Self {
        let mut hex = String::with_capacity(32);
        // A ring has a key for every bucket.
        if let Some(mut mac) = key.of(customer_id) {
            mac.update(customer_id.as_bytes());
            push_hex(&mut hex, mac.finalize().into_bytes().get(..16).unwrap_or_default());
        }
        Self(hex)
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key of sixteen bytes or more";

    #[test]
    fn references_are_stable_keyed_and_do_not_show_the_id() {
        let key = RefKey::new(KEY).unwrap();
        let reference = CustomerRef::of(&key, "c-1042");
        assert_eq!(reference, CustomerRef::of(&key, "c-1042"));
        assert_ne!(reference, CustomerRef::of(&RefKey::random(), "c-1042"));
        // By OpenSSL: printf c-1042 | openssl dgst -sha256 -hmac 'a key of sixteen bytes or more'
        assert_eq!(reference.as_str(), "f862831a6306b72c675e5975504e6e22");
        assert!(RefKey::new(b"short").is_none());
    }

    #[test]
    fn a_ring_keys_each_customer_with_its_buckets_key() {
        let ring = RefRing::generate();
        let key = RefKey::new(ring.render().as_bytes()).unwrap();
        // By OpenSSL, the first byte of: printf c-1042 | openssl dgst -sha256
        let own = keyed(&ring.keys()[0x85]).map(Keys::One).map(RefKey).unwrap();
        assert_eq!(CustomerRef::of(&key, "c-1042"), CustomerRef::of(&own, "c-1042"));
        assert_ne!(CustomerRef::of(&key, "c-1043"), CustomerRef::of(&own, "c-1043"));
    }

    #[test]
    fn what_begins_as_a_ring_is_no_single_key() {
        let ring = RefRing::generate().render();
        for damaged in [&ring[..ring.len() / 2], RefRing::MAGIC, "waybill-ref-ring 2\nand so on"] {
            assert!(RefKey::new(damaged.as_bytes()).is_none(), "{damaged}");
        }
    }
}
