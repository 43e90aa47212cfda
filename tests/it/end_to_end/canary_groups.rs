//! Secrets in records of several lines, in the log files of container runtimes, and where a limit or the timeout cuts.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::PATIENCE;
use super::canary::{check, check_all_of, check_state};
use crate::support::scene::{Scene, TOPIC};
use crate::support::wait_until;

const HEAD: &str = "2026-11-30 10:15:02,123 ERROR [main] shop -";
/// Enough lines for a file's records to have a known head.
const PLAIN_LINES: usize = 5;

/// A private key, line by line.
const KEY: [&str; 4] = [
    "-----BEGIN PRIVATE KEY-----",
    "MIIEzebrazebrazebrazebrazebrazebrazebrazebrazebrazebrazebrazebra",
    "QWERzebrazebrazebrazebra",
    "-----END PRIVATE KEY-----",
];

/// Records whose secrets stand in one of their lines, or in a private key.
fn records_of_lines() -> Vec<String> {
    vec![
        format!(
            "{HEAD} cannot connect\njava.sql.SQLException: postgres://app:zebra-01@db:5432/x\n\tat a.b(C.java:1)\n\
             Caused by: java.io.IOException: password=zebra-02 refused\n\tat a.b(C.java:2)"
        ),
        format!(
            "{HEAD} failed\nTraceback (most recent call last):\n  File \"/srv/app.py\", line 3, in login\n    \
             connect(token=\"zebra-03\")\nValueError: user zebra04@example.org, card 4111 1111 1111 1111"
        ),
        format!("{HEAD} body: {{\n  \"password\": \"zebra-05\",\n  \"p\\u0061ssword\": \"zebra-06\",\n  \"n\": 1\n}}"),
        format!("{HEAD} key:\n{}\nafter", KEY.join("\n")),
        format!("{HEAD} request:\nGET /?token=zebra-07&x=1 HTTP/1.1\nAuthorization: Bearer zebra0304.05_06-07"),
        format!(
            "{HEAD} mail:\nbody {{\"mail\":\"\\u007aebra08\\u0040example.org\"}}\nmail_b64={}",
            STANDARD.encode("mail zebra09@example.org")
        ),
    ]
}

/// Records in which a secret stands below its key.
fn records_of_keys_and_values() -> Vec<String> {
    vec![
        "{\n  \"password\":\n    \"zebra-24\",\n  \"m\": \"login by zebra25@example.org\",\n  \"n\": 1\n}".to_owned(),
        format!("{HEAD} body: {{\n  \"password\":\n     \"zebra-21\",\n  \"user\": \"ada\"\n}}"),
        format!("{HEAD} body: {{\n  \"token\": {{\n    \"a\": \"zebra-22\",\n    \"b\": [\"zebra-23\"]\n  }}\n}}"),
        format!("{HEAD} config:\npassword:\n  zebra-26\nuser: ada"),
        format!("{HEAD} config:\n  password: |\n    zebra-27\n    zebra-28\n  other: z"),
        format!("{HEAD} header:\nAuthorization:\n  Bearer zebra29ff00ff00ff"),
        format!("{HEAD} answer:\n<password>\n   zebra-30\n</password>"),
        format!("{HEAD} object:\nkind: Secret\ndata:\n  user: {}", STANDARD.encode("zebra-31")),
        format!("{HEAD} started:\nmysql -u root \\\n  -pzebra-32"),
    ]
}

fn all_records() -> Vec<String> {
    [records_of_keys_and_values(), records_of_lines()].concat()
}

/// Lines that teach the head of a file.
fn plain_lines() -> String {
    format!("{HEAD} next\n").repeat(PLAIN_LINES)
}

/// The form of a file's lines.
#[derive(Clone, Copy, Debug)]
enum Form {
    Lines,
    Cri,
    Docker,
    /// Docker's, with every character escaped.
    Escaped,
}

impl Form {
    /// A line, in parts that end at these positions of it.
    fn line(self, line: &str, ends: &[usize]) -> String {
        let mut ends: Vec<usize> = ends.iter().copied().filter(|end| line.is_char_boundary(*end)).collect();
        ends.push(line.len());
        let (mut text, mut start) = (String::new(), 0);
        for (number, end) in ends.iter().enumerate() {
            let (part, is_last) = (&line[start..*end], number + 1 == ends.len());
            let part = match self {
                Self::Lines => part.to_owned() + if is_last { "\n" } else { "" },
                Self::Cri => format!("2026-11-30T10:15:02.1Z stdout {} {part}\n", if is_last { "F" } else { "P" }),
                Self::Docker | Self::Escaped => self.docker(part, if is_last { "\n" } else { "" }),
            };
            text.push_str(&part);
            start = *end;
        }
        text
    }

    fn docker(self, part: &str, end: &str) -> String {
        let object = json!({"log": format!("{part}{end}"), "stream": "stdout", "time": "2026-11-30T10:15:02.1Z"});
        let Self::Escaped = self else { return format!("{object}\n") };
        let mut log = String::new();
        for unit in part.encode_utf16().chain(end.encode_utf16()) {
            write!(log, "\\u{unit:04x}").unwrap();
        }
        format!("{{\"log\":\"{log}\",\"stream\":\"stdout\",\"time\":\"2026-11-30T10:15:02.1Z\"}}\n")
    }

    /// A text, of which the line at a position is in parts that end there and one character later.
    fn text(self, text: &str, at: usize) -> String {
        let mut start = 0;
        let line = |line: &str| {
            let Range { start: first, end } = start..start + line.len();
            start = end + 1;
            let ends: Vec<usize> =
                [at, at + 1].iter().filter(|at| (first + 1..end).contains(at)).map(|at| at - first).collect();
            self.line(line, &ends)
        };
        text.split('\n').map(line).collect()
    }
}

/// Ships a file with trace logs; checks everything that leaves. Returns the number of records.
#[track_caller]
fn check_shipped(file: &str, more: &[(&str, &str)]) -> usize {
    let scene = Scene::new();
    scene.write("logs/app.log", file);
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "auto")
        .with("LOGSKIFF_REDACT", "secrets,pii")
        .with("LOGSKIFF_OUTPUT", "kafka,stdout")
        .with("LOGSKIFF_LOG", "trace");
    scene.run_to_end(more.iter().fold(settings, |settings, (name, value)| settings.with(name, value)));
    let messages = scene.messages();
    for message in &messages {
        check("a message", &message.payload);
    }
    check_all_of(&scene.path("sidecar.out"));
    check_all_of(&scene.path("sidecar.log"));
    check_state(&scene);
    messages.len()
}

/// Goal: no secret of a record of several lines leaks, whatever the lines are parsed as and written to.
#[test]
fn no_secret_leaks_from_records_of_several_lines() {
    let records = all_records();
    let file = plain_lines() + &records.join("\n") + "\n";
    for parse in ["auto", "json", "none"] {
        for encoding in ["json", "raw"] {
            let count = check_shipped(&file, &[("LOGSKIFF_PARSE", parse), ("LOGSKIFF_ENCODING", encoding)]);
            assert_eq!(count, PLAIN_LINES + records.len(), "{parse}, {encoding}");
        }
    }
    for more in [("LOGSKIFF_KAFKA_MESSAGE", "batch"), ("LOGSKIFF_REDACT_MODE", "partial"), ("LOGSKIFF_ANSI", "keep")] {
        check_shipped(&file.replace("zebra", "zebrazebrazebra"), &[more]);
    }
}

/// Goal: a part of a line may end anywhere, also inside a secret or its key, in each form of a container's file.
#[test]
fn no_secret_leaks_from_parts_of_lines() {
    for form in [Form::Cri, Form::Docker, Form::Escaped] {
        let mut file: String = plain_lines().lines().map(|line| form.line(line, &[])).collect();
        let mut count = PLAIN_LINES;
        for record in all_records() {
            for at in (0..record.len()).filter(|at| record.is_char_boundary(*at)) {
                file += &form.text(&record, at);
                count += 1;
            }
        }
        assert_eq!(check_shipped(&file, &[("LOGSKIFF_IN_FLIGHT_BYTES", "8MiB")]), count, "{form:?}");
    }
}

/// Goal: a limit of lines may cut a record anywhere, also inside a private key.
#[test]
fn no_secret_leaks_where_a_limit_of_lines_cuts() {
    let file = plain_lines() + &records_of_lines().join("\n") + "\n";
    for form in [Form::Lines, Form::Cri, Form::Docker] {
        let file: String = file.lines().map(|line| form.line(line, &[])).collect();
        for lines_max in ["2", "3", "4", "5"] {
            let count = check_shipped(&file, &[("LOGSKIFF_MULTILINE_LINES_MAX", lines_max)]);
            assert!(count > PLAIN_LINES + records_of_lines().len(), "{form:?}: nothing was cut");
        }
    }
}

/// Goal: the same for a limit of bytes, at each byte of a record's secrets.
#[test]
fn no_secret_leaks_where_a_limit_of_bytes_cuts() {
    for form in [Form::Lines, Form::Cri] {
        let mut file: String = plain_lines().lines().map(|line| form.line(line, &[])).collect();
        for record in records_of_lines() {
            let (head, rest) = record.split_once('\n').unwrap();
            for left in 0..rest.len() {
                let filler = ".".repeat(1_024_usize.saturating_sub(left + head.len() + 2));
                file += &form.text(&format!("{head} {filler}\n{rest}"), usize::MAX - 1);
            }
        }
        check_shipped(&file, &[("LOGSKIFF_LINE_BYTES_MAX", "1KiB"), ("LOGSKIFF_IN_FLIGHT_BYTES", "8MiB")]);
    }
}

/// Goal: the same for the timeout, which here cuts after every line.
#[test]
fn no_secret_leaks_where_the_timeout_cuts() {
    for form in [Form::Lines, Form::Cri, Form::Docker] {
        let scene = Scene::new();
        let settings = scene
            .settings()
            .with("LOGSKIFF_PARSE", "auto")
            .with("LOGSKIFF_REDACT", "secrets,pii")
            .with("LOGSKIFF_MULTILINE_TIMEOUT", "100ms");
        let sidecar = scene.start(&settings);
        for (count, line) in (1..).zip(records_of_lines().join("\n").lines()) {
            scene.append_log("app.log", form.line(line, &[]));
            wait_until(line, PATIENCE, || scene.kafka().end_offset(TOPIC) == count);
        }
        sidecar.drain(PATIENCE);
        for message in scene.messages() {
            check("a message", &message.payload);
        }
    }
}

/// Goal: the records are what they are meant to be: without redaction, each has its secrets.
#[test]
fn the_records_have_secrets() {
    for record in all_records() {
        let found = std::panic::catch_unwind(|| check("here", record.as_bytes()));
        assert!(found.is_err(), "{record}");
    }
    let scene = Scene::new();
    scene.write("logs/app.log", Form::Escaped.text(&records_of_lines()[0], 90));
    assert!(!fs::read_to_string(scene.log("app.log")).unwrap().contains("zebra"));
    scene.run_to_end(scene.settings().with("LOGSKIFF_REDACT", "none"));
    let records = scene.records();
    assert!(records[0]["message"].as_str().unwrap().contains("zebra-02 refused\n\tat"), "{records:?}");
}
