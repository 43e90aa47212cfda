//! The smallest output: it keeps records in memory, and acknowledges each of them.

use std::sync::{Arc, Mutex};

use event::Outcome;
use logskiff::pipeline::batch::Batch;
use logskiff::sink::{Ack, Error, Sink};

pub struct Memory {
    records: Arc<Mutex<Vec<String>>>,
    acks: Vec<Ack>,
}

impl Memory {
    pub fn with(records: Arc<Mutex<Vec<String>>>) -> Self {
        Self { records, acks: Vec::new() }
    }
}

impl Sink for Memory {
    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        let records = batch.entries[from..].iter().map(|entry| &batch.bytes[entry.payload.clone()]);
        self.records.lock().unwrap().extend(records.map(|record| String::from_utf8_lossy(record).into_owned()));
        self.acks.extend(batch.entries[from..].iter().map(|entry| Ack::new(entry.ticket, Outcome::Delivered)));
        batch.entries.len()
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), Error> {
        acks.append(&mut self.acks);
        Ok(())
    }
}
