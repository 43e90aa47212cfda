//! The topic and key of each record.
//!
//! Enters: envelopes of files, and redacted lines. Leaves: the bytes that follow a record in the batch, with its topic,
//! key and event id. A template that is the same for all records of a file is rendered once.

use std::sync::Arc;

use super::Config;
use super::topics::Topics;
use crate::pipeline::encode::template::Template;
use crate::pipeline::encode::{Encoder, Envelope, RedactedLine};
use crate::sink::Services;
use crate::telemetry::metrics::Metrics;
use event::FileId;

/// The maximum length of a key in bytes. Longer ones are truncated, so that each record fits into a message.
pub(super) const KEY_BYTES_MAX: usize = 256;

/// The topic and key templates, and their values for each file.
pub(super) struct Targets {
    topic: Template,
    key: Option<Template>,
    topics: Topics,
    /// Indexed by [`FileId`].
    files: Vec<Target>,
    metrics: Arc<Metrics>,
}

/// The topic and key of the records of one file.
#[derive(Clone, Default)]
struct Target {
    /// The topic's number; `None`: each record has its own.
    topic: Option<u16>,
    /// The key, empty for none; `None`: each record has its own.
    key: Option<String>,
}

/// The bytes that follow a record in the batch. There are none for the default topic without key and id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extra<'b> {
    /// The topic's number.
    pub(super) topic: u16,
    /// The key.
    pub(super) key: Option<&'b [u8]>,
    /// The event id, or empty if it is not a message header.
    pub(super) id: &'b [u8],
}

impl<'b> Extra<'b> {
    /// Reads the bytes from [`Targets::write_extra`]: the topic's number, the length of the key, the key, the id.
    pub(super) fn read(bytes: &'b [u8]) -> Self {
        let Some(([t0, t1, k0, k1], rest)) = bytes.split_first_chunk() else { return Self::default() };
        let key_bytes = usize::from(u16::from_le_bytes([*k0, *k1]));
        let (key, id) = rest.split_at_checked(key_bytes).unwrap_or((rest, &[]));
        Self { topic: u16::from_le_bytes([*t0, *t1]), key: (!key.is_empty()).then_some(key), id }
    }
}

impl Targets {
    pub(super) fn new(config: &Config, services: &Services) -> Self {
        // The default topic is the template rendered without a file and a record.
        let default = config.topic.render(|place| services.pod.value(place).map(ToOwned::to_owned));
        Self {
            topic: config.topic.clone(),
            key: config.key.clone(),
            topics: Topics::new(&default, config.topics_max),
            files: Vec::new(),
            metrics: Arc::clone(&services.metrics),
        }
    }

    /// The name of a topic.
    pub(super) fn topic(&self, number: u16) -> &str {
        self.topics.name(number)
    }

    /// Renders the templates that are the same for all records of a file.
    pub(super) fn set_file(&mut self, file: FileId, envelope: &Envelope) {
        let index = file.0 as usize;
        if self.files.len() <= index {
            self.files.resize(index + 1, Target::default());
        }
        let topic = (!self.topic.by_record()).then(|| envelope.render(&self.topic, None));
        let topic = topic.map(|name| self.number(&name, true));
        let key = match &self.key {
            Some(key) if key.by_record() => None,
            Some(key) => Some(envelope.render(key, None)),
            None => Some(String::new()),
        };
        self.files[index] = Target { topic, key };
    }

    /// Appends the bytes that follow a record in the batch.
    pub(super) fn write_extra(&mut self, line: &RedactedLine<'_>, encoder: &Encoder, out: &mut Vec<u8>) {
        const HEAD_BYTES: usize = 4;
        let file = line.file.0 as usize;
        let topic = match self.files.get(file).and_then(|target| target.topic) {
            Some(topic) => topic,
            None => self.number(&line.envelope.render(&self.topic, Some(line.redacted)), line.is_new),
        };
        let start = out.len();
        out.extend_from_slice(&[0; HEAD_BYTES]);
        match (self.files.get(file).and_then(|target| target.key.as_deref()), &self.key) {
            (Some(key), _) => out.extend_from_slice(truncate(key)),
            (None, Some(key)) => {
                out.extend_from_slice(truncate(&line.envelope.render(key, Some(line.redacted))));
            }
            (None, None) => {}
        }
        let key_bytes = out.len() - start - HEAD_BYTES;
        encoder.header_id(line, out);
        if topic == 0 && out.len() == start + HEAD_BYTES {
            return out.truncate(start);
        }
        out[start..start + 2].copy_from_slice(&topic.to_le_bytes());
        // `truncate` has limited the length.
        out[start + 2..start + HEAD_BYTES].copy_from_slice(&u16::try_from(key_bytes).unwrap_or(u16::MAX).to_le_bytes());
    }

    /// The number of a topic, or of the default topic if there are too many.
    fn number(&mut self, name: &str, is_counted: bool) -> u16 {
        let number = self.topics.number(name);
        if number.is_none() && is_counted {
            self.metrics.topic_overflow_records.add(1);
        }
        number.unwrap_or_default()
    }
}

/// A key, truncated at the end of a character if it is too long.
fn truncate(key: &str) -> &[u8] {
    let end_max = key.len().min(KEY_BYTES_MAX);
    let end = (0..=end_max).rev().find(|end| key.is_char_boundary(*end)).unwrap_or(0);
    &key.as_bytes()[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], topic: u16, key: Option<&[u8]>, id: &[u8]) {
        assert_eq!(Extra::read(bytes), Extra { topic, key, id }, "{bytes:?}");
    }

    #[test]
    fn the_bytes_after_a_record_name_its_topic_key_and_id() {
        check(b"", 0, None, b"");
        check(b"\x01\x02\x00\x00", 0x201, None, b"");
        check(b"\x00\x00\x02\x00keid", 0, Some(b"ke"), b"id");
        check(b"\x00\x00\x09\x00key", 0, Some(b"key"), b"");
    }

    #[test]
    fn a_long_key_is_truncated_at_a_character() {
        assert_eq!(truncate("kéy"), "kéy".as_bytes());
        let long = "é".repeat(KEY_BYTES_MAX);
        assert_eq!(truncate(&format!("a{long}")).len(), KEY_BYTES_MAX - 1);
    }
}
