//! `logskiff check`: prints a summary of a valid configuration, with a line for each input and output.
//!
//! It starts nothing and connects to nothing. Of the Kafka properties only the brokers and the names of mechanisms are
//! printed.

use std::fmt::Write;
use std::sync::Arc;

use crate::config::units::{bytes_text, duration_text};
use crate::config::{Config, Exit, Input, overlaps, rule_files};
use crate::pipeline::parse::Format;
use crate::sink::OutputConfig;
use crate::source::{Finding, Start, Symlinks, findings};
use redact::{Action, Redactor, RuleFile};

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    Ok(super::print(&(summary(config) + &warnings(config)))?)
}

/// What is wrong with the globs, as the directories are here and now.
fn warnings(config: &Config) -> String {
    let inputs: Vec<_> = config.inputs.iter().map(|input| &input.source).collect();
    let line = |finding: &Finding| {
        let why = finding.sentence(|path| path.display().to_string());
        format!("warning: input {}, {}: {why}\n", config.inputs[finding.input].name, finding.glob)
    };
    findings(&inputs).iter().map(line).collect()
}

fn summary(config: &Config) -> String {
    let mut lines: Vec<String> =
        config.inputs.iter().flat_map(|each| [input(each), redaction(each, config.encode.stamp)]).collect();
    lines.extend(loaded_files(config));
    lines.extend(overlaps(&config.inputs).iter().map(|overlap| format!("overlap: {overlap}")));
    let describe = |output: &OutputConfig| format!("output {}: {}", output.name(), output.describe(&config.encode));
    lines.extend(config.output.outputs.iter().map(describe));
    let batch = &config.batch;
    lines.push(format!(
        "batches: {} or {}, at most {} in flight",
        bytes_text(batch.bytes),
        duration_text(batch.linger),
        bytes_text(batch.in_flight_bytes),
    ));
    lines.push(match &config.checkpoint.dir {
        Some(dir) => format!("state: {}", dir.display()),
        None => "state: none; a restart ships everything again".to_owned(),
    });
    let exit = match &config.process.exit {
        Exit::Signal => "on SIGTERM".to_owned(),
        Exit::Eof => "once everything is acknowledged, or on SIGTERM".to_owned(),
        Exit::File(path) => format!("once {} exists and everything is acknowledged, or on SIGTERM", path.display()),
        Exit::App => {
            "once the pod's other processes have ended and everything is acknowledged, or on SIGTERM".to_owned()
        }
    };
    let http = config.process.http_listen.map_or_else(|| "off".to_owned(), |address| address.to_string());
    lines.push(format!("http: {http}"));
    lines.push(format!("exit: {exit}; drain timeout {}", duration_text(config.process.drain_timeout)));
    lines.join("\n") + "\n"
}

/// A format of the input's lines, in words.
fn format(format: Format, input: &Input) -> String {
    match format {
        Format::None => "none".to_owned(),
        Format::Json => "JSON".to_owned(),
        Format::Logfmt => "logfmt".to_owned(),
        Format::Regex | Format::Grok => counted(input.parse.patterns.len(), "pattern"),
        Format::Csv => counted(input.parse.columns.len(), "column"),
        Format::Preset(preset) => preset.name().to_owned(),
        Format::Auto => "JSON or plain text".to_owned(),
    }
}

fn input(input: &Input) -> String {
    let start = match input.source.start {
        Start::Beginning => "beginning",
        Start::End => "end",
    };
    let formats: Vec<String> = input.parse.formats.iter().map(|one| format(*one, input)).collect();
    let format = formats.join(", then ");
    let mut text = format!("input {}: {}", input.name, input.source.paths.join(", "));
    if !input.source.exclude.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, " except {}", input.source.exclude.join(", "));
    }
    if input.source.symlinks == Symlinks::Within {
        text.push_str(", symbolic links followed");
    }
    if input.source.delete_rotated {
        text.push_str(", deleted once rotated and acknowledged");
    }
    let redact = &input.redact;
    let rules: Vec<&str> = redact.rules.iter().map(|(name, _)| name.as_str()).collect();
    let _ = write!(
        text,
        ", from the {start}, lines up to {}; parse {format}; redact {}",
        bytes_text(input.frame.line_bytes_max),
        redact.select.join(", "),
    );
    if !rules.is_empty() {
        let _ = write!(text, ", {} {}", if rules.len() == 1 { "rule" } else { "rules" }, rules.join(", "));
    }
    let of_files: usize = redact.files.iter().map(|file| file.len()).sum();
    if of_files > 0 {
        let _ = write!(text, ", {} of {}", counted(of_files, "rule"), counted(redact.files.len(), "file"));
    }
    if !redact.fields.is_empty() {
        let _ = write!(text, ", {}", counted(redact.fields.len(), "field name"));
    }
    text
}

/// The active rules by mode, and their digest if records have it. Of a key, only the id is printed.
fn redaction(input: &Input, is_stamped: bool) -> String {
    let mut text = format!("redact {}:", input.name);
    let Ok(redactor) = Redactor::new(&input.redact) else { return text };
    if redactor.is_idle() {
        return text + " nothing";
    }
    let has_fields = !input.redact.fields.is_empty();
    let ruled: Vec<_> =
        redactor.rules().zip(redactor.modes()).filter(|(name, _)| *name != "field" || has_fields).collect();
    if redactor.audits() {
        text.push_str(" audit, lines stay unmasked; otherwise:");
    }
    let mut first = true;
    for mode in Action::ALL {
        let names: Vec<&str> = ruled.iter().filter(|(_, own)| **own == mode).map(|(name, _)| *name).collect();
        if !names.is_empty() {
            let _ = write!(text, "{} {} {}", if first { "" } else { ";" }, mode.name(), names.join(", "));
            first = false;
        }
        if let (Action::Token, false, Some(key)) = (mode, names.is_empty(), &input.redact.key) {
            let _ = write!(text, " with key {}", key.id());
        }
    }
    if has_fields {
        let _ = write!(text, "; fields {}", input.redact.fields.join(", "));
    }
    if is_stamped {
        let _ = write!(text, "; digest {}", redactor.digest(&input.redact));
    }
    let allowed = input.redact.allow.lines().filter(|entry| !entry.trim().is_empty()).count();
    if allowed > 0 {
        let _ = write!(text, "; except {allowed} allowed {}", if allowed == 1 { "entry" } else { "entries" });
    }
    if !input.redact.exempt_fields.is_empty() {
        let _ = write!(text, "; exempt fields {}", input.redact.exempt_fields.join(", "));
    }
    text
}

/// What was loaded of each rule file, and what of it cannot be used.
fn loaded_files(config: &Config) -> Vec<String> {
    let files = rule_files::loaded(config.inputs.iter().map(|input| &input.redact));
    let lines = |file: &&Arc<RuleFile>| {
        let path = file.path().display().to_string();
        let loaded = format!("rule file {path}: {}", counted(file.len(), "rule"));
        let unused = file.unused().iter().map(move |unused| format!("rule file {path}: not used: {unused}"));
        std::iter::once(loaded).chain(unused).collect::<Vec<_>>()
    };
    files.iter().flat_map(lines).collect()
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &[&str]) {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let summary = summary(&Config::from_vars(owned).unwrap());
        for line in expected {
            assert!(summary.lines().any(|printed| printed == *line), "{line:?} is not in\n{summary}");
        }
    }

    #[test]
    fn the_defaults_are_printed() {
        check(
            &[],
            &[
                "input default: /var/log/app/**/*.log, from the beginning, lines up to 1MiB; parse JSON or plain text; redact secrets, 8 field names",
                "output stdout: JSON records",
                "batches: 256KiB or 50ms, at most 6MiB in flight",
                "state: /var/lib/logskiff",
                "exit: on SIGTERM; drain timeout 25s",
            ],
        );
    }

    #[test]
    fn rules_are_printed_by_mode_and_the_key_by_its_id() {
        let key = "0123456789abcdef0123456789abcdef";
        let variables = [
            ("LOGSKIFF_REDACT", "jwt,card,email"),
            ("LOGSKIFF_REDACT_RULE_ORDER", "field:order.id"),
            ("LOGSKIFF_REDACT_FIELDS", "password,user.*.pin"),
            ("LOGSKIFF_REDACT_MODE_EMAIL", "token"),
            ("LOGSKIFF_REDACT_MODE_CARD", "partial"),
            ("LOGSKIFF_REDACT_MODE_FIELD", "remove"),
            ("LOGSKIFF_REDACT_KEY", key),
            ("LOGSKIFF_REDACT_KEY_ID", "k7"),
            ("LOGSKIFF_INPUT_A_PATHS", "/var/log/a/*.log"),
            ("LOGSKIFF_INPUT_B_PATHS", "/var/log/b/*.log"),
            ("LOGSKIFF_INPUT_B_REDACT", "jwt"),
            ("LOGSKIFF_INPUT_B_REDACT_FIELDS", "none"),
            ("LOGSKIFF_INPUT_B_REDACT_MODE", "drop"),
            ("LOGSKIFF_INPUT_B_REDACT_MODE_ORDER", "mask"),
        ];
        check(
            &variables,
            &[
                "redact a: mask jwt, order; remove field; partial card; token email, undecodable, budget with key k7; fields password, user.*.pin",
                "redact b: mask order; drop jwt, undecodable, budget",
            ],
        );
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert!(!summary(&Config::from_vars(owned).unwrap()).contains(key));
        check(&[("LOGSKIFF_REDACT", "none"), ("LOGSKIFF_REDACT_FIELDS", "none")], &["redact default: nothing"]);
        let excepted =
            "redact default: mask jwt, undecodable, budget; except 2 allowed entries; exempt fields trace.id";
        let variables = [
            ("LOGSKIFF_REDACT", "jwt"),
            ("LOGSKIFF_REDACT_FIELDS", "none"),
            ("LOGSKIFF_REDACT_ALLOW", "10.0.0.0/8\n\n/a.+/\n"),
            ("LOGSKIFF_REDACT_EXEMPT_FIELDS", "trace.id"),
        ];
        check(&variables, &[excepted]);
    }

    /// Goal: for files that two inputs match, the winner is printed, with the rules of the other that do not apply.
    #[test]
    fn overlapping_inputs_are_printed() {
        check(
            &[
                ("LOGSKIFF_REDACT", "jwt,card"),
                ("LOGSKIFF_REDACT_FIELDS", "pin"),
                ("LOGSKIFF_INPUT_ALL_PATHS", "/var/log/a/*.log"),
                ("LOGSKIFF_INPUT_ONE_PATHS", "/var/log/a/one.log"),
                ("LOGSKIFF_INPUT_ONE_REDACT", "card,email"),
                ("LOGSKIFF_INPUT_ONE_REDACT_FIELDS", "none"),
            ],
            &[
                "overlap: files that one and all both match belong to one; it lacks the detectors and rules jwt of all; it lacks the fields pin of all",
            ],
        );
    }

    #[test]
    fn a_syslog_receiver_is_printed_with_its_transport() {
        #[track_caller]
        fn check_syslog(variables: &[(&str, &str)], expected: &str) {
            check(&[&[("LOGSKIFF_OUTPUT", "syslog")], variables].concat(), &[expected]);
        }
        check_syslog(
            &[("LOGSKIFF_SYSLOG_ADDRESS", "tls://a:6514,tls://b:6514"), ("LOGSKIFF_SYSLOG_TLS_VERIFY", "off")],
            "output syslog: rfc5424 at tls://a:6514, tls://b:6514, octet-counting, redacted lines, messages up to 8096B, receiver NOT verified",
        );
        check_syslog(
            &[
                ("LOGSKIFF_SYSLOG_ADDRESS", "tcp://a:514"),
                ("LOGSKIFF_SYSLOG_FRAMING", "newline"),
                ("LOGSKIFF_SYSLOG_COMPRESSION", "zlib"),
                ("LOGSKIFF_SYSLOG_FORMAT", "rfc3164"),
                ("LOGSKIFF_SYSLOG_ENCODING", "json"),
            ],
            "output syslog: rfc3164 at tcp://a:514, newline, JSON records, messages up to 8096B, compression zlib",
        );
        check_syslog(
            &[("LOGSKIFF_SYSLOG_ADDRESS", "relp://a:2514")],
            "output syslog: rfc5424 at relp://a:2514, RELP window 128, redacted lines, messages up to 8096B",
        );
        check_syslog(
            &[("LOGSKIFF_SYSLOG_ADDRESS", "udp://a:514")],
            "output syslog: rfc5424 at udp://a:514, one message per datagram, redacted lines, messages up to 2KiB",
        );
        check_syslog(
            &[("LOGSKIFF_SYSLOG_ADDRESS", "unix:///dev/log")],
            "output syslog: rfc5424 at unix:///dev/log, datagrams or octet-counting, redacted lines, messages up to 8096B",
        );
    }

    #[test]
    fn rules_are_printed_by_name_and_passwords_are_not_printed() {
        let variables = [
            ("LOGSKIFF_OUTPUT", "kafka"),
            ("LOGSKIFF_KAFKA_BROKERS", "a:1,b:2"),
            ("LOGSKIFF_KAFKA_TOPIC", "logs-{namespace:none}"),
            ("LOGSKIFF_KAFKA_SASL", "plain"),
            ("LOGSKIFF_KAFKA_USERNAME", "me"),
            ("LOGSKIFF_KAFKA_PASSWORD", "hunter2"),
            ("LOGSKIFF_STATE_DIR", "none"),
            ("LOGSKIFF_REDACT_RULE_ORDER", "order=([0-9]+)"),
            ("LOGSKIFF_INPUT_ACCESS_PATHS", "/var/log/nginx/access.log"),
            ("LOGSKIFF_INPUT_ACCESS_PARSE", "nginx"),
        ];
        check(
            &variables,
            &[
                "input access: /var/log/nginx/access.log, from the beginning, lines up to 1MiB; parse nginx; redact secrets, rule order, 8 field names",
                "output kafka: JSON records, topic logs-{namespace:none} at a:1,b:2, compression lz4, sasl_plaintext with PLAIN",
                "state: none; a restart ships everything again",
            ],
        );
    }
}
