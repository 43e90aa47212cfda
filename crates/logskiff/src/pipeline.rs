//! The pipeline of one input: parses, redacts and encodes each framed line.
//!
//! Input: a line. Output: the record's bytes at the end of a buffer, or the reason why the line is dropped. It holds all the
//! scratch space, so that a line costs no allocation.

mod audit;
pub mod batch;
pub mod canary;
pub mod encode;
pub mod first_lines;
pub mod frame;
pub mod parse;

use std::sync::Arc;
use std::time::Instant;

use crate::config::{Config, Input};
use crate::pipeline::encode::{Encoder, Encoding, Envelope, RedactedLine};
use crate::pipeline::first_lines::{Finding, FirstLines};
use crate::pipeline::frame::Grouping;
use crate::pipeline::parse::Parser;
use crate::telemetry::metrics::{InputMetrics, MODES, Metrics, REPAIRS};
use event::{Boundary, DropReason, FileId, Line, LineTimes, Parsed, Repair};
use redact::{self, Action, Hits, Masked, PemState, Redacted, Redactor, Scratch};

// Each kind of repair has its counter.
const _: () = assert!(Repair::ALL.len() == REPAIRS);
// Each mode has its counter.
const _: () = assert!(Action::ALL.len() == MODES);

/// After a line of this size, the scratch space is freed, because such lines are rare.
const LARGE_BYTES: usize = 256 * 1024;

/// Where a rule hit in an audit, without what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedHit<'p> {
    /// The rule's name.
    pub rule: &'p str,
    /// The field's dotted name; `None`: no field has it, or its name may not be shown.
    pub field: Option<String>,
    /// Where it begins in the line, in bytes.
    pub offset: u64,
}

/// The modules of one input, and their scratch space.
pub struct Pipeline {
    grouping: Arc<Grouping>,
    parser: Parser,
    redactor: Arc<Redactor>,
    encoder: Encoder,
    parsed: Parsed,
    scratch: Scratch,
    hits: Hits,
    /// The input's name, until the first line of UTF-16 is logged.
    utf16_unlogged: Option<String>,
    /// Until it is known what the first lines tell.
    first_lines: Option<Box<FirstLines>>,
    /// The digest of the rules, if records are to have it.
    stamp: Option<String>,
    /// The masks of the last line, if [`Pipeline::explain`] was called.
    explained: Option<Vec<Masked>>,
    /// What would have been masked in the last line, if this is an audit.
    audited: Vec<Masked>,
}

/// A pipeline that cannot be built, because the configuration was not validated.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up input {0}: {1}")]
pub struct PipelineError(String, String);

impl Pipeline {
    /// Builds the pipelines of all inputs. Inputs with equal redaction share a redactor, to save memory.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn all(config: &Config) -> Result<Vec<Self>, PipelineError> {
        let mut pipelines: Vec<Self> = Vec::new();
        for input in &config.inputs {
            let alike = config.inputs.iter().zip(&pipelines).find(|(earlier, _)| earlier.redact == input.redact);
            let redactor = alike.map(|(_, pipeline)| Arc::clone(&pipeline.redactor));
            pipelines.push(Self::build(config, input, redactor)?);
        }
        Ok(pipelines)
    }

    /// Builds an input's pipeline.
    ///
    /// # Errors
    /// [`PipelineError`], for a configuration that [`Config`] would have refused.
    pub fn new(config: &Config, input: &Input) -> Result<Self, PipelineError> {
        Self::build(config, input, None)
    }

    fn build(config: &Config, input: &Input, redactor: Option<Arc<Redactor>>) -> Result<Self, PipelineError> {
        let error = |errors: String| PipelineError(input.name.clone(), errors);
        let grouping = Grouping::new(&input.grouping).map_err(|errors| error(join(&errors)))?;
        let parser = Parser::new(&input.parse).map_err(|errors| error(join(&errors)))?;
        let made = || Redactor::new(&input.redact).map(Arc::new).map_err(|errors| error(join(&errors)));
        let redactor = redactor.map_or_else(made, Ok)?;
        let stamp = config.encode.stamp.then(|| redactor.digest(&input.redact));
        let parsed = parser.parsed();
        let encoder = Encoder::new(&config.encode).with_ansi(input.ansi);
        let first_lines = FirstLines::new(&input.parse, config.encode.encoding == Encoding::Json);
        let (scratch, hits) = (Scratch::default(), Hits::default());
        Ok(Self {
            grouping: Arc::new(grouping),
            parser,
            redactor,
            encoder,
            parsed,
            scratch,
            hits,
            utf16_unlogged: Some(input.name.clone()),
            first_lines: Some(Box::new(first_lines)),
            stamp,
            explained: None,
            audited: Vec::new(),
        })
    }

    /// From now on, records the masks of each line.
    pub fn explain(&mut self) {
        self.explained = Some(Vec::new());
    }

    /// The masks of the last line, if they are recorded.
    #[must_use]
    pub fn explained(&self) -> &[Masked] {
        self.explained.as_deref().unwrap_or_default()
    }

    /// What would have been masked in the last line, which was `text`: the rule, the field and the offset. Empty unless
    /// this is an audit.
    pub fn audited(&self, text: &[u8]) -> impl Iterator<Item = AuditedHit<'_>> {
        let rules: Vec<&str> = if self.audited.is_empty() { Vec::new() } else { self.redactor.rules().collect() };
        self.audited.iter().map(move |mask| AuditedHit {
            rule: rules.get(mask.rule).copied().unwrap_or_default(),
            field: audit::field_of(&self.parsed, text, mask.at, &self.audited)
                .filter(|name| self.redactor.redact_text(name) == *name),
            offset: u64::from(mask.at.start),
        })
    }

    /// From now on, counts all lines, not only the first ones.
    pub fn count_all_lines(&mut self) {
        self.first_lines = self.first_lines.take().map(|first| Box::new(first.of_all()));
    }

    /// What is counted of the first lines, until they are judged.
    #[must_use]
    pub fn first_lines(&self) -> Option<&FirstLines> {
        self.first_lines.as_deref()
    }

    /// What the first lines show to be wrong: once, as soon as they are enough. `is_over`: no more come.
    pub fn judge_first_lines(&mut self, now: Instant, is_over: bool) -> Option<Finding> {
        let first_lines = self.first_lines.take_if(|first| first.are_enough(now, is_over))?;
        first_lines.finding()
    }

    /// How lines are joined to records.
    #[must_use]
    pub fn grouping(&self) -> &Arc<Grouping> {
        &self.grouping
    }

    /// The rules.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The digest of the rules, if records are to have it.
    #[must_use]
    pub fn stamp(&self) -> Option<&str> {
        self.stamp.as_deref()
    }

    /// From the next chunk on, redacts by other rules, which `config` gave.
    pub fn set_redactor(&mut self, redactor: Arc<Redactor>, config: &redact::Config) {
        self.stamp = self.stamp.is_some().then(|| redactor.digest(config));
        self.redactor = redactor;
    }

    /// Runs the prefilter over a chunk of whole lines.
    pub fn scan(&mut self, chunk: &[u8]) {
        self.redactor.scan(chunk, &mut self.hits);
    }

    /// Parses and redacts a line of the chunk last scanned, at `start` in it, and calls `ship` with the redacted line. Masks and
    /// failures are counted in `counts`; `None`: the line is read again and was already counted.
    ///
    /// # Errors
    /// The reason why the line is dropped.
    pub fn line<T>(
        &mut self,
        line: &Line<'_>,
        start: usize,
        pem_state: &mut PemState,
        counts: Option<&InputMetrics>,
        ship: impl FnOnce(&Redacted<'_>, &mut Encoder) -> T,
    ) -> Result<T, DropReason> {
        let hits = self.hits.of(start, start + line.text.len());
        self.parser.parse(&line.text[..line.keep], &mut self.parsed);
        let parsed = &self.parsed;
        if let Some(counts) = counts {
            counts.timestamp_parse_failures.add(u64::from(parsed.time_failed));
            let is_printed = line.printed.is_some_and(|printed| printed.time_ns.is_some());
            let has_time = parsed.time_ns.is_some() || is_printed;
            counts.lines_without_time.add(u64::from(!has_time && !parsed.time_failed));
            counts.type_coercion_failures.add(u64::from(parsed.type_failures));
            if parsed.failure.is_some() {
                counts.parse_failures.add(1);
            }
            if let Some(first_lines) = &mut self.first_lines {
                first_lines.count(&line.text[..line.keep], parsed, is_printed);
            }
        }
        let redacted = self.redactor.redact(line.text, line.keep, parsed, hits, pem_state, &mut self.scratch);
        if let Some(explained) = &mut self.explained {
            explained.clear();
            explained.extend(redacted.masked().chain(redacted.audited()));
        }
        if self.redactor.audits() {
            self.audited.clear();
            self.audited.extend(redacted.audited());
        }
        if redacted.withheld().next().is_some()
            && redact::is_utf16(line.text)
            && let Some(input) = self.utf16_unlogged.take()
        {
            tracing::warn!(
                input,
                "lines look like UTF-16, but the file did not begin as UTF-16; these lines are withheld; write the log as UTF-8"
            );
        }
        if parsed.failure.is_some() && self.parser.drop_failures() {
            return Err(DropReason::Parse);
        }
        if let Some(counts) = counts {
            let mut masked = redacted.masked().peekable();
            if masked.peek().is_some() {
                let counters = counts.redactions.current();
                masked.for_each(|mask| counters[mask.counter()].add(1));
            }
            let mut allowed = redacted.allowed().peekable();
            if allowed.peek().is_some() {
                let counters = counts.redactions_allowed.current();
                allowed.for_each(|rule| counters[rule].add(1));
            }
            if !self.audited.is_empty() {
                let counters = counts.redactions_audited.current();
                self.audited.iter().for_each(|mask| counters[mask.rule].add(1));
            }
        }
        if redacted.is_dropped() {
            return Err(DropReason::RedactRule);
        }
        let shipped = ship(&redacted, &mut self.encoder);
        let repairs = parsed.repairs.and(self.encoder.take_repairs());
        if let Some(counts) = counts.filter(|_| !repairs.is_empty()) {
            repairs.iter().for_each(|repair| counts.repaired_lines[repair as usize].add(1));
        }
        if line.text.len() >= LARGE_BYTES {
            self.shrink();
        }
        Ok(shipped)
    }

    /// Frees the scratch space of a large line. The prefilter's hits stay, for the following lines.
    fn shrink(&mut self) {
        (self.parsed, self.scratch) = (self.parser.parsed(), Scratch::default());
    }

    /// Writes the record of a single line without a file.
    ///
    /// # Errors
    /// The reason why the line is dropped.
    pub fn record(
        &mut self,
        line: &Line<'_>,
        pem_state: &mut PemState,
        envelope: &Envelope,
        times: LineTimes,
        out: &mut Vec<u8>,
    ) -> Result<(), DropReason> {
        let metrics = Metrics::new(&[self.redactor.counters().count()], &[]);
        self.scan(line.text);
        let Line { span, flags, printed, .. } = *line;
        self.line(line, 0, pem_state, Some(&metrics.inputs[0]), |redacted, encoder| {
            let line = RedactedLine { redacted, envelope, file: FileId(0), span, flags, printed, times, is_new: true };
            encoder.encode(&line, out);
        })
    }
}

fn join(errors: &[impl ToString]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Whether the line has no text: it is empty, or has only blanks.
#[must_use]
pub fn is_blank(line: &Line<'_>) -> bool {
    line.text.trim_ascii().is_empty() && line.boundary == Boundary::LineStart
}
