//! The partitions of the topics in use, and the brokers that lead them.
//!
//! Enters: names of topics. Leaves: for each topic the leaders of its partitions, as last heard from the cluster. A
//! thread per client asks: when a topic is new, after an error, and at least every [`REFRESH`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer};

use super::context::Callbacks;
use super::topic_notice::TopicNotice;
use crate::telemetry::metrics::OutputMetrics;

/// A topic is asked for at least this often: it may have got more partitions.
pub(super) const REFRESH: Duration = Duration::from_secs(300);
/// After an error it is asked for after this time. Until it is known, twice as long each time …
const RETRY_MIN: Duration = Duration::from_millis(100);
/// … up to this.
const RETRY_MAX: Duration = Duration::from_secs(10);
/// The time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The leaders of a topic's partitions, in their order. A partition without a leader has a negative one.
pub(super) type Leaders = Arc<[i32]>;

/// What is known of the topics in use. It outlives a client.
pub(super) struct Metadata {
    topics: Mutex<HashMap<String, Topic>>,
    /// With `topics`: something has changed.
    changed: Condvar,
    /// Grows with each change.
    version: AtomicU64,
    /// The threads that ask: one, or two while a client is replaced.
    threads: Mutex<Vec<Thread>>,
    refresh: Duration,
    wake: Arc<dyn Fn() + Send + Sync>,
}

struct Topic {
    leaders: Option<Leaders>,
    ask_at: Instant,
    /// The wait after the next failure.
    retry: Duration,
    notice: TopicNotice,
}

/// What the cluster answers about a topic.
enum Answer {
    Leaders(Leaders),
    Error(RDKafkaErrorCode),
    /// No answer, or one without all leaders.
    None,
}

impl Metadata {
    pub(super) fn new(refresh: Duration, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            topics: Mutex::default(),
            changed: Condvar::new(),
            version: AtomicU64::new(0),
            threads: Mutex::default(),
            refresh: refresh.min(REFRESH),
            wake,
        }
    }

    /// The leaders of a topic's partitions; `None` until they are known. A new topic is asked for.
    pub(super) fn leaders(&self, topic: &str) -> Option<Leaders> {
        let mut topics = self.topics();
        if let Some(topic) = topics.get(topic) {
            return topic.leaders.clone();
        }
        let notice = TopicNotice::default();
        topics.insert(topic.to_owned(), Topic { leaders: None, ask_at: Instant::now(), retry: RETRY_MIN, notice });
        drop(topics);
        self.ask();
        None
    }

    /// Whether the first answer about a topic has yet to come.
    pub(super) fn awaits_answer(&self, topic: &str) -> bool {
        self.topics().get(topic).is_some_and(|topic| topic.leaders.is_none() && topic.retry == RETRY_MIN)
    }

    /// The brokers that lead partitions of a topic, each once, as soon as one is known; none after a time, which may be
    /// shorter.
    pub(super) fn wait_for_brokers(&self, topic: &str, timeout: Duration) -> Vec<i32> {
        let topics = self.topics();
        let known = brokers(topics.get(topic));
        if !known.is_empty() {
            return known;
        }
        let (topics, _) = self.changed.wait_timeout(topics, timeout).unwrap_or_else(PoisonError::into_inner);
        brokers(topics.get(topic))
    }

    /// Whether no topic is known by name yet.
    pub(super) fn is_empty(&self) -> bool {
        self.topics().is_empty()
    }

    /// Grows with each change.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A request has failed: leaders may have changed.
    pub(super) fn note_error(&self) {
        let soon = Instant::now() + RETRY_MIN;
        self.topics().values_mut().for_each(|topic| topic.ask_at = topic.ask_at.min(soon));
        self.ask();
    }

    /// Has the threads look for topics to ask for, or for their end.
    pub(super) fn ask(&self) {
        self.threads().iter().for_each(Thread::unpark);
    }

    /// Asks for the topics that are due, until `stop`. The current thread becomes the one that asks.
    pub(super) fn keep_asking(&self, producer: &BaseProducer<Callbacks>, stop: &AtomicBool, counts: &OutputMetrics) {
        let own = std::thread::current();
        self.threads().push(own.clone());
        self.ask_until(producer, stop, counts);
        self.threads().retain(|thread| thread.id() != own.id());
    }

    fn ask_until(&self, producer: &BaseProducer<Callbacks>, stop: &AtomicBool, counts: &OutputMetrics) {
        while !stop.load(Ordering::Relaxed) {
            // Without a broker a request only waits.
            if producer.client().fetch_cluster_id(Duration::ZERO).is_none() {
                std::thread::park_timeout(RETRY_MAX);
                continue;
            }
            let now = Instant::now();
            let due = |(name, topic): (&String, &Topic)| (topic.ask_at <= now).then(|| name.clone());
            let due: Vec<String> = self.topics().iter().filter_map(due).collect();
            for name in due {
                let answer = ask(producer, &name);
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if matches!(answer, Answer::Leaders(_)) {
                    counts.answers();
                }
                if self.note_answer(&name, answer, Instant::now()) {
                    (self.wake)();
                }
            }
            let next = self.topics().values().map(|topic| topic.ask_at).min();
            let wait = next.map_or(self.refresh, |at| at.saturating_duration_since(Instant::now()));
            std::thread::park_timeout(wait);
        }
    }

    /// Returns whether something has changed. What was known stays if there is no answer.
    fn note_answer(&self, name: &str, answer: Answer, now: Instant) -> bool {
        let mut topics = self.topics();
        let Some(topic) = topics.get_mut(name) else { return false };
        let leaders = match answer {
            Answer::Leaders(leaders) => leaders,
            Answer::Error(_) | Answer::None => {
                topic.ask_at = now + topic.retry;
                topic.retry = (topic.retry * 2).min(RETRY_MAX);
                if let Answer::Error(code) = answer {
                    topic.notice.log_error(name, code, now);
                }
                return false;
            }
        };
        topic.notice.log_reached(name, leaders.len());
        topic.retry = RETRY_MIN;
        let has_all = leaders.iter().all(|leader| *leader >= 0);
        topic.ask_at = now + if has_all { self.refresh } else { self.refresh.min(RETRY_MAX) };
        let is_new = topic.leaders.as_ref() != Some(&leaders);
        topic.leaders = Some(leaders);
        if is_new {
            self.version.fetch_add(1, Ordering::Release);
            self.changed.notify_all();
        }
        is_new
    }

    fn threads(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The brokers that lead partitions of a topic, each once.
fn brokers(topic: Option<&Topic>) -> Vec<i32> {
    let leaders = topic.and_then(|topic| topic.leaders.as_deref()).unwrap_or_default();
    let mut brokers: Vec<i32> = leaders.iter().copied().filter(|leader| *leader >= 0).collect();
    brokers.sort_unstable();
    brokers.dedup();
    brokers
}

/// Asks the cluster for the leaders of a topic's partitions.
fn ask(producer: &BaseProducer<Callbacks>, topic: &str) -> Answer {
    let Ok(metadata) = producer.client().fetch_metadata(Some(topic), TIMEOUT) else { return Answer::None };
    let Some(topic) = metadata.topics().iter().find(|found| found.name() == topic) else { return Answer::None };
    if let Some(error) = topic.error() {
        return Answer::Error(error.into());
    }
    let mut partitions: Vec<(i32, i32)> = topic.partitions().iter().map(|each| (each.id(), each.leader())).collect();
    partitions.sort_unstable();
    let is_whole = partitions.iter().zip(0..).all(|((id, _), number)| *id == number);
    if is_whole && !partitions.is_empty() {
        Answer::Leaders(partitions.iter().map(|(_, leader)| *leader).collect())
    } else {
        Answer::None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_topic_is_asked_for_again_and_keeps_what_was_known() {
        let woken = Arc::new(AtomicUsize::new(0));
        let wake = Arc::clone(&woken);
        let metadata =
            Metadata::new(Duration::from_secs(400), Arc::new(move || _ = wake.fetch_add(1, Ordering::Relaxed)));
        assert_eq!(metadata.refresh, REFRESH, "at least that often");
        assert_eq!(metadata.leaders("logs"), None);
        let now = Instant::now();
        let at = || metadata.topics()["logs"].ask_at;
        assert!(at() <= now, "a new topic is asked for at once");
        assert!(!metadata.note_answer("logs", Answer::None, now));
        assert_eq!(at(), now + RETRY_MIN);
        assert!(metadata.wait_for_brokers("logs", Duration::ZERO).is_empty());
        assert!(metadata.note_answer("logs", Answer::Leaders([1, 2].into()), now));
        assert_eq!((metadata.leaders("logs"), at()), (Some([1, 2].into()), now + REFRESH));
        assert!(!metadata.note_answer("logs", Answer::None, now), "a failure takes nothing away");
        assert_eq!(metadata.leaders("logs"), Some([1, 2].into()));
        assert!(metadata.note_answer("logs", Answer::Leaders([1, -1, 1].into()), now), "a partition more");
        assert_eq!(at(), now + RETRY_MAX, "one has no leader");
        assert_eq!(metadata.wait_for_brokers("logs", Duration::ZERO), [1]);
        assert!(metadata.note_answer("logs", Answer::Leaders([3, -1, 1, 3].into()), now));
        assert_eq!(metadata.wait_for_brokers("logs", Duration::ZERO), [1, 3]);
        metadata.note_error();
        assert!(at() <= Instant::now() + RETRY_MIN);
        assert!(!metadata.note_answer("other", Answer::Leaders([1].into()), now), "nobody has asked for it");
    }
}
