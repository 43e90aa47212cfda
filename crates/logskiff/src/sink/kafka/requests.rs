//! What is handed over to the client.
//!
//! Enters: the sizes of messages, and what topics accept. Leaves: whether a message still belongs to this hand-over. The
//! client joins messages that wait for the same partition to one request, so that the request must not be too large.

use super::topic_limits::TopicLimits;

/// The most messages in one request: librdkafka's `batch.num.messages`.
const REQUEST_MESSAGES_MAX: usize = 10_000;

/// What is handed over to the client at once: no more than one request to each topic.
#[derive(Default)]
pub(super) struct Requests {
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

impl Requests {
    /// Begins the next one, while this many messages are in flight.
    pub(super) fn begin(&mut self, in_flight: usize) {
        (self.bytes, self.messages) = (0, 0);
        if in_flight == 0 {
            self.topics.clear();
        }
        self.topics.iter_mut().for_each(|handed| handed.bytes = 0);
    }

    /// Whether a message of this size still belongs to it; if so, it is added. The first message always fits.
    pub(super) fn takes(&mut self, limits: &TopicLimits, topic: u16, bytes: usize) -> bool {
        let at = self.topics.iter().position(|handed| handed.topic == topic);
        let joined_bytes = at.map_or(0, |at| self.topics[at].joined_bytes);
        let fits = self.bytes + bytes <= limits.request_bytes_max() && self.messages < REQUEST_MESSAGES_MAX;
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

    #[test]
    fn a_hand_over_is_one_request_for_each_topic() {
        let mut limits = TopicLimits::new(CLIENT_BYTES, 500_000);
        limits.tell(0, CLIENT_BYTES);
        limits.tell(1, 100_000);
        let mut requests = Requests::default();
        assert!(requests.takes(&limits, 1, 90_000));
        assert!(!requests.takes(&limits, 1, 20_000), "beyond the topic's limit");
        assert!(requests.takes(&limits, 0, 300_000));
        assert!(!requests.takes(&limits, 0, 200_000), "beyond a request");
        assert!(requests.takes(&limits, 0, 100_000));
        assert_eq!(requests.bytes_with(0, 1), 400_001);
        requests.begin(3);
        assert!(requests.takes(&limits, 0, 300_000));
        assert!(!requests.takes(&limits, 1, 20_000), "the client may join it with what is in flight");
        assert!(requests.takes(&limits, 1, 10_000));
        requests.begin(0);
        assert!(requests.takes(&limits, 1, 90_000));
        assert!(Requests::default().takes(&limits, 1, 2_000_000), "the first one always fits");
    }
}
