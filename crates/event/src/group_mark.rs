//! What a re-read needs to know to form the same records.

use serde::{Deserialize, Serialize};

use super::{Boundary, Framing, Span, Stream};

/// How a file's lines become records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordMemory {
    /// How its lines are framed, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framing: Option<Framing>,
    /// What is known of its records, by offset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupMark>,
    /// Which lines of a container's streams are no part of the records that follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamMark>,
}

/// The last record of a stream before an offset, if lines of it follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamMark {
    /// The stream.
    pub stream: Stream,
    /// From the record's first line to its last one, with the lines of the other stream between them.
    pub span: Span,
    /// Whether the rest of a truncated line of the stream follows, which is skipped.
    pub boundary: Boundary,
}

/// What was known of a file's records at an offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMark {
    /// Where the next record begins, in bytes from the file's start.
    pub offset: u64,
    /// The stream of a container that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// The state of the grammar there, as the grammar writes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// What ended the record before, if lines of it may follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// What ended a record of which lines may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// It has as many lines or bytes as a record may have.
    Limit,
    /// Nothing followed for a time.
    Timeout,
    /// The file ended, or the process drained.
    End,
}
