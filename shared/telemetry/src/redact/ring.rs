//! Keys that can be lost one at a time, so that one customer can be forgotten (docs/adr/0016).

use crate::hex::push_hex;
use sha2::{Digest, Sha256};
use std::{fmt, path::Path};

/// How many customers share a key is how many references change when one of them is forgotten: one in so many.
const BUCKETS: usize = 256;
const KEY_BYTES: usize = 32;

/// 256 keys for customer references. Which of them is a customer's is no secret: the first byte of the SHA-256 of the
/// customer's id says it.
///
/// As text it is one line that says so and 256 lines of 64 hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct RefRing(Vec<[u8; KEY_BYTES]>);

/// A text is not a [`RefRing`]. What it holds is not said: it may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key ring: the line `waybill-ref-ring 1`, then 256 lines of 64 hex digits")]
pub struct NotARing;

/// Why a ring's file was not changed. What it holds is not said.
#[derive(Debug, thiserror::Error)]
pub enum RingFileError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// There is something else in it, such as one key for all customers.
    #[error(transparent)]
    NotARing(#[from] NotARing),
}

impl RefRing {
    pub(super) const MAGIC: &str = "waybill-ref-ring";
    const VERSION: &str = "waybill-ref-ring 1";

    /// A new one, at random.
    pub fn generate() -> Self {
        Self((0..BUCKETS).map(|_| rand::random()).collect())
    }

    /// Reads what [`RefRing::render`] has written.
    pub fn parse(text: &str) -> Result<Self, NotARing> {
        let mut lines = text.lines();
        if lines.next() != Some(Self::VERSION) {
            return Err(NotARing);
        }
        let keys: Option<Vec<_>> = lines.map(|line| key_of(line.trim_end())).collect();
        keys.filter(|keys| keys.len() == BUCKETS).map(Self).ok_or(NotARing)
    }

    /// As text, for a file that only the services and their operator may read.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(Self::VERSION.len() + 1 + BUCKETS * (2 * KEY_BYTES + 1));
        text.push_str(Self::VERSION);
        text.push('\n');
        for key in &self.0 {
            key.chunks(16).for_each(|half| push_hex(&mut text, half));
            text.push('\n');
        }
        text
    }

    /// Replaces the key of the customer's bucket: nobody can make the old reference from the id any more. Some 1 in 256
    /// of the other customers share the bucket and get a new reference, too.
    pub fn forget(&mut self, customer_id: &str) {
        if let Some(key) = self.0.get_mut(usize::from(Self::bucket_of(customer_id))) {
            *key = rand::random();
        }
    }

    /// Replaces all keys.
    pub fn rotate(&mut self) {
        *self = Self::generate();
    }

    /// Changes the ring in a file. The services that were given this file notice (within seconds). Whoever reads it
    /// meanwhile finds the old one or the new one; of several changes at once none is lost.
    pub fn change_file(path: &Path, change: impl FnOnce(&mut Self)) -> Result<(), RingFileError> {
        super::file::change(path, |held| {
            let mut ring = Self::parse(held)?;
            change(&mut ring);
            Ok(ring.render())
        })
    }

    /// Puts a new ring into a file, in the place of whatever it holds: a ring, or one key for all customers. All
    /// references change.
    pub fn replace_file(path: &Path) -> Result<(), RingFileError> {
        super::file::change(path, |_| Ok(Self::generate().render()))
    }

    pub(super) fn keys(&self) -> &[[u8; KEY_BYTES]] {
        &self.0
    }

    pub(super) fn bucket_of(customer_id: &str) -> u8 {
        Sha256::digest(customer_id.as_bytes()).first().copied().unwrap_or_default()
    }
}

fn key_of(line: &str) -> Option<[u8; KEY_BYTES]> {
    // `from_str_radix` would take a sign.
    if line.len() != 2 * KEY_BYTES || !line.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (byte, digits) in key.iter_mut().zip(line.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

impl fmt::Debug for RefRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefRing([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{CustomerRef, RefKey};
    use std::fs;

    fn reference(ring: &RefRing, customer: &str) -> CustomerRef {
        CustomerRef::of(&RefKey::new(ring.render().as_bytes()).unwrap(), customer)
    }

    #[test]
    fn text_is_read_as_it_was_written_and_nothing_else() {
        let ring = RefRing::generate();
        let text = ring.render();
        assert_eq!(text.lines().count(), 257);
        assert_eq!(RefRing::parse(&text), Ok(ring.clone()));
        assert_eq!(RefRing::parse(&text.trim_end().replace('\n', "\r\n")), Ok(ring.clone()));
        let line = text.lines().last().unwrap();
        for wrong in [
            "",
            "a single key for all customers",
            &text.replacen('1', "2", 1),
            text.strip_suffix(&format!("{line}\n")).unwrap(),
            &format!("{text}{line}\n"),
            &text.replace(line, &line[1..]),
            &text.replace(line, &format!("+{}", &line[1..])),
            &text.replace(line, &format!("é{}", &line[2..])),
        ] {
            assert_eq!(RefRing::parse(wrong), Err(NotARing));
        }
        let shown = format!("{ring:?} {NotARing} {NotARing:?}");
        assert!(!text.lines().skip(1).any(|key| shown.contains(key)));
    }

    #[test]
    fn one_customer_is_forgotten_and_nearly_all_others_are_not() {
        let mut ring = RefRing::generate();
        let customers: Vec<String> = (0..2_000).map(|number| format!("c-{number}")).collect();
        let before: Vec<_> = customers.iter().map(|customer| reference(&ring, customer)).collect();
        ring.forget("c-7");
        let changed = |(customer, before): &(&String, &CustomerRef)| reference(&ring, customer) != **before;
        let changed: Vec<_> = customers.iter().zip(&before).filter(changed).map(|(name, _)| name).collect();
        assert!(changed.iter().any(|name| *name == "c-7") && changed.len() < 40, "{changed:?}");
        let bucket = RefRing::bucket_of("c-7");
        assert!(changed.iter().all(|name| RefRing::bucket_of(name) == bucket));
        let all = ring.clone();
        ring.rotate();
        assert!(all.keys().iter().zip(ring.keys()).all(|(old, new)| old != new));
    }

    #[test]
    fn a_file_is_changed_as_a_whole_and_by_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("customer-ref.key");
        let ring = RefRing::generate();
        fs::write(&path, ring.render()).unwrap();
        let customers: Vec<String> = (0..8).map(|number| format!("c-{number}")).collect();
        std::thread::scope(|scope| {
            for customer in &customers {
                scope.spawn(|| RefRing::change_file(&path, |ring| ring.forget(customer)).unwrap());
            }
        });
        let now = RefRing::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        for customer in &customers {
            assert_ne!(reference(&now, customer), reference(&ring, customer), "{customer}");
        }

        fs::write(&path, "a single key for all").unwrap();
        let refused = RefRing::change_file(&path, RefRing::rotate).unwrap_err();
        assert!(matches!(refused, RingFileError::NotARing(_)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a single key for all");
        RefRing::replace_file(&path).unwrap();
        assert!(RefRing::parse(&fs::read_to_string(&path).unwrap()).is_ok());
    }
}
