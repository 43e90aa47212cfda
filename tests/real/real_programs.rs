//! Real servers and loggers write lines while the test runs. `LOGSKIFF_PARSE=auto` and the program's preset have to find
//! in each what the test had the program say.
//!
//! `.ci/runtimes-install DIR` and `.ci/kafka-install DIR`, then `LOGSKIFF_TEST_RUNTIMES=DIR LOGSKIFF_TEST_KAFKA=DIR cargo test
//! --test real real_programs::`.
//!
//! A log is read after it was written, and its file looks an hour old: only its lines tell when they were written.

mod loggers;
mod server;
mod servers;

use std::fs::File;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::Value;

use crate::support::installed;
use crate::support::scene::Scene;

/// Programs write their times in this zone: not that of any machine in CI, and half an hour off the others.
const ZONE: &str = "Asia/Kolkata";
/// Some stamps have no fraction.
const STAMP_UNIT: Duration = Duration::from_secs(1);

/// What a program wrote, and what one line of it says.
struct Log {
    text: String,
    /// Before its first line was written, and after the last.
    written: (SystemTime, SystemTime),
    /// How many records it is.
    records: usize,
    /// What the record's line has, and no other.
    line: String,
    level: Option<&'static str>,
}

impl Log {
    /// A log whose lines are records, written since `start`.
    fn new(text: String, start: SystemTime, line: &str, level: Option<&'static str>) -> Self {
        let records = text.lines().count();
        Self { text, written: (start, SystemTime::now()), records, line: line.to_owned(), level }
    }

    /// The line, with what is around it in its record.
    #[track_caller]
    fn line(&self) -> &str {
        let mut lines = self.text.lines().filter(|line| line.contains(&self.line));
        let line = lines.next().unwrap_or_else(|| panic!("no line has {:?}:\n{}", self.line, self.text));
        assert_eq!(lines.next(), None, "another line has {:?} too", self.line);
        line
    }

    /// The record of the line, after all of the log was read as `parse`: none is in error.
    #[track_caller]
    fn record(&self, parse: &str) -> Value {
        let scene = Scene::new();
        scene.append_log("app.log", &self.text);
        let file = File::options().append(true).open(scene.log("app.log")).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
        let settings = scene
            .to_stdout()
            .with("LOGSKIFF_PARSE", parse)
            .with("LOGSKIFF_TIME_ZONE", ZONE)
            .with("LOGSKIFF_REDACT", "none")
            .with("LOGSKIFF_REDACT_FIELDS", "none");
        let sidecar = scene.run_to_end(settings);
        let records: Vec<Value> =
            sidecar.stdout().lines().map(|record| serde_json::from_str(record).unwrap()).collect();
        assert_eq!(records.len(), self.records, "{parse}: {records:#?}\nof {}", self.text);
        let errors: Vec<_> = records.iter().filter(|record| record.get("parse.error").is_some()).collect();
        assert!(errors.is_empty(), "{parse}: {errors:#?}");
        let at = self.text.find(self.line()).unwrap() as u64;
        let of_line = |record: &&Value| record["log.offset"].as_u64().unwrap() <= at;
        records.iter().rfind(of_line).expect("a record of the line").clone()
    }

    /// Whether the record has the line's time and level, and this message.
    #[track_caller]
    fn assert_read(&self, parse: &str, record: &Value, message: &str) {
        let time: Timestamp = record["@timestamp"].as_str().unwrap().parse().unwrap();
        let (start, end) = self.written;
        let since = Timestamp::try_from(start - STAMP_UNIT).unwrap();
        assert!(since <= time && time <= Timestamp::try_from(end).unwrap(), "{parse}: {since}, {end:?}: {record:#}");
        assert_eq!(record.get("log.level").and_then(Value::as_str), self.level, "{parse}: {record:#}");
        assert_eq!(record["event.time_source"], "line", "{parse}: {record:#}");
        assert_eq!(record["message"], message, "{parse}: {record:#}");
    }

    /// As `auto`: the line is the message.
    #[track_caller]
    fn assert_by_default(&self) {
        self.assert_read("auto", &self.record("auto"), self.line());
    }

    /// As the preset: a message, and fields, of which `null` stands for none.
    #[track_caller]
    fn assert_by_preset(&self, preset: &str, message: &str, fields: &[(&str, Value)]) {
        let record = self.record(preset);
        self.assert_read(preset, &record, message);
        for (name, value) in fields {
            assert_eq!(&record[*name], value, "{preset}, {name}: {record:#}");
        }
    }

    /// As both.
    #[track_caller]
    fn assert_by_both(&self, preset: &str, message: &str, fields: &[(&str, Value)]) {
        self.assert_by_default();
        self.assert_by_preset(preset, message, fields);
    }
}

/// Whether the programs are installed.
fn are_there() -> bool {
    installed("LOGSKIFF_TEST_RUNTIMES", ".ci/runtimes-install").is_some()
}
