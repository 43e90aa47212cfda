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

/// The limit of a message is never set below this.
const MESSAGE_BYTES_MIN: usize = 1024;
/// A topic is asked before more than this is sent to it at once, and gets no more before it has answered. Most sidecars
/// write less and never ask; hardly a topic accepts less.
const UNASKED_BYTES: usize = 64 * 1024;
/// The most messages in one request: librdkafka's `batch.num.messages`.
const REQUEST_MESSAGES_MAX: usize = 10_000;

/// Why a topic refused a message for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It, or the request, is too large.
    Size,
    /// Its time is not accepted.
    Time,
}

/// The limits of all topics.
pub(super) struct Limits {
    /// The client's own limit of a message.
    client_bytes: usize,
    /// The most bytes of a request.
    request_bytes: usize,
    /// By the topic's number.
    topics: Vec<Topic>,
    /// Answers to the questions of this client.
    inbox: Arc<Mutex<Vec<(u16, Answer)>>>,
    /// Ends the questions of this client.
    stop: Arc<AtomicBool>,
    /// It was logged that brokers do not say.
    is_logged: bool,
    /// No broker answers: topics are no longer asked.
    is_silent: bool,
    /// A limit changed, so that the client must be replaced and read again.
    has_changed: bool,
}

#[derive(Clone, Copy, Default)]
struct Topic {
    state: State,
    /// It refused something, and gets nothing more before it has answered.
    is_held: bool,
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

/// What is handed over to the client at once: no more than one request to each topic.
#[derive(Default)]
pub(super) struct HandOver {
    bytes: usize,
    messages: usize,
    topics: Vec<Handed>,
}

/// What is handed over to one topic.
struct Handed {
    topic: u16,
    bytes: usize,
    /// The bytes since no message was in flight. The client may join them to one request.
    joined_bytes: usize,
}

/// Who is asked, and what for.
pub(super) struct Question<'q> {
    /// The client.
    pub(super) producer: &'q Arc<BaseProducer<Callbacks>>,
    /// Wakes the shipper.
    pub(super) wake: &'q Arc<dyn Fn() + Send + Sync>,
    /// The topic's number.
    pub(super) number: u16,
    /// Its name.
    pub(super) topic: &'q str,
}

impl Limits {
    pub(super) fn new(client_bytes: usize, request_bytes: usize) -> Self {
        Self {
            client_bytes,
            request_bytes,
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
        let known = self.request_bytes.min(self.message_bytes(topic));
        if self.topic(topic).state == State::Answered || self.is_silent { known } else { known.min(UNASKED_BYTES) }
    }

    /// Whether requests to a topic are smaller than the client makes them by itself.
    pub(super) fn is_small(&self, topic: u16) -> bool {
        self.request_bytes(topic) < self.request_bytes
    }

    /// Whether a topic must have answered before this much is sent to it at once.
    pub(super) fn must_wait(&self, topic: u16, bytes: usize) -> bool {
        let Topic { state, is_held, .. } = self.topic(topic);
        state != State::Answered && !self.is_silent && (is_held || bytes > UNASKED_BYTES)
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
        let stop = Arc::clone(&self.stop);
        if describe::ask(Arc::clone(question.producer), question.topic, stop, answered).is_err() {
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
                    self.is_silent |= matches!(code, Code::UnsupportedFeature | Code::OperationTimedOut);
                    if !std::mem::replace(&mut self.is_logged, true) {
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
        self.has_changed |= learns;
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
        (self.stop, self.inbox) = (Arc::default(), Arc::default());
        let asking = self.topics.iter_mut().filter(|topic| topic.state == State::Asking);
        asking.for_each(|topic| topic.state = State::Unasked);
        std::mem::take(&mut self.has_changed)
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

impl Drop for Limits {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Topic {
    fn answered(&mut self) {
        (self.state, self.is_held) = (State::Answered, false);
    }

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

impl HandOver {
    /// Begins the next one, while this many messages are in flight.
    pub(super) fn begin(&mut self, in_flight: usize) {
        (self.bytes, self.messages) = (0, 0);
        if in_flight == 0 {
            self.topics.clear();
        }
        self.topics.iter_mut().for_each(|handed| handed.bytes = 0);
    }

    /// Whether a message of this size still belongs to it; if so, it is added. The first message always fits.
    pub(super) fn takes(&mut self, limits: &Limits, topic: u16, bytes: usize) -> bool {
        let at = self.topics.iter().position(|handed| handed.topic == topic);
        let joined_bytes = at.map_or(0, |at| self.topics[at].joined_bytes);
        let fits = self.bytes + bytes <= limits.request_bytes && self.messages < REQUEST_MESSAGES_MAX;
        // A message beyond one request would be ready to be sent while that request is in flight.
        if self.messages > 0 && !fits {
            return false;
        }
        if limits.is_small(topic) && joined_bytes > 0 && joined_bytes + bytes > limits.request_bytes(topic) {
            return false;
        }
        self.bytes += bytes;
        self.messages += 1;
        match at {
            Some(at) => {
                self.topics[at].bytes += bytes;
                self.topics[at].joined_bytes += bytes;
            }
            None => self.topics.push(Handed { topic, bytes, joined_bytes: bytes }),
        }
        true
    }

    /// The bytes of a topic with another message.
    pub(super) fn bytes_with(&self, topic: u16, bytes: usize) -> usize {
        self.topics.iter().find(|handed| handed.topic == topic).map_or(bytes, |handed| handed.bytes + bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_BYTES: usize = 1_000_000;

    fn told(bytes: usize) -> TopicConfig {
        TopicConfig { message_bytes: Some(bytes), ..TopicConfig::default() }
    }

    fn limits() -> Limits {
        Limits::new(CLIENT_BYTES, 500_000)
    }

    #[test]
    fn a_small_topic_makes_no_other_small() {
        let mut limits = limits();
        limits.topic_mut(3).take(told(100_000));
        limits.topic_mut(4).take(told(5_000_000));
        assert_eq!([3, 4, 5].map(|topic| limits.message_bytes(topic)), [100_000, CLIENT_BYTES, CLIENT_BYTES]);
        assert_eq!([3, 4, 5].map(|topic| limits.request_bytes(topic)), [100_000, 500_000, UNASKED_BYTES]);
        assert!(limits.learn(7, Refusal::Size, "seven"));
        assert_eq!([4, 7].map(|topic| limits.message_bytes(topic)), [CLIENT_BYTES, CLIENT_BYTES / 2]);
    }

    /// Goal: an answer replaces a guess, and the same answer does not undo what refusals have shown since.
    #[test]
    fn answers_and_refusals_agree() {
        let mut limits = limits();
        assert!(limits.learn(0, Refusal::Size, "logs"));
        limits.topic_mut(0).take(told(900_000));
        assert_eq!(limits.message_bytes(0), 900_000);
        assert!(limits.learn(0, Refusal::Size, "logs"));
        limits.topic_mut(0).take(told(900_000));
        assert_eq!(limits.message_bytes(0), 450_000, "a gateway accepts less than the topic");
        limits.topic_mut(0).take(told(800_000));
        assert_eq!(limits.message_bytes(0), 800_000, "the topic was changed");
    }

    #[test]
    fn the_smallest_limit_is_not_learned_again() {
        let mut limits = limits();
        let steps = (0..20).take_while(|_| limits.learn(0, Refusal::Size, "logs")).count();
        assert_eq!((steps, limits.message_bytes(0)), (10, MESSAGE_BYTES_MIN));
        assert!(limits.reset(), "the earlier steps changed something");
        assert!(!limits.learn(0, Refusal::Size, "logs") && !limits.reset());
    }

    #[test]
    fn a_hand_over_is_one_request_for_each_topic() {
        let mut limits = limits();
        limits.topic_mut(0).take(told(CLIENT_BYTES));
        limits.topic_mut(1).take(told(100_000));
        let mut hand_over = HandOver::default();
        assert!(hand_over.takes(&limits, 1, 90_000));
        assert!(!hand_over.takes(&limits, 1, 20_000), "beyond the topic's limit");
        assert!(hand_over.takes(&limits, 0, 300_000));
        assert!(!hand_over.takes(&limits, 0, 200_000), "beyond a request");
        assert!(hand_over.takes(&limits, 0, 100_000));
        assert_eq!(hand_over.bytes_with(0, 1), 400_001);
        hand_over.begin(3);
        assert!(hand_over.takes(&limits, 0, 300_000));
        assert!(!hand_over.takes(&limits, 1, 20_000), "the client may join it with what is in flight");
        assert!(hand_over.takes(&limits, 1, 10_000));
        hand_over.begin(0);
        assert!(hand_over.takes(&limits, 1, 90_000));
        assert!(HandOver::default().takes(&limits, 1, 2_000_000), "the first one always fits");
        assert!(limits.is_small(1) && !limits.is_small(0) && limits.is_small(9));
        assert!(limits.must_wait(9, UNASKED_BYTES + 1) && !limits.must_wait(9, UNASKED_BYTES));
        assert!(!limits.must_wait(0, CLIENT_BYTES));
        limits.learn(0, Refusal::Size, "logs");
        assert!(limits.must_wait(0, 1), "it is asked after a refusal");
    }
}
