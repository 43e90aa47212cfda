//! The file of quiet files: fully acknowledged and unmodified.
//!
//! A line of JSON: the version of the format, the devices, the time up to which files were forgotten, and the number of
//! files. Then 48 bytes for each file, and a SHA-256 over everything before it.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Damage, VERSION};
use crate::failpoint;
use event::QuietFiles;

const CHECKSUM_BYTES: usize = 32;

#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    devices: Vec<u64>,
    forgotten_to: i64,
    files: usize,
}

/// Writes the entries one by one: a copy of all of them would double their memory.
pub(super) fn write(quiet: &QuietFiles, file: &mut File) -> io::Result<()> {
    let (devices, forgotten_to, files) = quiet.written();
    let head = Head { version: VERSION, devices: devices.to_vec(), forgotten_to, files: quiet.len() };
    let mut head = serde_json::to_vec(&head)?;
    head.push(b'\n');
    let (mut out, mut checksum) = (BufWriter::new(file), Sha256::new());
    out.write_all(&head)?;
    checksum.update(&head);
    failpoint::point("quiet-write");
    for bytes in files {
        out.write_all(&bytes)?;
        checksum.update(bytes);
    }
    out.write_all(&checksum.finalize())?;
    out.flush()
}

/// Decodes the file's content.
pub(super) fn decode(bytes: &[u8]) -> Result<QuietFiles, Damage> {
    let read = || {
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
        if Sha256::digest(content)[..] != checksum[..] {
            return None;
        }
        let newline = memchr::memchr(b'\n', content)?;
        let head: Head = serde_json::from_slice(&content[..newline]).ok()?;
        Some((head, &content[newline + 1..]))
    };
    let (head, files) = read().ok_or(Damage::Damaged)?;
    if head.version != VERSION {
        return Err(Damage::Version(head.version));
    }
    let quiet = QuietFiles::read(head.devices, head.forgotten_to, files).ok_or(Damage::Damaged)?;
    if quiet.len() == head.files { Ok(quiet) } else { Err(Damage::Damaged) }
}
