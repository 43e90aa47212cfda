//! The partition of each record.
//!
//! Enters: the topic and key of a record, and what is known of the topic. Leaves: the number of an outbox. Until the
//! partitions of a topic are known, librdkafka chooses them, by the same function.

use std::sync::Arc;

use super::metadata::{Leaders, Metadata};
use super::outbox::Outbox;
use super::pacing::Outboxes;
use super::partitioner::Partitioner;

/// The outboxes of all topics.
pub(super) struct TopicPartitions {
    metadata: Arc<Metadata>,
    /// What is known is as new as this.
    version: u64,
    /// By the topic's number.
    topics: Vec<Topic>,
    by: Partitioner,
}

/// Where a record goes.
#[derive(Clone, Copy)]
pub(super) struct Target<'n> {
    /// The topic's number.
    pub(super) topic: u16,
    /// The topic's name.
    pub(super) name: &'n str,
    pub(super) key: Option<&'n [u8]>,
}

#[derive(Default)]
struct Topic {
    /// Its name, once it has had a record.
    name: Option<String>,
    leaders: Option<Leaders>,
    /// For the records of no known partition.
    unassigned: Option<usize>,
    /// By partition; those that have had a record.
    outboxes: Vec<Option<usize>>,
    /// The partition that gets records without a key.
    sticky: usize,
}

impl TopicPartitions {
    pub(super) fn new(metadata: Arc<Metadata>, by: Partitioner) -> Self {
        Self { metadata, version: 0, topics: Vec::new(), by }
    }

    /// Takes over what is known now of all topics.
    pub(super) fn update(&mut self) {
        let version = self.metadata.version();
        if std::mem::replace(&mut self.version, version) != version {
            for topic in &mut self.topics {
                let leaders = topic.name.as_deref().and_then(|name| self.metadata.leaders(name));
                topic.leaders = leaders.or(topic.leaders.take());
            }
        }
    }

    /// The outbox of a record.
    pub(super) fn outbox(&mut self, target: Target<'_>, outboxes: &mut Outboxes) -> usize {
        let number = target.topic;
        if self.topics.len() <= usize::from(number) {
            self.topics.resize_with(usize::from(number) + 1, Topic::default);
        }
        let topic = &mut self.topics[usize::from(number)];
        if topic.name.is_none() {
            topic.name = Some(target.name.to_owned());
            topic.leaders = self.metadata.leaders(target.name);
        }
        // What librdkafka assigns must be acknowledged first, or the order of a key would change.
        let waits = |outbox: usize| outboxes.get(outbox).out.is_some() || !outboxes.get(outbox).is_empty();
        let count =
            topic.leaders.as_ref().map(|leaders| leaders.len()).filter(|_| !topic.unassigned.is_some_and(waits));
        let Some(count) = count else {
            return *topic.unassigned.get_or_insert_with(|| outboxes.add(Outbox::new(number, None)));
        };
        let partition = match target.key {
            Some(key) => self.by.partition(key, u32::try_from(count).unwrap_or(u32::MAX)) as usize,
            None => topic.choose(count, outboxes),
        };
        topic.outbox(number, partition, outboxes)
    }

    /// The broker that leads an outbox's partition; negative if none is known.
    pub(super) fn leader(&self, outbox: &Outbox) -> i32 {
        let leaders = self.topics.get(usize::from(outbox.topic)).and_then(|topic| topic.leaders.as_ref());
        let partition = outbox.partition.and_then(|partition| usize::try_from(partition).ok());
        leaders.zip(partition).and_then(|(leaders, partition)| leaders.get(partition).copied()).unwrap_or(-1)
    }

    /// The topics that are known now and whose records still wait for librdkafka to choose: their outboxes.
    pub(super) fn assignable(&self) -> Vec<usize> {
        self.topics.iter().filter(|topic| topic.leaders.is_some()).filter_map(|topic| topic.unassigned).collect()
    }

    /// Records without a key get another partition, once a batch of this one is handed over.
    pub(super) fn note_handed_over(&mut self, outbox: &Outbox) {
        let Some(topic) = self.topics.get_mut(usize::from(outbox.topic)) else { return };
        if outbox.partition.and_then(|partition| usize::try_from(partition).ok()) == Some(topic.sticky) {
            topic.sticky += 1;
        }
    }
}

impl Topic {
    /// The partition for a record without a key: the same until it holds a batch, then the next one of those that have
    /// the least to do.
    fn choose(&mut self, count: usize, outboxes: &Outboxes) -> usize {
        let outbox = |partition: usize| self.outboxes.get(partition).copied().flatten().map(|each| outboxes.get(each));
        let load = |partition: usize| {
            outbox(partition)
                .map_or((false, false, 0), |outbox| (outbox.is_closed, outbox.out.is_some(), outbox.waiting_bytes))
        };
        self.sticky %= count;
        let (is_closed, is_out, bytes) = load(self.sticky);
        let has_batch = outbox(self.sticky).is_some_and(|outbox| outboxes.is_batch(outbox));
        if is_closed || has_batch || (is_out && bytes == 0) {
            let next = |step: usize| (self.sticky + step) % count;
            self.sticky = (0..count).map(next).min_by_key(|partition| load(*partition)).unwrap_or(0);
        }
        self.sticky
    }

    fn outbox(&mut self, topic: u16, partition: usize, outboxes: &mut Outboxes) -> usize {
        if self.outboxes.len() <= partition {
            self.outboxes.resize(partition + 1, None);
        }
        let number = i32::try_from(partition).ok();
        *self.outboxes[partition].get_or_insert_with(|| outboxes.add(Outbox::new(topic, number)))
    }
}
