//! `logskiff try`: sample lines through the real configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

use super::{TryArguments, TryFormat, print};
use crate::app::pipeline::{Pipeline, is_blank};
use crate::config::Config;
use crate::encode::{Encoding, Envelope, Source};
use crate::frame::{Framed, Frames};
use crate::record::Boundary;
use crate::redact::Carry;

/// More is no sample.
const SAMPLE_BYTES_MAX: u64 = 256 << 20;

/// Prints the records that the lines of a file, or of standard input, become.
///
/// # Errors
/// When the lines cannot be read, or the canary is in a record.
pub fn run(mut config: Config, arguments: &TryArguments) -> anyhow::Result<()> {
    let (bytes, path) = sample(arguments.file.as_deref().filter(|path| *path != Path::new("-")))?;
    if arguments.format == TryFormat::Raw {
        config.encode.encoding = Encoding::Raw;
    }
    let input = config.inputs.first().context("there is no input")?.clone();
    let mut pipeline = Pipeline::new(&config, &input)?;
    let labels = BTreeMap::new();
    let source = Source { input: &input.name, path: &path, origin: "try", labels: &labels };
    let envelope = Envelope::new(&config.encode, &source, |text| pipeline.redactor().redact_text(text));
    let read_ns = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or_default();
    let (mut carry, mut record, mut escaped) = (Carry::default(), Vec::new(), Vec::new());
    for (number, framed) in Frames::new(input.frame, &bytes, 0, Boundary::Line, true).enumerate() {
        record.clear();
        if let Framed::Line(line) = &framed
            && !(is_blank(line) && arguments.format != TryFormat::Raw)
        {
            if !is_blank(line) {
                pipeline.record(line, &mut carry, &envelope, read_ns, &mut record);
            }
            if arguments.canary.as_ref().is_some_and(|canary| holds(&record, canary)) {
                escaped.push(number + 1);
            }
            print(&shown(&record, arguments.format))?;
        }
    }
    if !escaped.is_empty() {
        let lines: Vec<String> = escaped.iter().take(20).map(ToString::to_string).collect();
        bail!("the canary leaves in {} record(s), from input line {}", escaped.len(), lines.join(", "));
    }
    Ok(())
}

fn sample(file: Option<&Path>) -> anyhow::Result<(Vec<u8>, String)> {
    let (reader, path): (Box<dyn Read>, String) = match file {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
            (Box::new(file), path.display().to_string())
        }
        None => (Box::new(std::io::stdin().lock()), "-".into()),
    };
    let mut bytes = Vec::new();
    reader.take(SAMPLE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("{path} cannot be read"))?;
    if bytes.len() as u64 > SAMPLE_BYTES_MAX {
        bail!("{path} has more than {} MiB; give a sample of it", SAMPLE_BYTES_MAX >> 20);
    }
    Ok((bytes, path))
}

/// Whether a text is in a record, as it stands or in one of its strings once they are decoded.
fn holds(record: &[u8], canary: &str) -> bool {
    fn within(value: &serde_json::Value, canary: &str) -> bool {
        match value {
            serde_json::Value::String(text) => text.contains(canary),
            serde_json::Value::Array(items) => items.iter().any(|item| within(item, canary)),
            serde_json::Value::Object(members) => {
                members.iter().any(|(key, value)| key.contains(canary) || within(value, canary))
            }
            other => other.to_string().contains(canary),
        }
    }
    memchr::memmem::find(record, canary.as_bytes()).is_some()
        || serde_json::from_slice(record).is_ok_and(|value: serde_json::Value| within(&value, canary))
}

fn shown(record: &[u8], format: TryFormat) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_however_it_is_written() {
        #[track_caller]
        fn check(record: &str, want: bool) {
            assert_eq!(holds(record.as_bytes(), "s3cr\"et"), want, "{record}");
        }
        check(r#"plain s3cr"et text"#, true);
        check(r#"{"a":["x s3cr\"et"]}"#, true);
        check(r#"{"a":{"s3cr\u0022et":1}}"#, true);
        check(r#"{"a":"<redacted:password>"}"#, false);
    }
}
