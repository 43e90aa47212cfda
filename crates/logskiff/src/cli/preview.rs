//! `logskiff try`: runs sample lines through the real configuration.

mod proposal;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::{TryArguments, TryFormat, print, print_error};
use crate::config::{Config, Input};
use crate::pipeline::canary::holds;
use crate::pipeline::encode::{Encoding, Envelope, Source};
use crate::pipeline::first_lines::{Counts, FirstLines};
use crate::pipeline::frame::{
    ContainerConfig, ContainerLines, End, FileMarks, FileRecords, Framed, Frames, Placed, container,
};
use crate::pipeline::{Pipeline, is_blank};
use event::{Boundary, DropReason, Framing, LineTimes, TimeSource};
use redact::PemState;

/// Maximum size of a sample.
const SAMPLE_BYTES_MAX: u64 = 256 << 20;

/// Prints the records of the lines of a file or of standard input.
///
/// # Errors
/// If the lines cannot be read, or the canary is in a record.
pub fn run(mut config: Config, arguments: &TryArguments) -> anyhow::Result<()> {
    let Sample { bytes, path, written_ns } =
        read_sample(arguments.file.as_deref().filter(|path| *path != Path::new("-")))?;
    if arguments.format == TryFormat::Raw {
        config.encode.encoding = Encoding::Raw;
    }
    let input = select_input(&config, arguments.input.as_deref())?.clone();
    let mut pipeline = Pipeline::new(&config, &input)?;
    pipeline.count_all_lines();
    if arguments.explain {
        pipeline.explain();
    }
    let labels = BTreeMap::new();
    let source = Source { input: &input.name, path: &path, origin: "try", labels: &labels, attrs: None };
    let envelope = Envelope::new(&config.encode, &source, |name, value| pipeline.redactor().redact_field(name, value));
    let envelope = envelope.stamped(&config.encode, pipeline.stamp());
    let read_ns = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or_default();
    let times = written_ns.map_or_else(
        || LineTimes::read(read_ns),
        |written_ns| LineTimes::written(read_ns, written_ns, TimeSource::File),
    );
    let (mut pem_state, mut record, mut escaped) = (PemState::default(), Vec::new(), Vec::new());
    let (mut marks, mut lines) = (FileMarks::default(), LineNumbers::new(&bytes));
    let frames = Frames::new(input.frame, &bytes, 0, Boundary::LineStart, true);
    let grouping = Arc::clone(pipeline.grouping());
    let framing = input.framing.unwrap_or_else(|| container::detect(first_line(&bytes)));
    let printed = (framing != Framing::Lines).then(|| {
        let mut printed = ContainerLines::default();
        let config = ContainerConfig { framing, timeout: grouping.timeout() };
        printed.read(frames.clone(), config, &marks, End::Final);
        printed
    });
    let mut sample = Vec::new();
    let mut records = FileRecords::new(frames, printed.as_ref(), &grouping, &mut marks, End::Final).explain();
    while let Some(Placed { framed, .. }) = records.next() {
        let number = lines.number(framed.span().start);
        record.clear();
        if let Framed::Line(line) = &framed
            && !(is_blank(line) && arguments.format != TryFormat::Raw)
        {
            if !is_blank(line) && sample.len() < proposal::LINES_MAX {
                sample.push(line.text[..line.keep].to_vec());
            }
            let dropped = if is_blank(line) {
                None
            } else {
                pipeline.record(line, &mut pem_state, &envelope, times, &mut record).err()
            };
            if arguments.canary.as_ref().is_some_and(|canary| holds(&record, canary)) {
                escaped.push(number);
            }
            print(&format_record(&record, arguments.format))?;
            if arguments.explain && !is_blank(line) {
                for (offset, reason) in records.reasons() {
                    print(&format!("    line {}: joined, {}\n", lines.number(*offset), reason.name()))?;
                }
                print(&explain(number, &pipeline, dropped))?;
            }
        }
    }
    if let Some(all) = pipeline.first_lines() {
        print_error(&summarize(all, proposal::hint(&input.parse, &sample)));
    }
    if !escaped.is_empty() {
        let lines: Vec<String> = escaped.iter().take(20).map(ToString::to_string).collect();
        bail!("{} record(s) contain the canary, from input line {}", escaped.len(), lines.join(", "));
    }
    Ok(())
}

/// How many lines have the format, a time and a level, and what may help if they have not. `preset`: the one that reads them.
fn summarize(all: &FirstLines, preset: Option<String>) -> String {
    let Counts { lines, failed, with_time, with_level } = all.counts();
    let mut text = format!(
        "{failed} of {lines} lines did not match; time found in {with_time} of {lines}, level in {with_level} of {lines}"
    );
    if let Some(hint) = preset.or_else(|| Some(all.finding()?.proposal.to_owned())) {
        text += "\nhint: ";
        text += &hint;
    }
    text
}

/// The first line, without its end.
fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Finds the numbers of lines, fastest in their order.
struct LineNumbers<'t> {
    bytes: &'t [u8],
    /// An offset, and the number of its line.
    known: (usize, usize),
}

impl<'t> LineNumbers<'t> {
    fn new(bytes: &'t [u8]) -> Self {
        Self { bytes, known: (0, 1) }
    }

    /// The number of the line at `offset`.
    fn number(&mut self, offset: u64) -> usize {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let (from, number) = if self.known.0 <= offset { self.known } else { (0, 1) };
        self.known = (offset, number + memchr::memchr_iter(b'\n', &self.bytes[from..offset]).count());
        self.known.1
    }
}

/// The named input, or the first. If there are several and none is named, stderr tells which one is used.
fn select_input<'a>(config: &'a Config, name: Option<&str>) -> anyhow::Result<&'a Input> {
    let names = || config.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) = name {
        let found = config.inputs.iter().find(|input| input.name.eq_ignore_ascii_case(name));
        return found.with_context(|| format!("--input {name}: unknown input; use one of {}", names()));
    }
    let first = config.inputs.first().context("no input is configured")?;
    if config.inputs.len() > 1 {
        print_error(&format!("using input {}; select another with --input NAME: {}", first.name, names()));
    }
    Ok(first)
}

/// The lines to try.
struct Sample {
    bytes: Vec<u8>,
    path: String,
    /// When the file was last written to, in nanoseconds since the Unix epoch.
    written_ns: Option<i64>,
}

fn read_sample(file: Option<&Path>) -> anyhow::Result<Sample> {
    let (reader, path, written_ns): (Box<dyn Read>, String, Option<i64>) = match file {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            let metadata = file.metadata().ok().filter(Metadata::is_file);
            let written_ns = metadata.map(|metadata| metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec());
            (Box::new(file), path.display().to_string(), written_ns)
        }
        None => (Box::new(std::io::stdin().lock()), "-".into(), None),
    };
    let mut bytes = Vec::new();
    reader.take(SAMPLE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {path}"))?;
    if bytes.len() as u64 > SAMPLE_BYTES_MAX {
        bail!("{path} is larger than {} MiB; use a smaller sample", SAMPLE_BYTES_MAX >> 20);
    }
    Ok(Sample { bytes, path, written_ns })
}

/// Lists what was masked in a line, without its content.
fn explain(line: usize, pipeline: &Pipeline, dropped: Option<DropReason>) -> String {
    let names: Vec<&str> = pipeline.redactor().rules().collect();
    let mut text = String::new();
    for mask in pipeline.explained() {
        let name = names.get(mask.rule).copied().unwrap_or_default();
        let (at, mode) = (mask.at.indices(), mask.mode.name());
        let written = writeln!(text, "    line {line}, bytes {}..{}: {name}, {mode}", at.start, at.end);
        debug_assert!(written.is_ok(), "writing to a string does not fail");
    }
    if let Some(reason) = dropped {
        let written = writeln!(text, "    line {line}: dropped, {}", reason.name());
        debug_assert!(written.is_ok(), "writing to a string does not fail");
    }
    text
}

fn format_record(record: &[u8], format: TryFormat) -> String {
    let text = String::from_utf8_lossy(record);
    match format {
        TryFormat::Json | TryFormat::Raw => format!("{text}\n"),
        TryFormat::Table => {
            let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(record) else {
                return format!("{text}\n\n");
            };
            let width = fields.keys().map(|name| name.chars().count()).max().unwrap_or_default();
            let mut table = String::new();
            for (name, value) in &fields {
                let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                let written = writeln!(table, "{name:width$}  {value}");
                debug_assert!(written.is_ok(), "writing to a string does not fail");
            }
            table + "\n"
        }
    }
}
