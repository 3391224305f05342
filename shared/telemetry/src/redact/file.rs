//! The file that the key is in: changed as a whole, and read again when it has changed.

use super::{CustomerRef, RefKey, ring::RingFileError};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// Replaces what the file at `path` holds, durably. Others that do the same wait for their turn.
pub(super) fn change(
    path: &Path,
    change: impl FnOnce(&str) -> Result<String, RingFileError>,
) -> Result<(), RingFileError> {
    // Not the file itself: it will be another one.
    let turn = OpenOptions::new().create(true).append(true).open(beside(path, ".lock"))?;
    turn.lock()?;
    let changed = change(&fs::read_to_string(path)?)?;
    let new = beside(path, ".new");
    // One that a crash left behind may have anybody's permissions.
    let _ = fs::remove_file(&new);
    let mut file = owners_alone().open(&new)?;
    keep_owner(path, &file)?;
    file.write_all(changed.as_bytes())?;
    file.set_permissions(fs::metadata(path)?.permissions())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The services that read the old file must be able to read the new one, whoever changes it.
#[cfg(unix)]
fn keep_owner(path: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let owner = |about: fs::Metadata| (about.uid(), about.gid());
    let (user, group) = owner(fs::metadata(path)?);
    if owner(new.metadata()?) == (user, group) {
        return Ok(());
    }
    fchown(new, Some(user), Some(group)).map_err(|error| {
        let why = format!(
            "it belongs to user {user}, group {group}, who would lose it: change it as that user ({error})"
        );
        io::Error::new(error.kind(), why)
    })
}

#[cfg(not(unix))]
fn keep_owner(_path: &Path, _new: &File) -> io::Result<()> {
    Ok(())
}

fn owners_alone() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true);
    options
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Where `CUSTOMER_REF_KEY_FILE` is, and what it held at the start.
#[derive(Clone)]
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    pub(crate) held: String,
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyFile({})", self.path.display())
    }
}

/// The key that is in use now.
#[derive(Debug)]
pub(crate) struct CurrentKey(RwLock<RefKey>);

impl CurrentKey {
    pub(crate) fn new(key: RefKey) -> Arc<Self> {
        Arc::new(Self(RwLock::new(key)))
    }

    pub(crate) fn reference(&self, customer_id: &str) -> CustomerRef {
        // Nothing in a critical section can panic half-way, so the key behind a poisoned lock is whole.
        CustomerRef::of(&self.0.read().unwrap_or_else(PoisonError::into_inner), customer_id)
    }

    /// Reads the file again and again, and takes what has changed. The whole of it is compared: times of files are too
    /// coarse to tell two changes of the same moment apart, and it is small.
    pub(crate) async fn follow(self: Arc<Self>, file: KeyFile, every: Duration) {
        let mut seen = Ok(file.held);
        loop {
            tokio::time::sleep(every).await;
            let held = tokio::fs::read_to_string(&file.path).await;
            let held = held.map(|held| held.trim().to_owned()).map_err(|error| error.to_string());
            if held != seen {
                self.take(&held);
                seen = held;
            }
        }
    }

    /// Keeps the old key where the new one won't do.
    fn take(&self, held: &Result<String, String>) {
        let key = match held {
            Ok(held) => RefKey::new(held.as_bytes()).ok_or("it holds no key"),
            Err(error) => Err(error.as_str()),
        };
        match key {
            Ok(key) => {
                *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
                tracing::info!(
                    "CUSTOMER_REF_KEY_FILE has changed: customer references are made with what it holds now"
                );
            }
            Err(error) => {
                tracing::warn!(
                    error,
                    "CUSTOMER_REF_KEY_FILE won't do: the key that was read before stays in use"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::RefRing;

    #[test]
    fn what_will_not_do_leaves_the_key_as_it_was() {
        let current = CurrentKey::new(RefKey::random());
        let before = current.reference("c-1042");
        for bad in [Ok(String::new()), Ok("short".to_owned()), Err("gone".to_owned())] {
            current.take(&bad);
            assert_eq!(current.reference("c-1042"), before, "{bad:?}");
        }
        current.take(&Ok(RefRing::generate().render()));
        assert_ne!(current.reference("c-1042"), before);
    }

    #[cfg(unix)]
    #[test]
    fn a_changed_file_has_its_owner_still() {
        use std::os::unix::fs::{MetadataExt, chown};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, RefRing::generate().render()).unwrap();
        // Whoever is not root cannot give it away, and has nothing to keep.
        let _ = chown(&path, Some(4_242), Some(4_243));
        let owner = || fs::metadata(&path).map(|about| (about.uid(), about.gid())).unwrap();
        let before = owner();
        RefRing::replace_file(&path).unwrap();
        assert_eq!(owner(), before);
    }

    #[tokio::test]
    async fn a_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let held = RefRing::generate().render();
        fs::write(&path, &held).unwrap();
        let current = CurrentKey::new(RefKey::new(held.as_bytes()).unwrap());
        let before = current.reference("c-1042");
        let following = tokio::spawn(
            current.clone().follow(KeyFile { path: path.clone(), held }, Duration::from_millis(5)),
        );
        RefRing::change_file(&path, |ring| ring.forget("c-1042")).unwrap();
        testkit::eventually("the new key", async || {
            Some(current.reference("c-1042")).filter(|reference| *reference != before)
        })
        .await;
        following.abort();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            RefRing::replace_file(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        }
    }
}
