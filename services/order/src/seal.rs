//! Cards of orders that are under way, sealed for the time that they are stored.
//!
//! An order that was accepted must be charged even after a crash, so its card has to survive one. It is sealed with
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) under a key that is not in the database, bound to its order, and
//! erased in the transaction that ends the order.

use api::{
    card::{CardNumber, UncheckedCard},
    ids::OrderId,
};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The key, which two instances on one database must share.
#[derive(Clone)]
pub struct Seal {
    key: [u8; 32],
}

const NONCE: usize = 24;

impl Seal {
    /// `None` when the text is too short to be a key.
    pub fn new(text: &str) -> Option<Self> {
        (text.len() >= 16).then(|| Self { key: Sha256::digest(text).into() })
    }

    /// A key that nobody else has, and nobody after this process.
    pub fn random() -> Self {
        Self { key: rand::random() }
    }

    /// The card of this order, readable to nobody without the key. `None` if it cannot be sealed.
    pub fn close(&self, order: OrderId, card: &CardNumber) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE] = rand::random();
        let bound_to = order.to_string();
        let payload = Payload { msg: card.reveal().as_bytes(), aad: bound_to.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// The card again; `None` when it was sealed with another key, for another order, or is damaged.
    pub fn open(&self, order: OrderId, sealed: &[u8]) -> Option<CardNumber> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let bound_to = order.to_string();
        let payload = Payload { msg: sealed, aad: bound_to.as_bytes() };
        let card = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        CardNumber::try_from(UncheckedCard::from(std::str::from_utf8(&card).ok()?)).ok()
    }

    /// A keyed hash of a request's body, to know it again without keeping it: it holds a card number.
    pub fn fingerprint(&self, body: &[u8]) -> Vec<u8> {
        let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.key) else {
            return Vec::new();
        };
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.key))
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: &str) -> Seal {
        Seal::new(key).unwrap()
    }

    #[test]
    fn only_the_same_key_opens_the_same_orders_card() {
        let card: CardNumber = CardNumber::try_from(UncheckedCard::from("4242424242424242")).unwrap();
        let (order, other) = (OrderId::new(), OrderId::new());
        let sealed = seal("a key of sixteen bytes").close(order, &card).unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"4242"));
        let again = seal("a key of sixteen bytes");
        assert_eq!(again.open(order, &sealed), Some(card));
        assert_eq!(again.open(other, &sealed), None);
        assert_eq!(seal("another key, long enough").open(order, &sealed), None);
        assert_eq!(again.open(order, b"short"), None);
    }

    #[test]
    fn fingerprints_are_keyed() {
        let (one, two) = (seal("a key of sixteen bytes"), seal("another key, long enough"));
        assert_eq!(one.fingerprint(b"body"), one.fingerprint(b"body"));
        assert_ne!(one.fingerprint(b"body"), one.fingerprint(b"other"));
        assert_ne!(one.fingerprint(b"body"), two.fingerprint(b"body"));
    }
}
