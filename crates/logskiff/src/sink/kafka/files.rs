//! The files that a client needs: certificates, a key, a password. They may change while it runs.
//!
//! Enters: paths. Leaves: hashes of the files, which show changes, and the new password. Content is never shown.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use super::Properties;
use crate::regular;

/// The property that a password file sets.
const PASSWORD: &str = "sasl.password";

/// The size limit of these files: no list of certificate authorities is longer.
const TLS_BYTES_MAX: u64 = 16 << 20;

/// The paths of these files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Certificates and keys, which librdkafka reads itself.
    pub tls: Vec<PathBuf>,
    /// The password's file; `None`: the password does not come from a file.
    pub password: Option<PathBuf>,
}

/// A hash for each file, to detect changes; `None`: it cannot be read.
pub(super) type Content = Vec<Option<u64>>;

impl Files {
    /// Hashes of the files as they are now. Symbolic links are followed.
    pub(super) fn content(&self) -> Content {
        self.tls.iter().chain(&self.password).map(|path| hash(path)).collect()
    }

    /// Writes the current password into `properties`.
    ///
    /// # Errors
    /// The file that cannot be read, or is empty.
    pub(super) fn refresh(&self, properties: &mut Properties) -> Result<(), PathBuf> {
        let Some(path) = &self.password else { return Ok(()) };
        let text = regular::read_text(path).map_err(|_| path.clone())?;
        // One line end is left out, as at the start.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(path.clone());
        }
        for (_, value) in properties.0.iter_mut().filter(|(name, _)| name == PASSWORD) {
            text.clone_into(value);
        }
        Ok(())
    }
}

fn hash(path: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    regular::read(path, TLS_BYTES_MAX).ok()?.hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_changes_of_content_are_detected_not_of_links_or_times() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (data, text) in [("data1", "one"), ("data2", "one"), ("data3", "two")] {
            fs::create_dir(at(data)).unwrap();
            fs::write(at(data).join("key"), text).unwrap();
        }
        let point = |to: &str| {
            std::os::unix::fs::symlink(to, at("new")).unwrap();
            fs::rename(at("new"), at("..data")).unwrap();
        };
        point("data1");
        let files = Files { tls: vec![at("..data/key")], password: None };
        let first = files.content();
        assert!(first[0].is_some());
        point("data2");
        assert_eq!(files.content(), first, "the same content elsewhere");
        point("data3");
        assert_ne!(files.content(), first);
        fs::remove_file(at("..data")).unwrap();
        assert_eq!(files.content(), [None]);
    }

    #[test]
    fn a_password_is_read_again_and_an_empty_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let files = Files { tls: Vec::new(), password: Some(path.clone()) };
        let mut properties = Properties(vec![("sasl.username".into(), "me".into()), (PASSWORD.into(), "old".into())]);
        assert_eq!(files.refresh(&mut properties), Err(path.clone()));
        fs::write(&path, "\n").unwrap();
        assert_eq!(files.refresh(&mut properties), Err(path.clone()));
        fs::write(&path, "new one\n").unwrap();
        assert_eq!(files.refresh(&mut properties), Ok(()));
        assert_eq!(properties.0[1].1, "new one");
        assert_eq!(properties.0[0].1, "me");
    }
}
