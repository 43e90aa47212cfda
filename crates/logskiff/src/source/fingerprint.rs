//! Recognizes files. No single sign is enough.
//!
//! A file is the same if its first bytes and the bytes before an offset are the same. Device and inode only say where
//! to look first. This works from the first byte, and survives inode reuse, identical first lines, truncation followed
//! by growth, chains of renames, and copies.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::Stat;
use sha2::{Digest, Sha256};

use super::content::Content;
use event::{Fingerprint, Hash, Inode};

/// How many bytes at the start tell files apart: log lines begin with a timestamp.
pub(super) const HEAD_BYTES: usize = 256;
/// How many bytes before an offset tell a continued file from a rewritten one: several lines, since lines may end
/// alike.
pub(super) const BEFORE_BYTES: usize = 1024;

/// The fingerprint of a file that begins with `head` and whose bytes just before `offset` are `before`.
#[must_use]
pub(super) fn from_bytes(head: &[u8], before: &[u8], offset: u64) -> Fingerprint {
    // Once a file is being read, only bytes that were read count: a copy may be older than the bytes after them.
    let begun = usize::try_from(offset).ok().filter(|read| *read > 0).unwrap_or(HEAD_BYTES);
    let head = &head[..head.len().min(HEAD_BYTES).min(begun)];
    let before = &before[before.len().saturating_sub(BEFORE_BYTES)..];
    Fingerprint { offset, head_bytes: bytes(head), head: hash(head), before_bytes: bytes(before), before: hash(before) }
}

/// Reads the fingerprint of `file` at `offset`.
///
/// # Errors
/// When the file cannot be read, or ends before `offset`.
pub(super) fn read_fingerprint(file: &Content, offset: u64) -> io::Result<Fingerprint> {
    Ok(from_bytes(&read_at(file, 0, HEAD_BYTES)?, &read_before(file, offset)?, offset))
}

/// Reads up to [`BEFORE_BYTES`] before `offset`.
///
/// # Errors
/// When the file cannot be read, or ends before `offset`.
pub(super) fn read_before(file: &Content, offset: u64) -> io::Result<Vec<u8>> {
    let start = offset.saturating_sub(BEFORE_BYTES as u64);
    let mut bytes = vec![0; usize::try_from(offset - start).unwrap_or(BEFORE_BYTES)];
    if file.fill(start, &mut bytes)? < bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// Whether `file` still holds the bytes that the fingerprint was taken of.
///
/// # Errors
/// When the file cannot be read. A file that is too short is no error: it does not match.
pub(super) fn matches(file: &Content, print: &Fingerprint) -> io::Result<bool> {
    // The true length of a compressed file is known only at its end: the bytes before the offset decide.
    if !file.is_gzip() && file.length()? < print.offset {
        return Ok(false);
    }
    matches_from(file, 0, print)
}

/// The same for the bytes of `file` after `from`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn matches_from(file: &Content, from: u64, print: &Fingerprint) -> io::Result<bool> {
    let head = read_at(file, from, usize::from(print.head_bytes))?;
    if bytes(&head) != print.head_bytes || hash(&head) != print.head {
        return Ok(false);
    }
    let before_bytes = usize::from(print.before_bytes);
    let start = from + print.offset.saturating_sub(before_bytes as u64);
    let before = read_at(file, start, before_bytes)?;
    Ok(bytes(&before) == print.before_bytes && hash(&before) == print.before)
}

/// Whether `file` begins with the bytes that the fingerprint was taken of.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn begins_alike(file: &Content, print: &Fingerprint) -> io::Result<bool> {
    let head = read_at(file, 0, usize::from(print.head_bytes))?;
    Ok(bytes(&head) == print.head_bytes && hash(&head) == print.head)
}

/// A file's place in its file system.
#[must_use]
pub(super) fn inode_from_metadata(metadata: &std::fs::Metadata) -> Inode {
    Inode { device: metadata.dev(), inode: metadata.ino() }
}

/// The same, from the system call's result.
#[must_use]
pub(super) fn inode_from_stat(found: &Stat) -> Inode {
    Inode { device: found.st_dev, inode: found.st_ino }
}

/// Names one incarnation of a file for event ids: the same after a restart, and independent of its content.
///
/// The birth time tells apart files that had the same inode at different times. Where the file system keeps none, it
/// counts as zero.
#[must_use]
pub(super) fn origin(scope: &str, file: &Content, inode: Inode, incarnation: u32) -> String {
    let birth = file.birth();
    let identity = format!("{scope}\n{}\n{}\n{}.{}\n{incarnation}", inode.device, inode.inode, birth.0, birth.1);
    base16ct::lower::encode_string(&Sha256::digest(identity.as_bytes())[..12])
}

/// Names a pipe for event ids: differently at each start, since its offsets begin at zero again.
#[must_use]
pub(super) fn stream_origin(scope: &str, path: &Path) -> String {
    let mut identity = format!("{scope}\n{}\n", fastrand::u128(..)).into_bytes();
    identity.extend_from_slice(path.as_os_str().as_bytes());
    base16ct::lower::encode_string(&Sha256::digest(identity)[..12])
}

fn hash(bytes: &[u8]) -> Hash {
    let digest = Sha256::digest(bytes);
    Hash(digest[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte)))
}

fn bytes(part: &[u8]) -> u16 {
    u16::try_from(part.len()).unwrap_or(u16::MAX)
}

/// Reads up to `most` bytes from `offset`; fewer at the file's end.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read_at(file: &Content, offset: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; most];
    let length = file.fill(offset, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// The start of the last incomplete line, so that reading from the end does not begin inside a line.
pub(super) fn line_start(handle: &Content, size: u64) -> u64 {
    let window = size.min(64 * 1024);
    let Ok(end) = read_at(handle, size - window, usize::try_from(window).unwrap_or(0)) else {
        return size;
    };
    let only = if window == size { 0 } else { size };
    memchr::memrchr(b'\n', &end).map_or(only, |newline| size - window + newline as u64 + 1)
}
