//! What each topic accepts: the size of messages and requests, and their times.
//!
//! Enters: the client's own limit, answers of brokers, and messages that a topic refused. Leaves: limits. A topic is
//! asked when something large is to be sent to it for the first time, and after a refusal. One topic's limits never
//! change another's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::BaseProducer;

use super::context::Callbacks;
use super::describe::{self, Answer, TopicConfig};
use super::message_time::Bounds;
use super::metadata::Metadata;

/// The limit of a message is never set below this.
const MESSAGE_BYTES_MIN: usize = 1024;
/// A topic is asked when more than this waits for it, and gets no more at once before it has answered. Most sidecars write
/// less and never ask; hardly a topic accepts less.
const UNASKED_BYTES: usize = 64 * 1024;

/// Why a topic refused a message for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It, or the request, is too large.
    Size,
    /// Its time is not accepted.
    Time,
}

/// The limits of all topics.
pub(super) struct TopicLimits {
    /// The client's own limit of a message.
    client_bytes: usize,
    /// By the topic's number.
    topics: Vec<Topic>,
    /// Answers to the questions of this client.
    inbox: Arc<Mutex<Vec<(u16, Answer)>>>,
    /// Ends the questions of this client.
    stop: Arc<AtomicBool>,
    /// It was logged that brokers do not say.
    is_logged: bool,
    /// The brokers do not know the question: topics are no longer asked.
    is_silent: bool,
    /// A limit changed, so that the client must be replaced and read again.
    has_changed: bool,
}

#[derive(Clone, Copy, Default)]
struct Topic {
    state: State,
    /// It refused something, and gets nothing more before it has answered.
    is_held: bool,
    /// What this client learned from its refusals: other messages in flight tell nothing new.
    learned: Option<Refusal>,
    told: TopicConfig,
    /// The limit of a message that refusals have shown, until the broker says another one.
    learned_bytes: Option<usize>,
    bounds: Bounds,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unasked,
    Asking,
    Answered,
}

/// Who is asked, and what for.
pub(super) struct Question<'q> {
    /// The client.
    pub(super) producer: &'q Arc<BaseProducer<Callbacks>>,
    /// What is known of its topics.
    pub(super) metadata: &'q Arc<Metadata>,
    /// Wakes the shipper.
    pub(super) wake: &'q Arc<dyn Fn() + Send + Sync>,
    /// The topic's number.
    pub(super) number: u16,
    /// Its name.
    pub(super) topic: &'q str,
}

impl TopicLimits {
    pub(super) fn new(client_bytes: usize) -> Self {
        Self {
            client_bytes,
            topics: Vec::new(),
            inbox: Arc::default(),
            stop: Arc::default(),
            is_logged: false,
            is_silent: false,
            has_changed: false,
        }
    }

    /// The largest message that a topic accepts, as far as is known.
    pub(super) fn message_bytes(&self, topic: u16) -> usize {
        let Topic { told, learned_bytes, .. } = self.topic(topic);
        [told.message_bytes, learned_bytes]
            .into_iter()
            .flatten()
            .fold(self.client_bytes, usize::min)
            .max(MESSAGE_BYTES_MIN)
    }

    /// The times that a topic accepts.
    pub(super) fn bounds(&self, topic: u16) -> Bounds {
        self.topic(topic).bounds
    }

    /// The most bytes of a request to a topic.
    pub(super) fn request_bytes(&self, topic: u16) -> usize {
        let known = self.message_bytes(topic);
        if self.topic(topic).state == State::Answered || self.is_silent { known } else { known.min(UNASKED_BYTES) }
    }

    /// Whether a topic must have answered before a record of this size is sent to it.
    pub(super) fn must_wait(&self, topic: u16, bytes: usize) -> bool {
        let Topic { state, is_held, .. } = self.topic(topic);
        state != State::Answered && !self.is_silent && (is_held || bytes > UNASKED_BYTES)
    }

    /// Whether a topic is to be asked, when so many bytes wait for it.
    pub(super) fn is_to_ask(&self, topic: u16, waiting_bytes: usize) -> bool {
        self.must_wait(topic, waiting_bytes) && self.topic(topic).state == State::Unasked
    }

    /// Asks a topic, unless that was done.
    pub(super) fn ask(&mut self, question: &Question<'_>) {
        let number = question.number;
        let topic = self.topic_mut(number);
        if topic.state != State::Unasked {
            return;
        }
        topic.state = State::Asking;
        let (inbox, wake) = (Arc::clone(&self.inbox), Arc::clone(question.wake));
        let answered = move |answer| {
            inbox.lock().unwrap_or_else(PoisonError::into_inner).push((number, answer));
            wake();
        };
        let asked = describe::Asked {
            producer: Arc::clone(question.producer),
            metadata: Arc::clone(question.metadata),
            topic: question.topic.to_owned(),
            stop: Arc::clone(&self.stop),
        };
        if describe::ask(asked, answered).is_err() {
            // Without a thread, refusals show the limit.
            self.topic_mut(number).answered();
        }
    }

    /// Takes the answers that have arrived; `name` is a topic's name.
    pub(super) fn take_answers<'n>(&mut self, name: impl Fn(u16) -> &'n str) {
        let answers = std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for (number, answer) in answers {
            let before = self.message_bytes(number);
            match answer {
                Answer::Told(told) => self.topic_mut(number).take(told),
                Answer::Refused(code) => {
                    self.topic_mut(number).answered();
                    self.is_silent |= code == Code::UnsupportedFeature;
                    // A missing topic is logged when a message is sent to it.
                    let is_missing = matches!(code, Code::LeaderNotAvailable | Code::UnknownTopicOrPartition);
                    if !is_missing && !std::mem::replace(&mut self.is_logged, true) {
                        tracing::info!(
                            topic = name(number),
                            %code,
                            "the broker does not say a topic's max.message.bytes, which needs the right DescribeConfigs; \
                             learning it when a message is refused"
                        );
                    }
                }
            }
            let bytes = self.message_bytes(number);
            if bytes != before {
                tracing::info!(topic = name(number), bytes, "using the topic's max.message.bytes");
            }
        }
    }

    /// Learns from a refusal. The client must then be replaced, unless nothing is learned: returns whether something is.
    pub(super) fn learn(&mut self, topic: u16, refusal: Refusal, name: &str) -> bool {
        let before = self.message_bytes(topic);
        let entry = self.topic_mut(topic);
        if entry.learned == Some(refusal) {
            return true;
        }
        (entry.state, entry.is_held) = (State::Unasked, true);
        let learns = match refusal {
            Refusal::Size => {
                let bytes = (before / 2).max(MESSAGE_BYTES_MIN);
                entry.learned_bytes = Some(bytes);
                if bytes < before {
                    tracing::warn!(
                        topic = name,
                        bytes,
                        "the broker accepts no larger messages; splitting larger records"
                    );
                }
                bytes < before
            }
            Refusal::Time => {
                let learns = entry.bounds.learn(entry.told.before_ms, entry.told.after_ms);
                if learns {
                    tracing::warn!(
                        topic = name,
                        "the topic does not accept a record's time; using the time of reading"
                    );
                }
                learns
            }
        };
        if learns {
            self.topic_mut(topic).learned = Some(refusal);
            self.has_changed = true;
        }
        learns
    }

    /// A record was encoded for a larger limit: the client must be replaced, and the record read again.
    pub(super) fn note_outdated(&mut self) {
        self.has_changed = true;
    }

    /// Whether the client must be replaced.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// A new client is in use: it asks for itself. Returns whether limits had changed.
    pub(super) fn reset(&mut self) -> bool {
        self.stop.store(true, Ordering::Relaxed);
        (self.stop, self.inbox, self.is_silent) = (Arc::default(), Arc::default(), false);
        for topic in &mut self.topics {
            topic.learned = None;
            if topic.state == State::Asking {
                topic.state = State::Unasked;
            }
        }
        std::mem::take(&mut self.has_changed)
    }

    #[cfg(test)]
    pub(super) fn tell(&mut self, topic: u16, message_bytes: usize) {
        self.topic_mut(topic).take(TopicConfig { message_bytes: Some(message_bytes), ..TopicConfig::default() });
    }

    fn topic(&self, number: u16) -> Topic {
        self.topics.get(usize::from(number)).copied().unwrap_or_default()
    }

    fn topic_mut(&mut self, number: u16) -> &mut Topic {
        let index = usize::from(number);
        if self.topics.len() <= index {
            self.topics.resize(index + 1, Topic::default());
        }
        &mut self.topics[index]
    }
}

impl Drop for TopicLimits {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Topic {
    fn answered(&mut self) {
        (self.state, self.is_held) = (State::Answered, false);
    }

    /// Takes an answer.
    fn take(&mut self, told: TopicConfig) {
        self.answered();
        // What was learned below the same answer still holds: something between us and the topic accepts less.
        if told.message_bytes != self.told.message_bytes {
            self.learned_bytes = None;
        }
        self.bounds.tell(told.before_ms, told.after_ms);
        self.told = told;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_BYTES: usize = 1_000_000;

    fn limits() -> TopicLimits {
        TopicLimits::new(CLIENT_BYTES)
    }

    #[test]
    fn a_small_topic_makes_no_other_small() {
        let mut limits = limits();
        limits.tell(3, 100_000);
        limits.tell(4, 5_000_000);
        assert_eq!([3, 4, 5].map(|topic| limits.message_bytes(topic)), [100_000, CLIENT_BYTES, CLIENT_BYTES]);
        assert_eq!([3, 4, 5].map(|topic| limits.request_bytes(topic)), [100_000, CLIENT_BYTES, UNASKED_BYTES]);
        assert!(limits.learn(7, Refusal::Size, "seven"));
        assert_eq!([4, 7].map(|topic| limits.message_bytes(topic)), [CLIENT_BYTES, CLIENT_BYTES / 2]);
    }

    /// Goal: an answer replaces a guess, and the same answer does not undo what refusals have shown since.
    #[test]
    fn answers_and_refusals_agree() {
        let mut limits = limits();
        assert!(limits.learn(0, Refusal::Size, "logs") && limits.learn(0, Refusal::Size, "logs"));
        assert_eq!(limits.message_bytes(0), CLIENT_BYTES / 2, "two requests were in flight");
        limits.reset();
        limits.tell(0, 900_000);
        assert_eq!(limits.message_bytes(0), 900_000);
        assert!(limits.learn(0, Refusal::Size, "logs"));
        limits.tell(0, 900_000);
        assert_eq!(limits.message_bytes(0), 450_000, "a gateway accepts less than the topic");
        limits.tell(0, 800_000);
        assert_eq!(limits.message_bytes(0), 800_000, "the topic was changed");
    }

    #[test]
    fn the_smallest_limit_is_not_learned_again() {
        let mut limits = limits();
        let mut learns = || limits.learn(0, Refusal::Size, "logs") && limits.reset();
        let steps = (0..20).take_while(|_| learns()).count();
        assert_eq!((steps, limits.message_bytes(0)), (10, MESSAGE_BYTES_MIN));
        assert!(!limits.has_changed());
    }

    #[test]
    fn topics_are_asked_before_much_is_sent() {
        let mut limits = limits();
        limits.tell(0, CLIENT_BYTES);
        limits.tell(1, 100_000);
        assert!(limits.must_wait(9, UNASKED_BYTES + 1) && !limits.must_wait(9, UNASKED_BYTES));
        assert!(!limits.must_wait(0, CLIENT_BYTES));
        limits.learn(0, Refusal::Size, "logs");
        assert!(limits.must_wait(0, 1), "it is asked after a refusal");
    }
}
