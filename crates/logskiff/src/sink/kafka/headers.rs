//! The headers of messages.
//!
//! Enters: the configured names with their templates, and redacted lines. Leaves: bytes with the values, and headers
//! for the client. A header without a value is left out.

use rdkafka::message::{Header, OwnedHeaders};

use super::extra::{Extra, VALUE_BYTES_MAX, push_value, split_value, truncate};
use crate::pipeline::encode::template::Template;

/// The names of logskiff's own headers.
pub const OWN: [&str; 6] = ["event.id", "id", "part", "parts", "content-encoding", "records"];
/// The most bytes of a header's lengths.
const LENGTHS_BYTES: usize = 8;

/// The most bytes of logskiff's own headers of a message, without the event id.
const OWN_BYTES_MAX: usize = 100;

/// The configured headers.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    named: Vec<(String, Template)>,
}

impl Headers {
    pub(super) fn new(named: Vec<(String, Template)>) -> Self {
        Self { named }
    }

    /// Whether the values depend on the record.
    pub(super) fn by_record(&self) -> bool {
        self.named.iter().any(|(_, template)| template.by_record())
    }

    /// The most bytes of a message that the headers take.
    pub(super) fn bytes_max(&self) -> usize {
        self.named.iter().map(|(name, _)| name.len() + VALUE_BYTES_MAX + LENGTHS_BYTES).sum()
    }

    /// The bytes of a record's headers in a message besides what [`Extra::write`] writes; logskiff's own have room.
    pub(super) fn overhead(&self, extra: &Extra<'_>) -> usize {
        let has_own = !extra.id.is_empty() || extra.parts > 1;
        let configured: usize = self.named.iter().map(|(name, _)| name.len() + LENGTHS_BYTES).sum();
        configured + if has_own { OWN_BYTES_MAX } else { 0 }
    }

    /// Appends the values for [`Extra::values`]; `render` fills in a template.
    pub(super) fn write_values(&self, render: impl Fn(&Template) -> String, out: &mut Vec<u8>) {
        for (_, template) in &self.named {
            push_value(truncate(&render(template)), out);
        }
    }

    /// The headers of a record's message; `None` if it has none.
    pub(super) fn of_record(&self, extra: &Extra<'_>) -> Option<OwnedHeaders> {
        let mut headers = None;
        if !extra.id.is_empty() {
            headers = Some(add(headers, "event.id", extra.id));
        }
        self.add_configured(headers, extra.values)
    }

    /// The headers of a part of a record.
    pub(super) fn of_part(&self, extra: &Extra<'_>, id: &str, part: usize) -> Option<OwnedHeaders> {
        let numbers = [("id", id.to_owned()), ("part", part.to_string()), ("parts", extra.parts.to_string())];
        let own = numbers.iter().fold(None, |headers, (name, value)| Some(add(headers, name, value.as_bytes())));
        self.add_configured(own, extra.values)
    }

    /// The headers of a message with many records, which all have these values.
    pub(super) fn of_group(&self, values: &[u8], records: usize) -> Option<OwnedHeaders> {
        let own = add(None, "content-encoding", b"gzip");
        let own = add(Some(own), "records", records.to_string().as_bytes());
        self.add_configured(Some(own), values)
    }

    fn add_configured(&self, mut headers: Option<OwnedHeaders>, mut values: &[u8]) -> Option<OwnedHeaders> {
        for (name, _) in &self.named {
            let (value, rest) = split_value(values);
            values = rest;
            if !value.is_empty() {
                headers = Some(add(headers, name, value));
            }
        }
        headers
    }
}

fn add(headers: Option<OwnedHeaders>, key: &str, value: &[u8]) -> OwnedHeaders {
    headers.unwrap_or_default().insert(Header { key, value: Some(value) })
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers as _;

    use super::*;

    #[track_caller]
    fn check(headers: Option<&OwnedHeaders>, want: &[(&str, &str)]) {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        let found: Vec<_> =
            headers.into_iter().flat_map(|all| all.iter()).map(|one| (one.key.to_owned(), text(one.value))).collect();
        let want: Vec<_> = want.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn empty_values_are_left_out() {
        let named = [("team", "shop"), ("none", "{node}"), ("app", "{pod}")];
        let headers = Headers::new(named.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).to_vec());
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        headers.write_values(|template| template.render(|_| None), &mut values);
        let extra = Extra { parts: 2, id: b"e-1", values: &values, ..Extra::default() };
        extra.write(&mut bytes);
        let extra = Extra::read(&bytes);
        check(headers.of_record(&extra).as_ref(), &[("event.id", "e-1"), ("team", "shop")]);
        check(
            headers.of_part(&extra, "x", 1).as_ref(),
            &[("id", "x"), ("part", "1"), ("parts", "2"), ("team", "shop")],
        );
        let group = [("content-encoding", "gzip"), ("records", "7"), ("team", "shop")];
        check(headers.of_group(extra.values, 7).as_ref(), &group);
        check(Headers::default().of_record(&Extra::default()).as_ref(), &[]);
        assert!(headers.bytes_max() >= values.len());
    }
}
