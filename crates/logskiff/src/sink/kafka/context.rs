//! What librdkafka tells us: reports, errors, log lines, and its wish for a new token.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::OUT_MAX;
use crate::regular;
use crate::sink::Context;
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::{ErrorKind, OutputMetrics};

/// What became of a message, by its ticket.
pub(super) type Outcome = (u64, Result<(), RDKafkaErrorCode>);

/// A token without an expiry that can be read is read again after so long.
const TOKEN_KEPT: Duration = Duration::from_secs(300);
/// A token that has expired is replaced by whoever writes the file, late but soon: it is read again after so long.
const TOKEN_LATE: Duration = Duration::from_secs(5);

/// Where reports wait for the shipper.
pub(super) struct AckQueue {
    outcomes: Mutex<Vec<Outcome>>,
    /// How many messages are still to be reported.
    out: AtomicUsize,
    /// The topic of the first message, once there is one.
    first_topic: OnceLock<String>,
    wake: Arc<dyn Fn() + Send + Sync>,
    too_large: AtomicBool,
    /// The client is no longer used: its last errors are not logged.
    retired: AtomicBool,
    counts: Arc<OutputMetrics>,
    log_limit: Arc<LogRateLimit>,
}

impl AckQueue {
    pub(super) fn new(context: &Context) -> Self {
        let log_limit = Arc::new(LogRateLimit::new(Arc::clone(&context.services.metrics)));
        Self::empty(Arc::clone(&context.services.wake), Arc::clone(&context.counts), log_limit)
    }

    /// The acks of the next client: empty.
    pub(super) fn successor(&self) -> Self {
        Self::empty(Arc::clone(&self.wake), Arc::clone(&self.counts), Arc::clone(&self.log_limit))
    }

    fn empty(wake: Arc<dyn Fn() + Send + Sync>, counts: Arc<OutputMetrics>, log_limit: Arc<LogRateLimit>) -> Self {
        Self {
            outcomes: Mutex::default(),
            out: AtomicUsize::new(0),
            first_topic: OnceLock::new(),
            wake,
            too_large: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            counts,
            log_limit,
        }
    }

    /// Says that the client is done with.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// What is counted of Kafka.
    pub(super) fn counts(&self) -> &OutputMetrics {
        &self.counts
    }

    /// A message goes to this topic.
    pub(super) fn note_topic(&self, topic: &str) {
        self.first_topic.get_or_init(|| topic.to_owned());
    }

    /// The topic of the first message, once there is one.
    pub(super) fn first_topic(&self) -> Option<&str> {
        self.first_topic.get().map(String::as_str)
    }

    /// How many messages are still to be reported.
    pub(super) fn out(&self) -> usize {
        self.out.load(Ordering::Acquire)
    }

    /// One message more is to be reported.
    pub(super) fn expect(&self) {
        self.out.fetch_add(1, Ordering::AcqRel);
    }

    /// It was not taken, and will not be reported.
    pub(super) fn expect_less(&self) {
        self.out.fetch_sub(1, Ordering::AcqRel);
    }

    /// Takes the report of a message that was expected.
    pub(super) fn put(&self, ticket: u64, outcome: Result<(), RDKafkaErrorCode>) {
        let failed = outcome.is_err();
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((ticket, outcome));
        // Reports come one by one: the shipper is woken when it can hand over more, and by the last.
        let left = self.out.fetch_sub(1, Ordering::AcqRel) - 1;
        if failed || matches!(left, 0 | OUT_MAX) {
            (self.wake)();
        }
    }

    pub(super) fn take(&self) -> Vec<Outcome> {
        std::mem::take(&mut *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Logs that no client could be made from the changed files.
    pub(super) fn log_reload_failure(&self, error: &str) {
        if let Some(left_out) = self.log_limit.due("reload") {
            tracing::warn!(
                error,
                left_out,
                "cannot create a Kafka client from the changed files; keeping the old client"
            );
        }
    }

    pub(super) fn note_too_large(&self) {
        self.too_large.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }
}

/// What librdkafka calls.
pub(super) struct Callbacks {
    acks: Arc<AckQueue>,
    token_file: Option<PathBuf>,
}

impl Callbacks {
    pub(super) fn new(acks: Arc<AckQueue>, token_file: Option<PathBuf>) -> Self {
        Self { acks, token_file }
    }
}

impl ProducerContext for Callbacks {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)),
        };
        match outcome {
            Ok(()) => self.acks.counts().answers(),
            Err(code) => {
                self.acks.counts().failed(kind(code));
                if let Some(left_out) = self.acks.log_limit.due(&format!("delivery {code:?}")) {
                    tracing::error!(%code, left_out, "Kafka rejected a message; sending it again");
                }
            }
        }
        self.acks.put(ticket as u64, outcome);
    }
}

impl ClientContext for Callbacks {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
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
        self.acks.counts().failed(code.map_or(ErrorKind::Connect, kind));
        if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.acks.counts().connected.set(false);
        }
        if let Some(left_out) = self.acks.log_limit.due(&format!("{code:?}")) {
            tracing::warn!(%error, reason, left_out, "cannot reach Kafka; the lines stay in their files, and logskiff retries");
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

/// What kind of trouble a code stands for.
fn kind(code: RDKafkaErrorCode) -> ErrorKind {
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

/// Until when librdkafka is to keep a token: it asks again at four fifths of the way there.
fn lifetime_ms(expires_ms: Option<i64>, now_ms: i64) -> i64 {
    let after = |kept: Duration| now_ms.saturating_add(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX));
    match expires_ms {
        Some(expires_ms) if expires_ms > now_ms => expires_ms,
        Some(_) => after(TOKEN_LATE),
        None => after(TOKEN_KEPT),
    }
}

/// The subject and the expiry (milliseconds since the epoch) that a JSON Web Token (RFC 7519) names; unverified: the
/// broker verifies it.
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
            reason = "a float beyond the range saturates, which is what is wanted"
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
            ("says nothing", None, 310_000),
            ("never expires", Some(i64::MAX), i64::MAX),
        ];
        for (case, expires_ms, want_ms) in cases {
            assert_eq!(lifetime_ms(expires_ms, 10_000), want_ms, "{case}");
        }
    }
}
