//! How a container runtime writes what a container prints.

use serde::{Deserialize, Serialize};

/// How the lines of a file are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// Each line is text.
    Lines,
    /// Each line is a line of the Container Runtime Interface: time, stream, `P` or `F`, text.
    Cri,
    /// Each line is a JSON object of Docker's logging driver `json-file`.
    Docker,
}

/// The stream that a container printed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// Both streams.
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// The name that the runtimes write, and that is written to records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// The stream of a name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name().as_bytes() == name)
    }
}

/// Where and when a container printed a line, as its runtime says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The stream.
    pub stream: Stream,
    /// Nanoseconds since the Unix epoch; `None`: the runtime's time could not be read.
    pub time_ns: Option<i64>,
}
