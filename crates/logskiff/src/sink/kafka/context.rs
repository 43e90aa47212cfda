//! The callbacks of librdkafka: delivery reports, errors, log lines, and requests for a token.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::causes::{Cause, Failures};
use super::handover::from_opaque;
use super::metadata::Metadata;
use super::topic_limits::Refusal;
use crate::regular;
use crate::sink::Context;
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::{ErrorKind, OutputMetrics};

/// The outcome of a message, by the value that it carries.
pub(super) type Outcome = (usize, Result<(), RDKafkaErrorCode>);

/// A token without a readable expiry is read again after this time.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);
/// The file of an expired token is read again after this time, because a new token should come soon.
const TOKEN_RETRY: Duration = Duration::from_secs(5);

/// The facility of librdkafka's log lines for a connection that failed.
const CONNECTION_FAILED: &str = "FAIL";

/// Delivery reports of one client that wait for the shipper.
pub(super) struct AckQueue {
    reports: Mutex<Reports>,
    metadata: Arc<Metadata>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// What topics refused for good, with their names.
    refusals: Mutex<Vec<(String, Refusal)>>,
    /// The client is no longer used: its errors are not logged.
    retired: AtomicBool,
    counts: Arc<OutputMetrics>,
    log_limit: Arc<LogRateLimit>,
}

#[derive(Default)]
struct Reports {
    outcomes: Vec<Outcome>,
    /// By outbox: the messages without a report. A report may come before its batch is counted.
    left: Vec<i64>,
}

impl Reports {
    /// Adds to the messages of an outbox without a report. Returns whether all are reported.
    fn count(&mut self, outbox: usize, messages: i64) -> bool {
        if self.left.len() <= outbox {
            self.left.resize(outbox + 1, 0);
        }
        self.left[outbox] += messages;
        self.left[outbox] == 0
    }
}

impl AckQueue {
    pub(super) fn new(context: &Context, metadata: Arc<Metadata>) -> Self {
        let log_limit = Arc::new(LogRateLimit::new(Arc::clone(&context.services.metrics)));
        Self {
            reports: Mutex::default(),
            metadata,
            wake: Arc::clone(&context.services.wake),
            refusals: Mutex::default(),
            retired: AtomicBool::new(false),
            counts: Arc::clone(&context.counts),
            log_limit,
        }
    }

    /// An empty queue for the next client.
    pub(super) fn for_next_client(&self) -> Self {
        Self {
            reports: Mutex::default(),
            metadata: Arc::clone(&self.metadata),
            wake: Arc::clone(&self.wake),
            refusals: Mutex::default(),
            retired: AtomicBool::new(false),
            counts: Arc::clone(&self.counts),
            log_limit: Arc::clone(&self.log_limit),
        }
    }

    /// Marks the client as no longer used.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// The metrics of the output.
    pub(super) fn counts(&self) -> &OutputMetrics {
        &self.counts
    }

    /// What is known of the topics.
    pub(super) fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// Limits how often an event is logged.
    pub(super) fn log_limit(&self) -> &LogRateLimit {
        &self.log_limit
    }

    /// Counts a batch that the client has.
    pub(super) fn add_batch(&self, outbox: usize, messages: usize) {
        if self.reports().count(outbox, i64::try_from(messages).unwrap_or(i64::MAX)) {
            // All reports came before.
            (self.wake)();
        }
    }

    /// Adds the report of a message.
    pub(super) fn add_report(&self, opaque: usize, outcome: Result<(), RDKafkaErrorCode>) {
        let mut reports = self.reports();
        reports.outcomes.push((opaque, outcome));
        // Reports come one by one. The shipper is woken by the last of a batch, when it can hand over the next.
        let is_last = reports.count(from_opaque(opaque).0, -1);
        drop(reports);
        if outcome.is_err() || is_last {
            (self.wake)();
        }
    }

    /// Removes and returns all reports.
    pub(super) fn take_reports(&self) -> Vec<Outcome> {
        std::mem::take(&mut self.reports().outcomes)
    }

    /// Whether the client has no message to send.
    pub(super) fn is_idle(&self) -> bool {
        self.reports().left.iter().all(|left| *left == 0)
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs that no client could be created from the changed files.
    pub(super) fn log_reload_failure(&self, error: &str) {
        if let Some(left_out) = self.log_limit.due("reload") {
            tracing::warn!(
                error,
                left_out,
                "cannot create a Kafka client from the changed files; keeping the old client"
            );
        }
    }

    /// Notes that a topic refused a message, if it did so for good. Call it before [`Self::add_report`].
    pub(super) fn note_refusal(&self, topic: &str, code: RDKafkaErrorCode) {
        let refusal = match code {
            RDKafkaErrorCode::MessageSizeTooLarge => Refusal::Size,
            RDKafkaErrorCode::InvalidTimestamp => Refusal::Time,
            _ => return,
        };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        // All messages of a request are refused together.
        if !refusals.iter().any(|(known, of)| known == topic && *of == refusal) {
            refusals.push((topic.to_owned(), refusal));
        }
    }

    /// Removes and returns what topics refused for good.
    pub(super) fn take_refusals(&self) -> Vec<(String, Refusal)> {
        std::mem::take(&mut *self.refusals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes the shipper.
    pub(super) fn wake(&self) -> &Arc<dyn Fn() + Send + Sync> {
        &self.wake
    }
}

/// The functions that librdkafka calls.
pub(super) struct Callbacks {
    acks: Arc<AckQueue>,
    token_file: Option<PathBuf>,
    failures: Failures,
}

impl Callbacks {
    pub(super) fn new(acks: Arc<AckQueue>, token_file: Option<PathBuf>) -> Self {
        Self { acks, token_file, failures: Failures::default() }
    }
}

impl ProducerContext for Callbacks {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                self.acks.note_refusal(message.topic(), code);
                Err(code)
            }
        };
        // A client that is no longer used reports its messages as purged while it is destroyed.
        if self.acks.retired.load(Ordering::Relaxed) {
            return;
        }
        match outcome {
            Ok(()) => self.acks.counts().answers(),
            Err(code) => {
                self.acks.counts().failed(error_kind(code));
                self.acks.metadata.note_error();
                if let Some(left_out) = self.acks.log_limit.due(&format!("delivery {code:?}")) {
                    tracing::error!(%code, left_out, "Kafka rejected a message; sending it again");
                }
            }
        }
        self.acks.add_report(opaque, outcome);
    }
}

impl ClientContext for Callbacks {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == CONNECTION_FAILED {
            match level {
                // It also comes as an error.
                RDKafkaLogLevel::Error => {
                    tracing::debug!(target: "librdkafka", facility, message);
                    return;
                }
                RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                    self.failures.note_logged(message);
                }
                _ => {}
            }
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                if let Some(left_out) = self.acks.log_limit.due(facility) {
                    tracing::warn!(target: "librdkafka", facility, left_out, message);
                }
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
                if let Some(left_out) = self.acks.log_limit.due(&format!("notice {facility}")) {
                    tracing::info!(target: "librdkafka", facility, left_out, message);
                }
            }
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, message),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if self.acks.retired.load(Ordering::Relaxed) {
            return;
        }
        let code = error.rdkafka_error_code();
        if self.acks.is_idle() && self.failures.is_closed(reason) {
            // Brokers and balancers close idle connections. The next one is made soon.
            tracing::debug!(reason, "an idle connection to Kafka was closed");
            return;
        }
        self.acks.counts().failed(code.map_or(ErrorKind::Connect, error_kind));
        self.acks.metadata.note_error();
        let reason = if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.acks.counts().connected.set(false);
            let Some(reason) = self.failures.all_down(reason) else { return };
            reason
        } else {
            self.failures.note_reported(reason);
            reason.to_owned()
        };
        let Cause { kind, text, fix } = Cause::of(&reason, self.acks.counts().reached.get());
        if let Some(left_out) = self.acks.log_limit.due(kind) {
            tracing::warn!(
                cause = text,
                fix,
                reason = reason.as_str(),
                left_out,
                "cannot reach Kafka; the lines stay in their files, and logskiff retries"
            );
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let Some(path) = &self.token_file else { return Err("LOGSKIFF_KAFKA_TOKEN_FILE is not set".into()) };
        // The path may be the token itself, by mistake.
        let text = regular::read_text(path).map_err(|error| format!("LOGSKIFF_KAFKA_TOKEN_FILE {error}"))?;
        let token = text.trim().to_owned();
        let (principal_name, expires_ms) = claims(&token);
        let now_ms = jiff::Timestamp::now().as_millisecond();
        if expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) && self.acks.log_limit.due("token").is_some() {
            tracing::warn!(file = %path.display(), "the token in LOGSKIFF_KAFKA_TOKEN_FILE has expired; waiting for a new token");
        }
        let lifetime_ms = lifetime_ms(expires_ms, now_ms);
        Ok(OAuthToken { token, principal_name: principal_name.unwrap_or_else(|| "logskiff".into()), lifetime_ms })
    }
}

/// The kind of an error, for the metrics.
fn error_kind(code: RDKafkaErrorCode) -> ErrorKind {
    use RDKafkaErrorCode as Code;
    match code {
        Code::AllBrokersDown | Code::Resolve | Code::BrokerTransportFailure => ErrorKind::Connect,
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::SSL
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed => ErrorKind::Authentication,
        Code::MessageSizeTooLarge => ErrorKind::Size,
        Code::OperationTimedOut | Code::MessageTimedOut | Code::RequestTimedOut => ErrorKind::Stalled,
        Code::Fatal => ErrorKind::Fatal,
        _ => ErrorKind::Delivery,
    }
}

/// The expiry that librdkafka gets. It asks for a new token after four fifths of the time.
fn lifetime_ms(expires_ms: Option<i64>, now_ms: i64) -> i64 {
    let after = |time: Duration| now_ms.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    match expires_ms {
        Some(expires_ms) if expires_ms > now_ms => expires_ms,
        Some(_) => after(TOKEN_RETRY),
        None => after(TOKEN_LIFETIME),
    }
}

/// The subject and the expiry (milliseconds since the epoch) of a JSON Web Token (RFC 7519). The broker verifies it.
fn claims(token: &str) -> (Option<String>, Option<i64>) {
    let claims = || -> Option<serde_json::Value> {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&payload).ok()
    };
    let claims = claims().unwrap_or_default();
    let subject = claims.get("sub").and_then(serde_json::Value::as_str).map(ToOwned::to_owned);
    let expires_ms = claims.get("exp").and_then(serde_json::Value::as_f64).map(|seconds| {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a float out of range becomes the nearest bound, as intended"
        )]
        let expires_ms = (seconds * 1000.0) as i64;
        expires_ms
    });
    (subject, expires_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_s_subject_and_expiry_are_read() {
        // {"alg":"none"} . {"sub":"system:serviceaccount:shop:app","exp":1795471200}
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDphcHAiLCJleHAiOjE3OTU0NzEyMDB9.";
        assert_eq!(claims(token), (Some("system:serviceaccount:shop:app".into()), Some(1_795_471_200_000)));
        for garbage in ["", "a.b.c", "a.!!.c", "a.e30.c"] {
            assert_eq!(claims(garbage), (None, None), "{garbage}");
        }
    }

    #[test]
    fn an_expired_token_is_read_again_soon() {
        let cases = [
            ("expires later", Some(60_000), 60_000),
            ("has expired", Some(1_000), 15_000),
            ("expires now", Some(10_000), 15_000),
            ("names no expiry", None, 310_000),
            ("never expires", Some(i64::MAX), i64::MAX),
        ];
        for (case, expires_ms, want_ms) in cases {
            assert_eq!(lifetime_ms(expires_ms, 10_000), want_ms, "{case}");
        }
    }
}
