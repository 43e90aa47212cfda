//! The list of a record's fields: names, types, when they are there, examples.
//!
//! The encoder's reserved names, the table in `docs/records.md`, the JSON Schema and the index template are made from
//! it. What a JSON line has beside these fields keeps its name and its type.

mod of_lines;

pub use self::of_lines::OF_LINES;

/// The type of a field, in JSON and in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A string: a time as in RFC 3339, in UTC.
    Date,
    /// A string, to be searched by its words.
    Text,
    /// A string, to be compared as a whole.
    Keyword,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An array of strings.
    Keywords,
    /// A string: an IP address, or its mask.
    Ip,
    /// A number without a fraction.
    Long,
    /// A number.
    Double,
    /// An object; its members are strings where logskiff writes it.
    Object,
}

impl FieldType {
    /// The type of Elasticsearch and OpenSearch. They keep an object, but do not look into it.
    #[must_use]
    pub fn in_stores(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Text => "text",
            Self::Keyword | Self::OneOf(_) | Self::Keywords => "keyword",
            Self::Ip => "ip",
            Self::Long => "long",
            Self::Double => "double",
            Self::Object => "object",
        }
    }
}

/// A field of records.
#[derive(Clone, Copy, Debug)]
pub struct RecordField {
    /// The name, with dots.
    pub name: &'static str,
    /// The type.
    pub kind: FieldType,
    /// When it is there, in Markdown.
    pub when: &'static str,
    /// A value as JSON.
    pub example: &'static str,
}

impl RecordField {
    const fn new(name: &'static str, kind: FieldType, when: &'static str, example: &'static str) -> Self {
        Self { name, kind, when, example }
    }

    /// Whether every record has it.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.when == ALWAYS
    }
}

const ALWAYS: &str = "always";
const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "fatal"];
const STREAMS: &[&str] = &["stdout", "stderr"];
const TIME_SOURCES: &[&str] = &["line", "write", "file", "read"];
const FAILURES: &[&str] = &["no_match", "json", "depth"];

/// The fields that logskiff writes. A field of a line never has one of these names.
pub const WRITTEN: [RecordField; 23] = [
    RecordField::new("@timestamp", FieldType::Date, ALWAYS, r#""2026-11-28T10:15:02.123Z""#),
    RecordField::new("message", FieldType::Text, "text lines; JSON and logfmt with a message", r#""order 17 shipped""#),
    RecordField::new("log.level", FieldType::OneOf(LEVELS), "the line has a level", r#""warn""#),
    RecordField::new("log.file.path", FieldType::Keyword, ALWAYS, r#""/var/log/app/app.log""#),
    RecordField::new("log.offset", FieldType::Long, ALWAYS, "4096"),
    RecordField::new(
        "log.flags",
        FieldType::Keywords,
        "the record has several lines, was cut or repaired, or a value is withheld",
        r#"["multiline"]"#,
    ),
    RecordField::new("log.iostream", FieldType::OneOf(STREAMS), "a container runtime wrote the file", r#""stderr""#),
    RecordField::new("event.id", FieldType::Keyword, "`LOGSKIFF_EVENT_ID=field`", r#""5c0b9fd1-4096""#),
    RecordField::new("event.created", FieldType::Date, ALWAYS, r#""2026-11-28T10:15:02.125Z""#),
    RecordField::new("event.time_source", FieldType::OneOf(TIME_SOURCES), ALWAYS, r#""line""#),
    RecordField::new(
        "log.printed",
        FieldType::Date,
        "a container runtime wrote the file, and the line has a time of its own",
        r#""2026-11-28T10:15:02.124Z""#,
    ),
    RecordField::new("trace.id", FieldType::Keyword, "the line has one", r#""0af7651916cd43dd8448eb211c80319c""#),
    RecordField::new("span.id", FieldType::Keyword, "the line has one", r#""b7ad6b7169203331""#),
    RecordField::new(
        "parse.error",
        FieldType::OneOf(FAILURES),
        "the line is not of the format in `LOGSKIFF_PARSE`",
        r#""no_match""#,
    ),
    RecordField::new("kubernetes.pod.name", FieldType::Keyword, "`POD_NAME`", r#""shop-7d4b9c-x2x1z""#),
    RecordField::new(
        "kubernetes.pod.uid",
        FieldType::Keyword,
        "`POD_UID`",
        r#""6d1f3c1e-6b5e-4f0e-9a53-0d6e0b1c2d3e""#,
    ),
    RecordField::new("kubernetes.pod.ip", FieldType::Ip, "`POD_IP`", r#""10.1.2.3""#),
    RecordField::new("kubernetes.namespace", FieldType::Keyword, "`POD_NAMESPACE`", r#""shop""#),
    RecordField::new("kubernetes.node.name", FieldType::Keyword, "`NODE_NAME`", r#""node-1""#),
    RecordField::new("kubernetes.container.name", FieldType::Keyword, "`CONTAINER_NAME`", r#""app""#),
    RecordField::new("kubernetes.labels", FieldType::Object, "`LOGSKIFF_LABELS_FILE`", r#"{"app": "shop"}"#),
    RecordField::new(
        "log.redaction.rules",
        FieldType::Keyword,
        "`LOGSKIFF_REDACT_STAMP=on`: a digest of the rules in force",
        r#""9c1185a5c5e9fc54""#,
    ),
    RecordField::new("log.attrs", FieldType::Object, "Docker writes `attrs` to the lines", r#"{"tag": "shop"}"#),
];

#[cfg(test)]
mod tests;
