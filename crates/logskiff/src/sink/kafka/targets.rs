//! The topic, key and headers of each record.
//!
//! Enters: envelopes of files, and redacted lines. Leaves: the bytes that follow a record in the batch. A template that
//! is the same for all records of a file is rendered once.

use std::sync::Arc;

use super::Config;
use super::extra::{Extra, truncate};
use super::headers::Headers;
use super::topics::Topics;
use crate::pipeline::encode::template::Template;
use crate::pipeline::encode::{Encoder, Envelope, NO_FILE, RedactedLine};
use crate::sink::Services;
use crate::telemetry::metrics::Metrics;
use event::FileId;

/// The topic, key and header templates, and their values for each file.
pub(super) struct Targets {
    topic: Template,
    key: Option<Template>,
    headers: Headers,
    topics: Topics,
    /// Indexed by [`FileId`].
    files: Vec<Target>,
    metrics: Arc<Metrics>,
    /// Empty between calls; kept for their buffers.
    id: Vec<u8>,
    values: Vec<u8>,
}

/// The topic, key and headers of the records of one file.
#[derive(Clone, Default)]
struct Target {
    /// The topic's number; `None`: each record has its own.
    topic: Option<u16>,
    /// The key, empty for none; `None`: each record has its own.
    key: Option<String>,
    /// The headers' values; `None`: each record has its own.
    values: Option<Vec<u8>>,
}

impl Targets {
    pub(super) fn new(config: &Config, services: &Services) -> Self {
        // The default topic is the template rendered without a file and a record.
        let default = config.topic.render(|place| services.pod.value(place).map(ToOwned::to_owned));
        Self {
            topic: config.topic.clone(),
            key: config.key.clone(),
            headers: Headers::new(config.headers.clone()),
            topics: Topics::new(&default, config.topics_max),
            files: Vec::new(),
            metrics: Arc::clone(&services.metrics),
            id: Vec::new(),
            values: Vec::new(),
        }
    }

    /// The name of a topic.
    pub(super) fn topic(&self, number: u16) -> &str {
        self.topics.name(number)
    }

    /// The topic of all records, if there is only one.
    pub(super) fn only_topic(&self) -> Option<&str> {
        self.topic.is_of_pod().then(|| self.topic(0))
    }

    /// The number of a topic by its name.
    pub(super) fn number_of(&self, name: &str) -> Option<u16> {
        self.topics.number_of(name)
    }

    /// Counts a record whose own time is out of range.
    pub(super) fn count_time_out_of_range(&self, line: &RedactedLine<'_>) {
        if line.is_new {
            self.metrics.timestamp_fallback_records.add(1);
        }
    }

    /// The configured headers.
    pub(super) fn headers(&self) -> &Headers {
        &self.headers
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
        let values = (!self.headers.by_record()).then(|| {
            let mut values = Vec::new();
            self.headers.write_values(|template| envelope.render(template, None), &mut values);
            values
        });
        self.files[index] = Target { topic, key, values };
    }

    /// The number of a record's topic.
    pub(super) fn topic_of(&mut self, line: &RedactedLine<'_>) -> u16 {
        if line.file == NO_FILE {
            // It is not sent: no topic is taken into use for it.
            return 0;
        }
        match self.files.get(line.file.0 as usize).and_then(|target| target.topic) {
            Some(topic) => topic,
            None => self.number(&line.render(&self.topic), line.is_new),
        }
    }

    /// Appends the bytes that follow a record in the batch: `extra` with the record's key, id and headers.
    pub(super) fn write_extra(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &Encoder,
        extra: Extra<'_>,
        out: &mut Vec<u8>,
    ) {
        let target = self.files.get(line.file.0 as usize);
        let rendered = match (target.and_then(|target| target.key.as_deref()), &self.key) {
            (None, Some(key)) => line.render(key),
            _ => String::new(),
        };
        let key = target.and_then(|target| target.key.as_deref()).unwrap_or(&rendered);
        encoder.header_id(line, &mut self.id);
        let values = if let Some(values) = target.and_then(|target| target.values.as_ref()) {
            values
        } else {
            self.headers.write_values(|template| line.render(template), &mut self.values);
            &self.values
        };
        Extra { key: Some(truncate(key)), id: &self.id, values, ..extra }.write(out);
        self.id.clear();
        self.values.clear();
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
