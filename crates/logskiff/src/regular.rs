//! Reads a small file that is named by the configuration and replaced now and then: labels, passwords, tokens, certificates.
//!
//! Enters: a path. Leaves: what a regular file there holds. A pipe or device in its place is refused and never waited for: it would
//! hold up whoever reads, and a signal to end as well.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// A volume is no place for a larger secret, certificate or list of labels; the bound keeps a mistaken path from filling the memory.
pub const BYTES_MAX: u64 = 1 << 20;

/// Why nothing was read; nothing of what a file holds is in it, nor its path.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A directory, pipe, socket or device.
    #[error("is not a file")]
    NotRegular,
    /// It is longer than it may be.
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
    /// It is not text.
    #[error("does not hold UTF-8")]
    NotText,
    /// The system says so.
    #[error("cannot be read: {}", .0.kind())]
    Io(#[from] io::Error),
}

/// Opens a regular file for reading, without waiting for anybody.
///
/// # Errors
/// [`ReadError`].
pub fn open(path: &Path) -> Result<File, ReadError> {
    // A device may act on being opened: it is refused by its look.
    if !is_plain(&fs::metadata(path)?) {
        return Err(ReadError::NotRegular);
    }
    let file =
        File::options().read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()).open(path)?;
    // It may have been swapped since.
    if is_plain(&file.metadata()?) { Ok(file) } else { Err(ReadError::NotRegular) }
}

/// What a regular file of at most `bytes_max` holds.
///
/// # Errors
/// [`ReadError`].
pub fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max { Err(ReadError::TooLarge(bytes_max)) } else { Ok(bytes) }
}

/// The text of a regular file of at most [`BYTES_MAX`].
///
/// # Errors
/// [`ReadError`].
pub fn read_text(path: &Path) -> Result<String, ReadError> {
    String::from_utf8(read(path, BYTES_MAX)?).map_err(|_| ReadError::NotText)
}

/// Whether something stands there that a library would wait for if it opened it.
#[must_use]
pub fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !is_plain(&found) && !found.is_dir())
}

/// `/dev/null` passes for an empty file, which is what those mean who name it.
fn is_plain(found: &fs::Metadata) -> bool {
    found.is_file() || (found.file_type().is_char_device() && found.rdev() == rustix::fs::makedev(1, 3))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[track_caller]
    fn check(path: &Path, want: &str) {
        let got = match read(path, 10) {
            Ok(bytes) => format!("{} bytes", bytes.len()),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "{}", path.display());
    }

    /// Goal: nothing but a regular file of its size is read, and nothing is waited for.
    #[test]
    fn only_small_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::write(at("large"), vec![b'x'; 20]).unwrap();
        fs::write(at("bytes"), b"\xff").unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        std::os::unix::fs::symlink("pipe", at("link to a pipe")).unwrap();
        check(&at("file"), "4 bytes");
        check(&at("link"), "4 bytes");
        check(Path::new("/dev/null"), "0 bytes");
        check(&at("large"), "is larger than 10 bytes");
        check(&at("missing"), "cannot be read: entity not found");
        for special in [at("pipe"), at("link to a pipe"), dir.path().into(), "/dev/zero".into(), "/dev/tty".into()] {
            check(&special, "is not a file");
        }
        assert_eq!(read_text(&at("file")).unwrap(), "text");
        assert!(matches!(read_text(&at("bytes")), Err(ReadError::NotText)));
        assert!(is_special(&at("pipe")) && !is_special(&at("file")) && !is_special(&at("missing")));
    }
}
