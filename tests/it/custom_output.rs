//! Outputs that are written against public items only, run by the whole shipper.

mod leaky;
mod memory;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::{DropReason, Outcome};
use logskiff::agent::{App, Summary};
use logskiff::config::Config;
use logskiff::pipeline::batch::Batch;
use logskiff::pipeline::encode::{Encoder, RedactedLine};
use logskiff::sink::{Ack, Custom, Encoded, Error, Health, OutputConfig, Resume, Sink, StartSink};

use self::memory::Memory;
use crate::support::scene::Scene;

const LINES: usize = 500;

/// Ships [`LINES`] lines to these outputs, each of which appends to its list of records.
fn ship(starts: Vec<Arc<StartSink>>) -> Summary {
    let scene = Scene::new();
    let lines: Vec<String> = (0..LINES).map(|seq| format!("{{\"seq\":{seq},\"password\":\"hunter2\"}}\n")).collect();
    scene.write("logs/app.log", lines.concat());
    let logs = format!("{}/*.log", scene.path("logs").display());
    let state = scene.path("state").display().to_string();
    let variables = [
        ("LOGSKIFF_PATHS", logs.as_str()),
        ("LOGSKIFF_STATE_DIR", &state),
        ("LOGSKIFF_START_AT", "beginning"),
        ("LOGSKIFF_REDACT", "secrets"),
        ("LOGSKIFF_BATCH_BYTES", "4KiB"),
        ("LOGSKIFF_HTTP_LISTEN", "off"),
        ("LOGSKIFF_EXIT", "eof"),
    ];
    let mut config = Config::from_vars(variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
    config.output.outputs =
        starts.into_iter().map(|start| OutputConfig::Custom(Custom { name: "custom", start })).collect();
    App::start(config, false).unwrap().wait().unwrap()
}

/// How often each line arrived, in the order of the lines.
#[track_caller]
fn arrivals(records: &Mutex<Vec<String>>) -> Vec<usize> {
    let mut counts = vec![0; LINES];
    for record in records.lock().unwrap().iter() {
        assert!(!record.contains("hunter2"), "{record}");
        let record: serde_json::Value = serde_json::from_str(record).unwrap();
        counts[usize::try_from(record["seq"].as_u64().unwrap()).unwrap()] += 1;
    }
    counts
}

#[test]
fn an_example_output_gets_every_line_once() {
    let records = Arc::default();
    let kept = Arc::clone(&records);
    let summary = ship(vec![Arc::new(move |_| Ok(Box::new(Memory::with(Arc::clone(&kept)))))]);
    assert_eq!(arrivals(&records), vec![1; LINES]);
    assert_eq!((summary.total.acknowledged_records, summary.left_bytes), (LINES as u64, 0));
}

/// An output with everything that may go wrong, each once: it is busy, refuses a message, takes a batch in part, loses its
/// connection with messages in flight, and fails until it is reset.
struct Faulty {
    memory: Memory,
    offers: usize,
    health: Health,
    acks: Vec<Ack>,
}

impl Sink for Faulty {
    fn encode(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, DropReason> {
        let result = self.memory.encode(line, encoder, out);
        // Bytes that only the output reads.
        out.extend_from_slice(b"extra");
        result
    }

    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        self.offers += 1;
        let all = batch.entries.len();
        assert!(batch.entries.iter().all(|entry| &batch.bytes[entry.extra.clone()] == b"extra"));
        let mut lose = |outcome: Outcome| {
            self.acks.extend(batch.entries[from..].iter().map(|entry| Ack::new(entry.ticket, outcome)));
            all
        };
        match self.offers {
            1 => from,
            2 => lose(Outcome::Refused),
            4 => {
                self.health = Health::Disconnected;
                lose(Outcome::Lost)
            }
            6 => {
                self.health = Health::Failed;
                from
            }
            offer if offer % 2 == 0 || from + 1 == all => self.memory.offer(batch, from),
            _ => {
                let mut first = Batch { bytes: batch.bytes.clone(), entries: vec![batch.entries[from].clone()] };
                self.memory.offer(&mut first, 0);
                from + 1
            }
        }
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), Error> {
        acks.append(&mut self.acks);
        self.memory.poll_acks(acks)
    }

    fn health(&self) -> Health {
        self.health
    }

    fn reset(&mut self) -> Result<Resume, Error> {
        self.health = Health::Works;
        Ok(Resume::AfterBackoff)
    }

    fn close(&mut self, within: Duration) {
        assert!(within > Duration::ZERO && self.offers > 6, "every fault was met");
    }
}

/// Goal: what one output refuses or loses reaches it in the end, and another output of the same lines goes on meanwhile.
#[test]
fn an_output_with_faults_gets_every_line_next_to_one_without() {
    let [good, bad] = [Arc::default(), Arc::default()];
    let (good_records, bad_records) = (Arc::clone(&good), Arc::clone(&bad));
    let summary = ship(vec![
        Arc::new(move |_| Ok(Box::new(Memory::with(Arc::clone(&good_records))))),
        Arc::new(move |context| {
            assert!(context.acknowledges);
            let memory = Memory::with(Arc::clone(&bad_records));
            Ok(Box::new(Faulty { memory, offers: 0, health: Health::Works, acks: Vec::new() }))
        }),
    ]);
    for records in [good, bad] {
        let arrivals = arrivals(&records);
        assert!(arrivals.iter().all(|count| *count > 0), "{arrivals:?}");
    }
    assert_eq!((summary.total.acknowledged_records, summary.left_bytes), (LINES as u64, 0));
}

#[test]
fn an_output_that_cannot_start_ends_the_start() {
    let scene = Scene::new();
    let logs = format!("{}/*.log", scene.path("logs").display());
    let variables = [("LOGSKIFF_PATHS", logs.as_str()), ("LOGSKIFF_STATE_DIR", "none")];
    let mut config = Config::from_vars(variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
    let start: Arc<StartSink> = Arc::new(|_| Err(Error::configuration("CUSTOM_ADDRESS", "is not an address")));
    config.output.outputs = vec![OutputConfig::Custom(Custom { name: "custom", start })];
    let error = App::start(config, false).unwrap_err();
    assert!(error.is_configuration());
    assert_eq!(format!("{:#}", anyhow::Error::from(error)), "CUSTOM_ADDRESS: is not an address");
}
