//! Why Kafka cannot be used: the likely cause, and what to do about it.
//!
//! Enters: librdkafka's reasons for failures, which name them for one who knows its properties. Leaves: the same in the
//! terms of logskiff's variables, and each fault once: librdkafka reports it as a log line, as an error of the broker,
//! and as an error of the client.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A likely cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// Faults of one kind are logged together.
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
    pub(super) fix: &'static str,
}

/// By a part of librdkafka's reason; the first that matches.
const CAUSES: [(&str, Cause); 13] = [
    ("connecting to a PLAINTEXT broker listener?", NOT_TLS),
    ("wrong version number", NOT_TLS),
    (
        "certificate verify failed",
        Cause {
            kind: "certificate",
            text: "the broker's certificate is not of a known CA, has expired, or has another name",
            fix: "set LOGSKIFF_KAFKA_TLS_CA_FILE to its CA, and in LOGSKIFF_KAFKA_BROKERS a name that it contains",
        },
    ),
    ("alert certificate", CLIENT_CERTIFICATE),
    ("alert bad certificate", CLIENT_CERTIFICATE),
    ("client SSL authentication might be required", CLIENT_CERTIFICATE),
    (
        "Unsupported SASL mechanism",
        Cause {
            kind: "mechanism",
            text: "the broker does not offer this SASL mechanism",
            fix: "set LOGSKIFF_KAFKA_SASL to one that it supports",
        },
    ),
    (
        "not valid in current SASL state",
        Cause {
            kind: "sasl",
            text: "the port does not expect SASL",
            fix: "remove LOGSKIFF_KAFKA_SASL, or name the port for SASL in LOGSKIFF_KAFKA_BROKERS",
        },
    ),
    // The connection was lost meanwhile.
    ("SaslAuthenticateRequest failed", OTHER),
    (
        "SASL authentication",
        Cause {
            kind: "credentials",
            text: "the broker refuses the user, password or token",
            fix: "correct LOGSKIFF_KAFKA_USERNAME and LOGSKIFF_KAFKA_PASSWORD_FILE, or LOGSKIFF_KAFKA_TOKEN_FILE",
        },
    ),
    (
        "/bootstrap: Failed to resolve",
        Cause { kind: "name", text: "there is no such host", fix: "correct LOGSKIFF_KAFKA_BROKERS, or the DNS" },
    ),
    (
        "Failed to resolve",
        Cause {
            kind: "advertised name",
            text: "the broker is reached, and advertises a name that does not resolve here",
            fix: "correct the broker's advertised.listeners, or the DNS",
        },
    ),
    (
        "timed out",
        Cause {
            kind: UNREACHABLE,
            text: "no answer",
            fix: "is the broker up, and does a NetworkPolicy or firewall allow its port?",
        },
    ),
];

const NO_SASL: Cause = Cause {
    kind: "no sasl",
    text: "the port expects SASL",
    fix: "set LOGSKIFF_KAFKA_SASL, LOGSKIFF_KAFKA_USERNAME and LOGSKIFF_KAFKA_PASSWORD_FILE",
};

const NO_TLS: Cause = Cause {
    kind: "no tls",
    text: "the port expects TLS, or is not one of Kafka",
    fix: "set LOGSKIFF_KAFKA_TLS=on, or name another port in LOGSKIFF_KAFKA_BROKERS",
};

const NOT_TLS: Cause = Cause {
    kind: "tls",
    text: "the port does not expect TLS",
    fix: "set LOGSKIFF_KAFKA_TLS=off, or name the port for TLS in LOGSKIFF_KAFKA_BROKERS",
};

const CLIENT_CERTIFICATE: Cause = Cause {
    kind: "client certificate",
    text: "the broker demands another client certificate, or one at all",
    fix: "set LOGSKIFF_KAFKA_TLS_CERT_FILE and LOGSKIFF_KAFKA_TLS_KEY_FILE",
};

/// The kind of an outage: it begins with lost connections, and goes on with refused ones.
const UNREACHABLE: &str = "unreachable";

/// Of any other failure.
const OTHER: Cause = Cause {
    kind: UNREACHABLE,
    text: "no broker answers",
    fix: "is the broker up, and do host and port in LOGSKIFF_KAFKA_BROKERS match it?",
};

impl Cause {
    /// The likely cause by librdkafka's reason. `has_worked`: a broker has answered with the same settings.
    pub(super) fn of(reason: &str, has_worked: bool) -> Self {
        if let Some((_, cause)) = CAUSES.iter().find(|(part, _)| reason.contains(part)) {
            return *cause;
        }
        let is_closed = reason.contains("Disconnected") && !has_worked;
        let has = |scheme: &str| reason.starts_with(scheme);
        // The first request needs no login, but TLS where that is expected. All others need a login.
        if is_closed && reason.contains("in state APIVERSION_QUERY") && !has("ssl://") && !has("sasl_ssl://") {
            NO_TLS
        } else if is_closed && reason.contains("in state UP") && !has("sasl_") {
            NO_SASL
        } else if is_closed && reason.contains("in state SSL_HANDSHAKE") {
            NOT_TLS
        } else {
            OTHER
        }
    }
}

/// The last failure of a client's connections.
#[derive(Default)]
pub(super) struct Failures {
    last: Mutex<Option<Failure>>,
}

struct Failure {
    reason: String,
    is_reported: bool,
}

impl Failures {
    /// Notes a failure that librdkafka only logs: the broker has closed a connection. Its log line begins with the
    /// thread.
    pub(super) fn note_logged(&self, line: &str) {
        let reason = line.split_once("]: ").map_or(line, |(_, reason)| reason).to_owned();
        *self.last() = Some(Failure { reason, is_reported: false });
    }

    /// Notes a failure that is reported as an error.
    pub(super) fn note_reported(&self, reason: &str) {
        *self.last() = Some(Failure { reason: reason.to_owned(), is_reported: true });
    }

    /// Whether an error is that a connection was closed which had worked: the error itself, or the last failure before it,
    /// which left no broker.
    pub(super) fn is_closed(&self, reason: &str) -> bool {
        let is_closed = |reason: &str| reason.contains("in state UP)");
        let is_last = self.last().as_ref().is_some_and(|failure| is_closed(&failure.reason));
        is_closed(reason) || (reason.ends_with("brokers are down") && is_last)
    }

    /// All brokers are down: returns why, unless it has been reported.
    pub(super) fn all_down(&self, reason: &str) -> Option<String> {
        match &mut *self.last() {
            Some(Failure { is_reported: true, .. }) => None,
            Some(failure) => {
                failure.is_reported = true;
                Some(failure.reason.clone())
            }
            None => Some(reason.to_owned()),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Failure>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reason: &str, kind: &str) {
        assert_eq!(Cause::of(reason, false).kind, kind, "{reason}");
    }

    /// Goal: the reasons that librdkafka gave, at real brokers, are told apart.
    #[test]
    fn reasons_have_causes() {
        let closed = "Disconnected: connection closed by peer: receive 0 after POLLIN";
        let in_up = format!("127.0.0.1:26398/bootstrap: {closed} (after 233ms in state UP)");
        let in_query = format!("127.0.0.1:23360/bootstrap: {closed} (after 5ms in state APIVERSION_QUERY)");
        check(&in_up, "no sasl");
        check(&in_query, "no tls");
        check(&format!("sasl_plaintext://{in_query}"), "no tls");
        check(&format!("sasl_plaintext://{in_up}"), UNREACHABLE);
        check(&format!("ssl://{in_query}"), UNREACHABLE);
        assert_eq!(Cause::of(&in_up, true), OTHER, "an outage");
        check(
            "ssl://127.0.0.1:24216/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener? (after 26ms in state SSL_HANDSHAKE)",
            "tls",
        );
        check(
            "ssl://a:1/bootstrap: Disconnected: SSL connection closed by peer (after 3ms in state SSL_HANDSHAKE)",
            "tls",
        );
        check("ssl://a:1/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong version number", "tls");
        check(
            "ssl://a:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured",
            "certificate",
        );
        check(
            "sasl_plaintext://a:1/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-512",
            "mechanism",
        );
        check(
            "sasl_plaintext://a:1/bootstrap: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Request not valid in current SASL state: broker's supported mechanisms:",
            "sasl",
        );
        check(
            "sasl_plaintext://a:1/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials",
            "credentials",
        );
        check(
            "sasl_plaintext://a:1/bootstrap: SASL authentication error: SaslAuthenticateRequest failed: Local: Broker transport failure",
            UNREACHABLE,
        );
        check(
            "kafka.invalid:9092/bootstrap: Failed to resolve 'kafka.invalid:9092': Name or service not known",
            "name",
        );
        check(
            "kafka-0.kafka:9092/1: Failed to resolve 'kafka-0.kafka:9092': Name or service not known",
            "advertised name",
        );
        check("a:1/bootstrap: Connect to ipv4#127.0.0.1:19 failed: Connection refused", UNREACHABLE);
        check("a:1/bootstrap: Connection setup timed out in state CONNECT", UNREACHABLE);
    }

    /// Goal: a failure is told once, whether librdkafka reports it as an error before or only logs it.
    #[test]
    fn a_failure_is_told_once() {
        let failures = Failures::default();
        assert_eq!(failures.all_down("1/1 brokers are down").as_deref(), Some("1/1 brokers are down"));
        failures.note_reported("refused");
        assert_eq!(failures.all_down("1/1 brokers are down"), None);
        failures.note_logged("[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected");
        assert_eq!(failures.all_down("1/1 brokers are down").as_deref(), Some("a:1/bootstrap: Disconnected"));
        assert_eq!(failures.all_down("1/1 brokers are down"), None);
    }
}
