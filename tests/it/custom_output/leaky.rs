//! An output that shows secrets next to the redacted record, as a faulty encoding might: canaries find it.

use std::sync::{Arc, Mutex};

use event::DropReason;
use logskiff::agent::App;
use logskiff::config::Config;
use logskiff::pipeline::batch::Batch;
use logskiff::pipeline::encode::{Encoder, RedactedLine};
use logskiff::sink::{Ack, Custom, Encoded, Error, OutputConfig, Sink, StartSink};
use logskiff::telemetry::metrics::Metrics;

use super::memory::Memory;
use crate::support::scene::Scene;

/// It knows the made-up secret of one detector.
struct Leaky {
    memory: Memory,
    secret: &'static str,
}

impl Sink for Leaky {
    fn encode(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, DropReason> {
        let result = self.memory.encode(line, encoder, out);
        out.extend_from_slice(self.secret.as_bytes());
        result
    }

    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        self.memory.offer(batch, from)
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), Error> {
        self.memory.poll_acks(acks)
    }
}

/// The canaries that were checked and not masked, and the records that were sent.
fn counts(secret: Option<&'static str>, canary: &str) -> (u64, u64, usize) {
    let scene = Scene::new();
    scene.write("logs/app.log", "one\n");
    let logs = format!("{}/*.log", scene.path("logs").display());
    let variables = [
        ("LOGSKIFF_PATHS", logs.as_str()),
        ("LOGSKIFF_STATE_DIR", "none"),
        ("LOGSKIFF_START_AT", "beginning"),
        ("LOGSKIFF_REDACT", "jwt,email"),
        ("LOGSKIFF_REDACT_CANARY", canary),
        ("LOGSKIFF_HTTP_LISTEN", "off"),
        ("LOGSKIFF_EXIT", "eof"),
    ];
    let mut config = Config::from_vars(variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
    let (records, metrics) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Option<Arc<Metrics>>>>::default());
    let (kept, seen) = (Arc::clone(&records), Arc::clone(&metrics));
    let start: Arc<StartSink> = Arc::new(move |context| {
        *seen.lock().unwrap() = Some(Arc::clone(&context.services.metrics));
        let memory = Memory::with(Arc::clone(&kept));
        Ok(match secret {
            Some(secret) => Box::new(Leaky { memory, secret }),
            None => Box::new(memory),
        })
    });
    config.output.outputs = vec![OutputConfig::Custom(Custom { name: "custom", start })];
    let summary = App::start(config, false).unwrap().wait().unwrap();
    assert_eq!((summary.total.read_bytes, summary.total.acknowledged_records), (4, 1));
    let metrics = metrics.lock().unwrap().take().unwrap();
    let input = &metrics.inputs[0];
    (input.canaries_checked.get(), input.canaries_unmasked.get(), records.lock().unwrap().len())
}

/// Goal: a secret that an output shows is counted, for its detector only; nothing is checked if that is not wanted.
#[test]
fn a_secret_that_an_output_shows_is_counted() {
    let email = redact::detectors().find(|detector| detector.name == "email").and_then(redact::Detector::canary);
    assert_eq!(counts(email.map(|canary| canary.secret), "on"), (4, 2, 1));
    assert_eq!(counts(None, "on"), (4, 0, 1));
    assert_eq!(counts(None, "off"), (0, 0, 1));
}
