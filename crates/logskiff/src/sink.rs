//! Batches to where they are kept, and the word back that they have arrived.
//!
//! Enters: batches. Leaves: [`Report`]s, one a message, in any order. An output never drops a message silently: each one
//! it took is reported, as delivered, refused or lost.

pub mod kafka;
pub mod stdout;
pub mod syslog;

use event::{Outcome, Part, Ticket};

/// Where records go. A span is settled when Kafka and the syslog receiver, whichever are configured, have it; where there
/// is neither, when it is written to stdout.
#[derive(Clone, Debug)]
pub struct Config {
    /// Write records to standard output.
    pub stdout: bool,
    /// Send records to Kafka.
    pub kafka: Option<kafka::Config>,
    /// Send messages to a syslog receiver.
    pub syslog: Option<syslog::Config>,
}

impl Config {
    /// Whether records go to a receiver, which then is what counts; else it is standard output.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.kafka.is_some() || self.syslog.is_some()
    }
}

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The span it stands for.
    pub ticket: Ticket,
    /// Which of the span's ways out it went.
    pub part: Part,
    /// What became of it.
    pub outcome: Outcome,
}

impl Report {
    /// What became of a record.
    #[must_use]
    pub fn record(ticket: Ticket, outcome: Outcome) -> Self {
        Self { ticket, part: Part::Record, outcome }
    }

    /// What became of a syslog message.
    #[must_use]
    pub fn message(ticket: Ticket, outcome: Outcome) -> Self {
        Self { ticket, part: Part::Message, outcome }
    }
}
