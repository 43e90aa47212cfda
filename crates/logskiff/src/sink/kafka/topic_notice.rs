//! What is logged of a topic: that it was reached, or why it cannot be used.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

/// A topic that the brokers create on demand is missing at first.
const CREATION: Duration = Duration::from_secs(2);
/// A topic that stays unusable is logged again after this time.
const REPEAT: Duration = Duration::from_secs(300);

/// What is known of a topic's state in the log.
#[derive(Debug, Default)]
pub(super) struct TopicNotice {
    is_reached: bool,
    /// Since when it has been missing.
    missing_since: Option<Instant>,
    /// When its error was last logged.
    logged_at: Option<Instant>,
}

impl TopicNotice {
    /// The cluster knows the topic. Logged once, and again after an error was logged.
    pub(super) fn log_reached(&mut self, topic: &str, partitions: usize) {
        if !self.is_reached || self.logged_at.is_some() {
            let noun = if partitions == 1 { "partition" } else { "partitions" };
            tracing::info!("Kafka is reached, topic {topic} has {partitions} {noun}");
        }
        *self = Self { is_reached: true, ..Self::default() };
    }

    /// The cluster answers with an error.
    pub(super) fn log_error(&mut self, topic: &str, code: Code, now: Instant) {
        self.missing_since.get_or_insert(now);
        if !self.is_due(code, now) {
            return;
        }
        self.logged_at = Some(now);
        let (cause, fix) = match code {
            Code::UnknownTopicOrPartition | Code::UnknownTopic => {
                ("the topic does not exist", "create it, or correct LOGSKIFF_KAFKA_TOPIC")
            }
            Code::TopicAuthorizationFailed => {
                ("no right to use the topic", "grant WRITE and DESCRIBE on it to logskiff's user")
            }
            Code::InvalidTopic => ("not a name of a topic", "correct LOGSKIFF_KAFKA_TOPIC"),
            _ => ("the brokers cannot serve the topic", "see the brokers' logs"),
        };
        tracing::warn!(topic, cause, fix, error = %code, "cannot send to a Kafka topic; its lines stay in their files, and logskiff retries");
    }

    /// Whether an error is to be logged now.
    fn is_due(&self, code: Code, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        if self.logged_at.is_some_and(|at| since(at) < REPEAT) {
            return false;
        }
        let is_final = matches!(code, Code::TopicAuthorizationFailed | Code::InvalidTopic);
        is_final || self.missing_since.is_some_and(|at| since(at) >= CREATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a topic that is being created is not missing, and one that stays missing is known in time.
    #[test]
    fn a_topic_is_missing_after_a_while() {
        let (mut notice, start) = (TopicNotice::default(), Instant::now());
        let mut due = |code, ms| {
            let now = start + Duration::from_millis(ms);
            notice.log_error("logs", code, now);
            notice.logged_at == Some(now)
        };
        let missing = Code::UnknownTopicOrPartition;
        assert!(!due(missing, 0) && !due(missing, 700) && !due(missing, 1_500));
        assert!(due(missing, 3_100), "before 5 s");
        assert!(!due(missing, 6_300) && !due(missing, 290_000));
        assert!(due(missing, 310_000), "again");
        let notice = TopicNotice::default();
        assert!(notice.is_due(Code::TopicAuthorizationFailed, start), "this does not pass");
    }
}
