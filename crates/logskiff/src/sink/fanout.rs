//! The outputs, each with its batch.
//!
//! Enters: redacted lines, which each output encodes at the end of its own batch, and then their tickets. Leaves: batches
//! to the outputs, and reports from them. Outputs take batches at their own pace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Ack, Config, Context, Encoded, Error, Health, OutputConfig, Report, Resume, Services, Sink, Supply};
use crate::pipeline::batch::{Batch, Entry};
use crate::pipeline::encode::{Encoder, Envelope, RedactedLine};
use crate::telemetry::metrics::{Metrics, OutputMetrics};
use event::{DropReason, FileId, MessageCounts, OUTPUTS_MAX, Outcome, OutputId, OutputSet, Ticket};

/// All outputs.
pub struct Fanout {
    outputs: Vec<Output>,
    batch_bytes: usize,
    metrics: Arc<Metrics>,
    /// Empty between calls; kept for its buffer.
    acks: Vec<Ack>,
}

/// One output and its batch.
struct Output {
    /// `None`: it gets copies, and no span waits for its acknowledgements.
    id: Option<OutputId>,
    sink: Box<dyn Sink>,
    batch: Batch,
    /// This many entries of the batch were taken.
    taken: usize,
    /// The line that was encoded last, until it has a ticket.
    staged: Option<Entry>,
    /// It has new credentials, which it does not use yet.
    reloads: bool,
    counts: Arc<OutputMetrics>,
}

/// A line that the outputs have encoded, and that has no ticket yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Its messages.
    pub messages: MessageCounts,
    /// Its size in all batches.
    pub bytes: usize,
}

impl Fanout {
    /// Starts all outputs.
    ///
    /// # Errors
    /// [`Error`], when an output cannot start.
    pub fn start(config: &Config, services: &Services) -> Result<Self, Error> {
        let acknowledges = |output: &OutputConfig| output.always_acknowledges() || config.outputs.len() == 1;
        if config.outputs.iter().filter(|output| acknowledges(output)).count() > OUTPUTS_MAX {
            return Err(Error::configuration("LOGSKIFF_OUTPUT", format!("more than {OUTPUTS_MAX} outputs")));
        }
        let mut ids = (0..OUTPUTS_MAX).filter_map(OutputId::new);
        let start = |(output, counts): (&OutputConfig, &Arc<OutputMetrics>)| {
            let id = if acknowledges(output) { ids.next() } else { None };
            let counts = Arc::clone(counts);
            let context =
                Context { services: services.clone(), counts: Arc::clone(&counts), acknowledges: id.is_some() };
            let sink = output.start(context)?;
            Ok(Output { id, sink, batch: Batch::default(), taken: 0, staged: None, reloads: false, counts })
        };
        let outputs = config.outputs.iter().zip(&services.metrics.outputs).map(start).collect::<Result<_, Error>>()?;
        let (batch_bytes, metrics) = (services.batch_bytes, Arc::clone(&services.metrics));
        Ok(Self { outputs, batch_bytes, metrics, acks: Vec::new() })
    }

    /// A file has this envelope from now on.
    pub fn set_file(&mut self, file: FileId, envelope: &Envelope) {
        self.outputs.iter_mut().for_each(|output| output.sink.set_file(file, envelope));
    }

    /// Has the outputs encode a line: those in `only`, and with [`OutputSet::ALL`] also those that get copies. Then call
    /// [`Self::enqueue`] or [`Self::discard`].
    ///
    /// # Errors
    /// [`DropReason::Oversize`], when an output leaves the line out; nothing is staged then.
    pub fn encode(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &mut Encoder,
        only: OutputSet,
    ) -> Result<Staged, DropReason> {
        let mut staged = Staged { messages: MessageCounts::default(), bytes: 0 };
        for output in &mut self.outputs {
            if !output.id.map_or(only == OutputSet::ALL, |id| only.contains(id)) {
                continue;
            }
            let buffer = &mut output.batch.bytes;
            let start = buffer.len();
            let result = output.sink.encode(line, encoder, buffer);
            let end = buffer.len();
            let payload_end = result.map_or(end, |encoded| encoded.payload_end);
            let ticket = Ticket::from_bits(0);
            output.staged = Some(Entry { payload: start..payload_end, extra: payload_end..end, ticket });
            match result {
                Ok(Encoded { messages, .. }) => {
                    staged.bytes += end - start;
                    if let Some(id) = output.id {
                        staged.messages = staged.messages.with(id, messages.max(1));
                    }
                }
                Err(reason) => {
                    self.discard();
                    return Err(reason);
                }
            }
        }
        Ok(staged)
    }

    /// Has each output encode a line, and passes the output's name and what it made of it to `see`. Nothing is kept.
    pub fn rehearse(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &mut Encoder,
        mut see: impl FnMut(&'static str, &[u8]),
    ) {
        let mut made = Vec::new();
        for output in &mut self.outputs {
            made.clear();
            if output.sink.encode(line, encoder, &mut made).is_ok() {
                see(output.counts.name, &made);
            }
        }
    }

    /// Puts the staged line into the batches.
    pub fn enqueue(&mut self, ticket: Ticket) {
        for output in &mut self.outputs {
            output.batch.entries.extend(output.staged.take().map(|entry| Entry { ticket, ..entry }));
        }
    }

    /// Takes the staged line out of the batches.
    pub fn discard(&mut self) {
        for output in &mut self.outputs {
            if let Some(entry) = output.staged.take() {
                output.batch.bytes.truncate(entry.payload.start);
            }
        }
    }

    /// Whether a batch has reached its size.
    #[must_use]
    pub fn has_full_batch(&self) -> bool {
        self.outputs.iter().any(|output| output.batch.is_full(self.batch_bytes))
    }

    /// Whether an output must take more before lines are added: its batch is full, or taken in part.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.outputs.iter().any(|output| output.taken > 0) || self.has_full_batch()
    }

    /// Whether no line waits for an output to take it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.iter().all(|output| output.batch.entries.is_empty())
    }

    /// Offers the batches to the outputs. What an output does not take is offered again with the next call.
    pub fn flush(&mut self) {
        for output in self.outputs.iter_mut().filter(|output| !output.batch.entries.is_empty()) {
            let (entries, bytes) = (output.batch.entries.len(), output.batch.bytes.len());
            output.taken = output.sink.offer(&mut output.batch, output.taken);
            if output.taken >= entries {
                if output.id.is_some() {
                    self.metrics.batch_bytes.observe(bytes as u64, 1);
                }
                output.clear(self.batch_bytes);
            }
        }
    }

    /// Has the outputs send what they took.
    pub fn send(&mut self, supply: Supply, now: Instant) {
        self.outputs.iter_mut().for_each(|output| output.sink.send(supply, now));
    }

    /// When [`Self::send`] is to be called again at the latest.
    #[must_use]
    pub fn send_at(&self) -> Option<Instant> {
        self.outputs.iter().filter_map(|output| output.sink.send_at()).min()
    }

    /// The outcomes of messages since the last call.
    ///
    /// # Errors
    /// When an output cannot deliver anything any more.
    pub fn poll_acks(&mut self) -> Result<Vec<Report>, Error> {
        let mut reports = Vec::new();
        for output in &mut self.outputs {
            output.sink.poll_acks(&mut self.acks)?;
            let acks = self.acks.drain(..);
            if let Some(id) = output.id {
                reports.extend(acks.map(|Ack { ticket, outcome }| Report { output: id, ticket, outcome }));
            }
        }
        Ok(reports)
    }

    /// Empties the batches. Returns the entries that were not taken, as lost.
    pub fn take_unsent(&mut self) -> Vec<Report> {
        let mut unsent = Vec::new();
        for output in &mut self.outputs {
            if let Some(id) = output.id {
                let entries = output.batch.entries.iter().skip(output.taken);
                unsent.extend(entries.map(|entry| Report { output: id, ticket: entry.ticket, outcome: Outcome::Lost }));
            }
            output.clear(self.batch_bytes);
        }
        unsent
    }

    /// Whether an output has failed and must be reset before it delivers anything.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.outputs.iter().any(|output| output.sink.health() == Health::Failed)
    }

    /// Gives up what is in flight of failed outputs.
    pub fn purge(&mut self) {
        self.outputs.iter_mut().for_each(|output| output.sink.purge());
    }

    /// Resets the outputs whose connection was lost while nothing was in flight.
    ///
    /// # Errors
    /// The name and error of the first output that cannot be reset now.
    pub fn reconnect(&mut self) -> Result<(), (&'static str, Error)> {
        self.reset_where(|health| health == Health::Disconnected).map(drop)
    }

    /// Resets the outputs that do not work, once nothing is in flight. Reading waits for a backoff unless the reset of one
    /// says otherwise.
    ///
    /// # Errors
    /// As [`Self::reconnect`].
    pub fn reset(&mut self) -> Result<Resume, (&'static str, Error)> {
        self.reset_where(|health| health != Health::Works)
    }

    fn reset_where(&mut self, is_reset: impl Fn(Health) -> bool) -> Result<Resume, (&'static str, Error)> {
        let mut resume = Resume::AfterBackoff;
        for output in self.outputs.iter_mut().filter(|output| is_reset(output.sink.health())) {
            if output.sink.reset().map_err(|error| (output.counts.name, error))? == Resume::AtOnce {
                resume = Resume::AtOnce;
            }
        }
        Ok(resume)
    }

    /// Looks for changed credentials. Returns whether an output has new ones that it does not use yet.
    pub fn prepare_reload(&mut self) -> bool {
        for output in &mut self.outputs {
            output.reloads |= output.sink.prepare_reload();
        }
        self.outputs.iter().any(|output| output.reloads)
    }

    /// Whether all outputs with new credentials are connected, as far as is known.
    #[must_use]
    pub fn reloads_connected(&self) -> bool {
        self.outputs.iter().filter(|output| output.reloads).all(|output| output.counts.connected.get())
    }

    /// Has the outputs use their new credentials. Returns the names of these outputs.
    pub fn reload(&mut self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for output in self.outputs.iter_mut().filter(|output| output.reloads) {
            output.sink.reload();
            output.reloads = false;
            names.push(output.counts.name);
        }
        names
    }

    /// The process ends within this time: outputs reconnect soon, and do not wait long for a silent receiver.
    pub fn start_drain(&self, within: Duration) {
        self.outputs.iter().for_each(|output| output.sink.start_drain(within));
    }

    /// Closes all connections, each within this time.
    pub fn close(&mut self, within: Duration) {
        self.outputs.iter_mut().for_each(|output| output.sink.close(within));
    }
}

impl Output {
    fn clear(&mut self, usual_bytes: usize) {
        self.batch.clear(usual_bytes);
        self.taken = 0;
    }
}
