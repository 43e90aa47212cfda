//! The partition of each record.
//!
//! Enters: the topic and key of a record, and what is known of the topic. Leaves: the number of an outbox. Until the
//! partitions of a topic are known, librdkafka chooses them, by the same function.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::metadata::{Leaders, Metadata};
use super::outbox::Outbox;
use super::pacing::Outboxes;
use super::partitioner::Partitioner;

/// A partition whose batch is not acknowledged for this time gets no further records without a key.
const HELD_UP_AFTER: Duration = Duration::from_secs(2);

/// The outboxes of all topics.
pub(super) struct TopicPartitions {
    metadata: Arc<Metadata>,
    /// What is known is as new as this.
    version: u64,
    /// By the topic's number.
    topics: Vec<Topic>,
    by: Partitioner,
    pod: String,
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
    /// The partition that gets records without a key; `None`: the home is asked first.
    sticky: Option<usize>,
}

impl TopicPartitions {
    /// Partitions for the sidecar of this pod. A broker pays for each sidecar that writes to a partition of it: so a
    /// sidecar's records without a key have one home, as if the pod's name were their key.
    pub(super) fn new(metadata: Arc<Metadata>, by: Partitioner, pod: &str) -> Self {
        Self { metadata, version: 0, topics: Vec::new(), by, pod: pod.to_owned() }
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
    pub(super) fn outbox(&mut self, target: Target<'_>, outboxes: &mut Outboxes, now: Instant) -> usize {
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
        let of_key = |key: &[u8]| self.by.partition(key, u32::try_from(count).unwrap_or(u32::MAX)) as usize;
        let partition = match target.key {
            Some(key) => of_key(key),
            None => topic.choose(count, of_key(self.pod.as_bytes()), outboxes, now),
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

    /// Whether the first answer about an outbox's topic has yet to come.
    pub(super) fn awaits_answer(&self, outbox: &Outbox) -> bool {
        let topic = || self.topics.get(usize::from(outbox.topic))?.name.as_deref();
        outbox.partition.is_none() && topic().is_some_and(|name| self.metadata.awaits_answer(name))
    }

    /// Records without a key may get another partition, once a batch of this one is handed over.
    pub(super) fn note_handed_over(&mut self, outbox: &Outbox) {
        let Some(topic) = self.topics.get_mut(usize::from(outbox.topic)) else { return };
        let partition = outbox.partition.and_then(|partition| usize::try_from(partition).ok());
        topic.sticky = topic.sticky.filter(|sticky| Some(*sticky) != partition);
    }
}

impl Topic {
    /// The partition for a record without a key: the home. While that has a whole batch waiting, or is held up, others
    /// get a batch each, the one with the least to do first.
    fn choose(&mut self, count: usize, home: usize, outboxes: &Outboxes, now: Instant) -> usize {
        let outbox = |partition: usize| self.outboxes.get(partition).copied().flatten().map(|each| outboxes.get(each));
        let is_held_up = |partition: usize| {
            let out = outbox(partition).and_then(|outbox| outbox.out.as_ref());
            out.is_some_and(|out| now.saturating_duration_since(out.since) >= HELD_UP_AFTER)
        };
        // If more are held up, the cluster is away.
        let is_only_one = || (0..self.outboxes.len()).filter(|partition| is_held_up(*partition)).nth(1).is_none();
        let load = |partition: usize| {
            let of = |outbox: &Outbox| {
                let takes_nothing = outbox.is_closed || (is_held_up(partition) && is_only_one());
                (takes_nothing, outboxes.is_batch(outbox), outbox.out.is_some(), outbox.waiting_bytes)
            };
            outbox(partition).map_or((false, false, false, 0), of)
        };
        let takes = |partition: &usize| *partition < count && matches!(load(*partition), (false, false, ..));
        let known = self.sticky.filter(takes).or(Some(home).filter(takes));
        let others = || (0..count).map(|step| (home + step) % count).min_by_key(|partition| load(*partition));
        *self.sticky.insert(known.or_else(others).unwrap_or(home))
    }

    fn outbox(&mut self, topic: u16, partition: usize, outboxes: &mut Outboxes) -> usize {
        if self.outboxes.len() <= partition {
            self.outboxes.resize(partition + 1, None);
        }
        let number = i32::try_from(partition).ok();
        *self.outboxes[partition].get_or_insert_with(|| outboxes.add(Outbox::new(topic, number)))
    }
}
