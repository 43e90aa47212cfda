//! Where reading goes on after a restart, and how the file is known again.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Boundary, Progress, Span, Watermark};

/// A file's place in its file system: unique while the file exists, free for another once it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Inode {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

/// The first 64 bits of a SHA-256, as hexadecimal digits where written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash(pub u64);

/// What a file's content looked like at an offset: hashes, never bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The offset it was taken at.
    pub offset: u64,
    /// How many bytes from the file's start the head hash covers; at most 256.
    pub head_bytes: u16,
    /// Over these bytes.
    pub head: Hash,
    /// How many bytes before the offset the other hash covers; at most 64.
    pub before_bytes: u16,
    /// Over these bytes.
    pub before: Hash,
}

/// One file in the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointEntry {
    /// The name under which its records go out.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: PathBuf,
    /// Where it lay, if a symbolic link led there.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_real",
        deserialize_with = "read_real"
    )]
    pub real: Option<PathBuf>,
    /// Its place in the file system.
    pub inode: Inode,
    /// Distinguishes this incarnation of this file in event ids.
    pub origin: String,
    /// How often it has been truncated under us.
    pub incarnation: u32,
    /// Everything before this offset is settled.
    pub offset: u64,
    /// What stands at the offset.
    pub boundary: Boundary,
    /// Everything before the offset was read and settled by us: nothing was skipped at the start. A checkpoint that does
    /// not say so was written before it was asked for.
    #[serde(default)]
    pub whole: bool,
    /// How long the file was when last looked at.
    pub size: u64,
    /// How it is known again.
    pub fingerprint: Fingerprint,
    /// What is settled behind the offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
}

/// What of a file is settled behind the watermark, where a span that is not settled holds that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// In order, without overlap.
    pub spans: Vec<Span>,
    /// How it is told that the file still holds them: as it was at the end of the last.
    pub fingerprint: Fingerprint,
}

impl CheckpointEntry {
    /// Where reading goes on.
    #[must_use]
    pub fn watermark(&self) -> Watermark {
        Watermark { offset: self.offset, boundary: self.boundary }
    }

    /// The same, and what is settled behind it, if the file `holds` it still.
    #[must_use]
    pub fn progress(&self, holds: impl FnOnce(&Fingerprint) -> bool) -> Progress {
        let ahead = self.ahead.as_ref().filter(|ahead| holds(&ahead.fingerprint));
        Progress { watermark: self.watermark(), ahead: ahead.map_or_else(Vec::new, |ahead| ahead.spans.clone()) }
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
