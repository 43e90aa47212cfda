//! Where reading resumes after a restart, and how a file is recognized.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Boundary, Progress, RecordMemory, Span, Watermark, WriteStep};

/// A file's place in its file system: unique while the file exists, and reused afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Inode {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

/// The first 64 bits of a SHA-256, written as hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash(pub u64);

/// A file's content at an offset: hashes, never bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The offset in bytes.
    pub offset: u64,
    /// How many bytes from the file's start the head hash covers; at most 256.
    pub head_bytes: u16,
    /// The hash of these bytes.
    pub head: Hash,
    /// How many bytes before the offset the other hash covers; at most 1,024.
    pub before_bytes: u16,
    /// The hash of these bytes.
    pub before: Hash,
}

/// One file in the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointEntry {
    /// The name under which its records are shipped.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: PathBuf,
    /// Its real path, if it was found through a symbolic link.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_real",
        deserialize_with = "read_real"
    )]
    pub real: Option<PathBuf>,
    /// Its place in the file system.
    pub inode: Inode,
    /// Identifies this incarnation of the file in event ids.
    pub origin: String,
    /// How often it was truncated.
    pub incarnation: u32,
    /// Everything before this offset is acknowledged or dropped.
    pub offset: u64,
    /// Whether a line begins at the offset.
    pub boundary: Boundary,
    /// logskiff read everything before the offset: it skipped nothing at the start. Missing in checkpoints of early
    /// versions.
    #[serde(rename = "whole", default)]
    pub read_from_start: bool,
    /// How far it was written, and when.
    #[serde(flatten)]
    pub writes: Writes,
    /// How it is recognized.
    pub fingerprint: Fingerprint,
    /// Acknowledged spans after the offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// What a re-read from the offset on needs to form the same records.
    #[serde(flatten)]
    pub records: RecordMemory,
}

/// How far a file was written, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writes {
    /// Its length in bytes at the last poll.
    pub size: u64,
    /// When the bytes were written that are not acknowledged, oldest first; empty: unknown.
    #[serde(rename = "written", default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<WriteStep>,
}

impl Writes {
    /// Of a file of this length, which is acknowledged.
    #[must_use]
    pub fn acknowledged(size: u64) -> Self {
        Self { size, steps: Vec::new() }
    }
}

/// The spans of a file that are acknowledged or dropped after the watermark, where an earlier span is still pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// In order, without overlap.
    pub spans: Vec<Span>,
    /// How to verify that the file still holds them: its fingerprint at the end of the last span.
    pub fingerprint: Fingerprint,
}

impl CheckpointEntry {
    /// Where reading resumes.
    #[must_use]
    pub fn watermark(&self) -> Watermark {
        Watermark { offset: self.offset, boundary: self.boundary }
    }

    /// The same, with the spans after it, if the file still `holds` them.
    #[must_use]
    pub fn progress(&self, holds: impl FnOnce(&Fingerprint) -> bool) -> Progress {
        let ahead = self.ahead.as_ref().filter(|ahead| holds(&ahead.fingerprint));
        let ahead = ahead.map_or_else(Vec::new, |ahead| ahead.spans.clone());
        Progress { watermark: self.watermark(), ahead, records: self.records.clone() }
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        u64::from_str_radix(&digits, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A path is a string where it is UTF-8, else its bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

fn write_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let written = match path.to_str() {
        Some(text) => Written::Text(text.to_owned()),
        None => Written::Bytes(path.as_os_str().as_bytes().to_vec()),
    };
    written.serialize(serializer)
}

#[allow(clippy::ref_option, reason = "serde hands over what it has")]
fn write_real<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => write_path(path, serializer),
        None => serializer.serialize_none(),
    }
}

fn read_real<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    read_path(deserializer).map(Some)
}

fn read_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => text.into(),
        Written::Bytes(bytes) => OsString::from_vec(bytes).into(),
    })
}
