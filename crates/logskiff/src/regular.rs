//! Reads small files that the configuration names: labels, passwords, tokens, certificates.
//!
//! Input: a path. Output: the content of the regular file there. A pipe or device is refused, because reading it could
//! block the program, even its shutdown.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Maximum file size. Secrets, certificates and labels are smaller; the limit keeps a wrong path from filling the
/// memory.
pub const BYTES_MAX: u64 = 1 << 20;

/// Why a file was not read. Contains neither the file's content nor its path.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is a directory, pipe, socket or device.
    #[error("is not a file")]
    NotRegular,
    /// It is too large; the limit in bytes.
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
    /// It is not UTF-8.
    #[error("does not hold UTF-8")]
    NotText,
    /// A system call failed.
    #[error("cannot be read: {}", .0.kind())]
    Io(#[from] io::Error),
}

/// Opens a regular file for reading, without blocking.
///
/// # Errors
/// [`ReadError`].
pub fn open(path: &Path) -> Result<File, ReadError> {
    // Opening a device may have effects, so it is refused before.
    if !is_plain(&fs::metadata(path)?) {
        return Err(ReadError::NotRegular);
    }
    let file =
        File::options().read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()).open(path)?;
    // The path may have been replaced since.
    if is_plain(&file.metadata()?) { Ok(file) } else { Err(ReadError::NotRegular) }
}

/// The content of a regular file of at most `bytes_max` bytes.
///
/// # Errors
/// [`ReadError`].
pub fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max { Err(ReadError::TooLarge(bytes_max)) } else { Ok(bytes) }
}

/// The text of a regular file of at most [`BYTES_MAX`] bytes.
///
/// # Errors
/// [`ReadError`].
pub fn read_text(path: &Path) -> Result<String, ReadError> {
    String::from_utf8(read(path, BYTES_MAX)?).map_err(|_| ReadError::NotText)
}

/// Whether the path is a pipe, socket or device, on which a library could block.
#[must_use]
pub fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !is_plain(&found) && !found.is_dir())
}

/// A regular file, or `/dev/null`, which counts as an empty file.
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

    /// Goal: only small regular files are read, and nothing blocks.
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
