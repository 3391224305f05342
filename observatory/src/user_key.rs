//! Users as references: what a customer is called outside never reaches the store.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const FILE: &str = "user.key";
const BYTES: usize = 32;

/// The key of the references. Each data directory has its own, so that references lead nowhere else.
#[derive(Clone)]
pub(crate) struct UserKey(Hmac<Sha256>);

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKey([redacted])")
    }
}

impl UserKey {
    /// The directory's key; a random one is made where there is none yet.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        let key = match fs::read(&path) {
            Ok(key) => key,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(directory)?,
            Err(error) => return Err(error),
        };
        if key.len() != BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is no key", path.display())));
        }
        Hmac::new_from_slice(&key).map(Self).map_err(io::Error::other)
    }

    /// The first 128 bits of HMAC-SHA256 of the id, as 32 hexadecimal digits: the form of `customer.ref`.
    pub(crate) fn reference(&self, user_id: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(user_id.as_bytes());
        let hash = mac.finalize().into_bytes();
        let mut hex = String::with_capacity(32);
        for byte in hash.iter().take(16) {
            for digit in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
        }
        hex
    }
}

/// Under another name first: a stop in between leaves no half of a key, which would never be one.
fn make(directory: &Path) -> io::Result<Vec<u8>> {
    let key: [u8; BYTES] = rand::random();
    // Only its owner can read it.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(directory.join(FILE))?;
    #[cfg(unix)]
    fs::File::open(directory)?.sync_all()?;
    Ok(key.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_key_and_shares_it_with_no_other() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let reference = UserKey::of(one.path()).unwrap().reference("c-1042");
        assert_eq!(reference.len(), 32);
        assert_eq!(UserKey::of(one.path()).unwrap().reference("c-1042"), reference);
        assert_ne!(UserKey::of(other.path()).unwrap().reference("c-1042"), reference);
        let files = |directory: &Path| fs::read_dir(directory).unwrap().count();
        assert_eq!(files(one.path()), 1, "no temporary file is left");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(one.path().join(FILE)).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(one.path().join(FILE), "short").unwrap();
        assert!(UserKey::of(one.path()).is_err());
    }
}
