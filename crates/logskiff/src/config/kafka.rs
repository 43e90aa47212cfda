//! Input: the Kafka variables. Output: the configuration of `sink::kafka`, with every librdkafka property that differs
//! from its default.
//!
//! Property names and limits are those of librdkafka 2.12 (its CONFIGURATION.md). Values of the user's properties are
//! never shown: any of them may be a secret.

mod templates;

use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::error::{quote, quote_file};
use super::parser::Reader;
use super::pem;
use super::slips;
use super::units;
use crate::pipeline::batch;
use crate::pipeline::encode::template::{Part, Template};
use crate::regular;
use crate::sink::kafka::{COPY_BYTES_MAX, Config, Files, Message, Oversize, Pace, Partitioner, Properties, Timestamp};

const BROKERS: &str = "LOGSKIFF_KAFKA_BROKERS";
const TOPIC: &str = "LOGSKIFF_KAFKA_TOPIC";
const TLS: &str = "LOGSKIFF_KAFKA_TLS";
const CA_FILE: &str = "LOGSKIFF_KAFKA_TLS_CA_FILE";
const CERT_FILE: &str = "LOGSKIFF_KAFKA_TLS_CERT_FILE";
const KEY_FILE: &str = "LOGSKIFF_KAFKA_TLS_KEY_FILE";
const SASL: &str = "LOGSKIFF_KAFKA_SASL";
const USERNAME: &str = "LOGSKIFF_KAFKA_USERNAME";
const PASSWORD: &str = "LOGSKIFF_KAFKA_PASSWORD";
const TOKEN_FILE: &str = "LOGSKIFF_KAFKA_TOKEN_FILE";
const PARTITIONER: &str = "LOGSKIFF_KAFKA_PARTITIONER";
const PROPERTIES: &str = "LOGSKIFF_KAFKA_PROPERTIES";

/// The longest topic name that a broker accepts (Kafka's `Topic.MAX_NAME_LENGTH`).
const TOPIC_CHARS_MAX: usize = 249;

/// How long librdkafka waits for more records of the same batch. With less, a busy machine splits batches.
const CLIENT_LINGER_MS: &str = "5";

/// The memory of zstd's window and tables, which librdkafka makes anew for each request.
const ZSTD_BYTES: usize = 3 << 20;

/// Each topic costs memory in the client and partitions at the broker.
const TOPICS: std::ops::RangeInclusive<usize> = 1..=10_000;

/// Why a user's property is refused.
enum Refusal {
    /// It would break the delivery guarantee.
    Guarantee,
    /// A logskiff variable sets it.
    Variable(&'static str),
}

/// The properties that users cannot set, by name.
const REFUSED: &[(&str, Refusal)] = &[
    ("acks", Refusal::Guarantee),
    ("request.required.acks", Refusal::Guarantee),
    ("enable.idempotence", Refusal::Guarantee),
    ("message.timeout.ms", Refusal::Guarantee),
    ("delivery.timeout.ms", Refusal::Guarantee),
    ("retries", Refusal::Guarantee),
    ("message.send.max.retries", Refusal::Guarantee),
    ("max.in.flight", Refusal::Guarantee),
    ("max.in.flight.requests.per.connection", Refusal::Guarantee),
    ("delivery.report.only.error", Refusal::Guarantee),
    ("queue.buffering.backpressure.threshold", Refusal::Guarantee),
    ("queuing.strategy", Refusal::Guarantee),
    ("transactional.id", Refusal::Guarantee),
    ("transaction.timeout.ms", Refusal::Guarantee),
    ("enabled_events", Refusal::Guarantee),
    ("opaque", Refusal::Guarantee),
    ("default_topic_conf", Refusal::Guarantee),
    ("interceptors", Refusal::Guarantee),
    ("plugin.library.paths", Refusal::Guarantee),
    ("bootstrap.servers", Refusal::Variable(BROKERS)),
    ("metadata.broker.list", Refusal::Variable(BROKERS)),
    ("compression.codec", Refusal::Variable("LOGSKIFF_KAFKA_COMPRESSION")),
    ("compression.type", Refusal::Variable("LOGSKIFF_KAFKA_COMPRESSION")),
    ("linger.ms", Refusal::Variable("LOGSKIFF_LINGER")),
    ("queue.buffering.max.ms", Refusal::Variable("LOGSKIFF_LINGER")),
    ("batch.size", Refusal::Variable("LOGSKIFF_BATCH_BYTES")),
    ("partitioner", Refusal::Variable(PARTITIONER)),
    ("queue.buffering.max.kbytes", Refusal::Variable("LOGSKIFF_IN_FLIGHT_BYTES")),
    ("queue.buffering.max.messages", Refusal::Variable("LOGSKIFF_IN_FLIGHT_BYTES")),
    ("security.protocol", Refusal::Variable("LOGSKIFF_KAFKA_TLS and LOGSKIFF_KAFKA_SASL")),
    ("ssl.ca.location", Refusal::Variable(CA_FILE)),
    ("ssl.certificate.location", Refusal::Variable(CERT_FILE)),
    ("ssl.key.location", Refusal::Variable(KEY_FILE)),
    ("sasl.mechanism", Refusal::Variable(SASL)),
    ("sasl.mechanisms", Refusal::Variable(SASL)),
    ("sasl.username", Refusal::Variable(USERNAME)),
    ("sasl.password", Refusal::Variable(PASSWORD)),
];

/// Properties that turn off the verification of the broker's certificate, with the values that do so.
const UNVERIFIED: [(&str, &[&str]); 2] = [
    ("enable.ssl.certificate.verification", &["false", "0", "f"]),
    ("ssl.endpoint.identification.algorithm", &["none"]),
];

/// Reads every Kafka variable, so that mistakes are found even if Kafka is not an output; `needed`: it is one.
pub(super) fn config(reader: &mut Reader<'_>, batch: &batch::Config, needed: bool) -> Config {
    let mut properties = Properties(Vec::new());
    let brokers = brokers(reader, needed);
    add(&mut properties, "bootstrap.servers", brokers.join(","));
    for (name, value) in fixed_properties() {
        add(&mut properties, name, value);
    }
    let compression = ["none", "gzip", "snappy", "lz4", "zstd"].map(|word| (word, word));
    let compression = reader.choice("LOGSKIFF_KAFKA_COMPRESSION", &compression);
    add(&mut properties, "compression.type", compression);
    if compression != "none" {
        // The compressor reads the messages themselves. Without one, each would go to the socket, or into TLS, by itself.
        add(&mut properties, "message.copy.max.bytes", COPY_BYTES_MAX.to_string());
    }
    // The shipper already lingers; librdkafka needs only the time to join the records of one batch.
    add(&mut properties, "linger.ms", CLIENT_LINGER_MS);
    // logskiff's own limit comes first.
    add(&mut properties, "queue.buffering.max.kbytes", (batch.in_flight_bytes / 1024 * 2 + 1024).to_string());
    let tls = tls(reader, &mut properties);
    let files = files(reader);
    let (sasl, token_file) = sasl(reader, &mut properties);
    let protocol = match (sasl, tls) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    add(&mut properties, "security.protocol", protocol);
    own_properties(reader, &mut properties);
    let message = reader.choice("LOGSKIFF_KAFKA_MESSAGE", &[("record", Message::Record), ("batch", Message::Batch)]);
    Config {
        topic: topic(reader),
        key: templates::key(reader, message),
        headers: templates::headers(reader, message),
        timestamp: reader.choice("LOGSKIFF_KAFKA_TIMESTAMP", &[("event", Timestamp::Event), ("read", Timestamp::Read)]),
        topics_max: reader.number("LOGSKIFF_KAFKA_TOPICS_MAX", &TOPICS),
        partitioner: reader.choice(PARTITIONER, &[("murmur2", Partitioner::Murmur2), ("crc32", Partitioner::Crc32)]),
        pace: Pace {
            budget_bytes: budget_bytes(batch, compression),
            linger: batch.linger,
            linger_max: batch.linger_max,
        },
        oversize: reader.choice("LOGSKIFF_KAFKA_OVERSIZE", &[("split", Oversize::Split), ("drop", Oversize::Drop)]),
        message,
        properties,
        token_file,
        files,
    }
}

/// The memory for records. What a compressor takes much of itself, and copies that are made without one, go from it.
fn budget_bytes(batch: &batch::Config, compression: &str) -> usize {
    let bytes = batch.in_flight_bytes;
    bytes
        - match compression {
            "zstd" => ZSTD_BYTES.min(bytes / 2),
            "none" => bytes / 4,
            _ => 0,
        }
}

/// The files that are watched and read again when they change.
fn files(reader: &mut Reader<'_>) -> Files {
    let tls = [CA_FILE, CERT_FILE, KEY_FILE].into_iter().filter_map(|variable| reader.path(variable)).collect();
    Files { tls, password: reader.environment().secret_file(PASSWORD).map(Path::to_path_buf) }
}

/// Properties that the delivery guarantee or a sidecar needs.
fn fixed_properties() -> [(&'static str, &'static str); 12] {
    [
        ("client.id", "logskiff"),
        ("enable.idempotence", "true"),
        ("acks", "all"),
        // 0: no timeout. Only logskiff gives up a message; the files are the queue.
        ("message.timeout.ms", "0"),
        ("socket.keepalive.enable", "true"),
        // A connection that was cut without a word is given up after this time, and no packet is sent on it meanwhile.
        ("socket.timeout.ms", "20000"),
        ("socket.connection.setup.timeout.ms", "10000"),
        // The limit is in bytes; short lines must not reach this one first.
        ("queue.buffering.max.messages", "1000000"),
        ("batch.num.messages", "1000000"),
        ("retry.backoff.max.ms", "10000"),
        ("reconnect.backoff.max.ms", "10000"),
        ("log_level", "6"),
    ]
}

fn add(properties: &mut Properties, name: &str, value: impl Into<String>) {
    properties.0.push((name.to_owned(), value.into()));
}

fn brokers(reader: &mut Reader<'_>, needed: bool) -> Vec<String> {
    let parse = |text: &str| {
        let brokers = units::list(text);
        match brokers.iter().find_map(|broker| broker_mistake(broker)) {
            Some(reason) => Err(reason),
            None if brokers.is_empty() => Err("names no broker".to_owned()),
            None => Ok(brokers),
        }
    };
    if needed && !reader.is_set(BROKERS) {
        let hint = if reader.environment().is_set_without_prefix(BROKERS) {
            "; KAFKA_BROKERS is, which logskiff does not read"
        } else {
            ""
        };
        reader.mistake(BROKERS, format!("not set, but LOGSKIFF_OUTPUT names kafka{hint}"));
    }
    reader.read(BROKERS, parse).unwrap_or_default()
}

fn broker_mistake(broker: &str) -> Option<String> {
    let Some((host, port)) = broker.rsplit_once(':') else {
        return Some(format!("{} has no port", quote(broker)));
    };
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_right = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_right),
    };
    if !host_is_right {
        return Some(format!("{} is not host:port", quote(broker)));
    }
    let port_is_right = port.parse::<u16>().is_ok_and(|port| port > 0);
    (!port_is_right).then(|| format!("{} has a port that is not a number from 1 to 65535", quote(broker)))
}

fn topic(reader: &mut Reader<'_>) -> Template {
    let topic = reader.template(TOPIC).unwrap_or_else(|| Template(Vec::new()));
    if let Some(reason) = topic_mistake(&topic).or_else(|| slips::places(&topic, reader)) {
        reader.mistake(TOPIC, reason);
    }
    topic
}

fn topic_mistake(topic: &Template) -> Option<String> {
    let is_right = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut fixed = String::new();
    for part in &topic.0 {
        let (Part::Text(text) | Part::Place(_, Some(text))) = part else { continue };
        if let Some(wrong) = text.chars().find(|c| !is_right(*c)) {
            return Some(format!("a topic name cannot contain {wrong:?}; use letters, digits, `.`, `_` and `-`"));
        }
        if matches!(part, Part::Text(_)) {
            fixed.push_str(text);
        }
    }
    if fixed.len() > TOPIC_CHARS_MAX {
        return Some(format!("a topic name cannot be longer than {TOPIC_CHARS_MAX} characters"));
    }
    let is_static = topic.0.iter().all(|part| matches!(part, Part::Text(_)));
    (is_static && [".", ".."].contains(&fixed.as_str())).then(|| format!("{fixed:?} is not a valid topic name"))
}

fn tls(reader: &mut Reader<'_>, properties: &mut Properties) -> bool {
    let on = reader.choice(TLS, &[("off", false), ("on", true)]);
    let files = [(CA_FILE, "ssl.ca.location"), (CERT_FILE, "ssl.certificate.location"), (KEY_FILE, "ssl.key.location")];
    for (variable, property) in files {
        let Some(path) = reader.path(variable) else { continue };
        if !on {
            reader.mistake(variable, format!("set, but {TLS} is not on"));
        } else if let Err(reason) = check_file(variable, &path) {
            reader.mistake(variable, reason);
        }
        add(properties, property, path.to_string_lossy());
    }
    if on && !reader.is_set(CA_FILE) {
        // OpenSSL is linked statically and does not know the system's certificates: librdkafka must search for them.
        add(properties, "ssl.ca.location", "probe");
    }
    for (one, other) in [(CERT_FILE, KEY_FILE), (KEY_FILE, CERT_FILE)] {
        if reader.is_set(one) && !reader.is_set(other) {
            reader.mistake(other, format!("not set, but {one} is; they belong together"));
        }
    }
    on
}

/// Checks that the file can be used; `…_TLS_CA_FILE` may also be a directory. A key may have a passphrase among the properties.
fn check_file(variable: &str, path: &Path) -> Result<(), String> {
    match variable {
        CA_FILE if path.is_dir() => Ok(()),
        KEY_FILE => regular::open(path).map(drop).map_err(|error| format!("{} {error}", quote_file(path))),
        _ => pem::certificates(path).map(drop),
    }
}

fn sasl(reader: &mut Reader<'_>, properties: &mut Properties) -> (bool, Option<PathBuf>) {
    let mechanisms = [
        ("none", None),
        ("plain", Some("PLAIN")),
        ("scram-sha-256", Some("SCRAM-SHA-256")),
        ("scram-sha-512", Some("SCRAM-SHA-512")),
        ("oauthbearer", Some("OAUTHBEARER")),
    ];
    let mechanism = reader.choice(SASL, &mechanisms);
    let with_token = mechanism == Some("OAUTHBEARER");
    let with_password = mechanism.is_some() && !with_token;
    for (variable, wanted) in [(USERNAME, with_password), (PASSWORD, with_password), (TOKEN_FILE, with_token)] {
        match (reader.is_set(variable), wanted) {
            (false, true) => reader.mistake(variable, format!("not set, but {SASL} needs it")),
            (true, false) => reader.mistake(variable, format!("set, but {SASL} does not use it")),
            _ => {}
        }
    }
    let token_file = reader.path(TOKEN_FILE);
    if let Some(mechanism) = mechanism {
        add(properties, "sasl.mechanism", mechanism);
    }
    if let Some(username) = reader.text(USERNAME) {
        add(properties, "sasl.username", username);
    }
    if let Some(password) = reader.environment().secret(PASSWORD) {
        add(properties, "sasl.password", password.expose());
    }
    (mechanism.is_some(), token_file)
}

fn own_properties(reader: &mut Reader<'_>, properties: &mut Properties) {
    let Some(text) = reader.environment().secret(PROPERTIES) else { return };
    let mut seen: Vec<String> = Vec::new();
    for (index, line) in text.expose().lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (name, value) = match line.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
            // A line without a name may be a secret, so only its number is shown.
            Some((name, value)) if is_property_name(name) => (name, value),
            _ => {
                reader.mistake(PROPERTIES, format!("line {} is not name=value", index + 1));
                continue;
            }
        };
        let second = value.split(',').skip(1).filter_map(|item| item.split_once('=')).map(|(name, _)| name.trim());
        if let Some(second) = second.into_iter().find(|second| is_librdkafka_property(second)) {
            reader.mistake(
                PROPERTIES,
                format!("{name} has {second}= behind a comma; write each property on its own line"),
            );
        } else if seen.iter().any(|known| known == name) {
            reader.mistake(PROPERTIES, format!("{name} is set twice"));
        } else if let Some(reason) = refusal(name, value).or_else(|| librdkafka_error(name, value)) {
            reader.mistake(PROPERTIES, reason);
        } else {
            add(properties, name, value);
        }
        seen.push(name.to_owned());
    }
}

/// Whether the name has only characters of librdkafka's names.
fn is_property_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.' || byte == b'_')
}

fn is_librdkafka_property(name: &str) -> bool {
    let set = ClientConfig::new().set(name, "").create_native_config();
    is_property_name(name) && !matches!(set, Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)))
}

fn refusal(name: &str, value: &str) -> Option<String> {
    if name.ends_with("_cb") {
        return Some(format!("{name} is refused: the delivery guarantee needs logskiff's callbacks"));
    }
    let unverified = UNVERIFIED
        .iter()
        .any(|(property, values)| *property == name && values.iter().any(|off| off.eq_ignore_ascii_case(value)));
    if unverified {
        return Some(format!("{name} is refused: with TLS, the broker's certificate and name are always verified"));
    }
    let (_, refusal) = REFUSED.iter().find(|(property, _)| *property == name)?;
    Some(match refusal {
        Refusal::Guarantee => format!("{name} is refused: it could break the delivery guarantee"),
        Refusal::Variable(variable) => format!("{name} is refused: {variable} sets it"),
    })
}

/// Checks one property with librdkafka. Its own message contains the value, so another one is returned.
fn librdkafka_error(name: &str, value: &str) -> Option<String> {
    let mut client = ClientConfig::new();
    client.set(name, value);
    match client.create_native_config() {
        Ok(_) => None,
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Some(format!("librdkafka has no property {name}"))
        }
        Err(_) => Some(format!("librdkafka refuses the value of {name}")),
    }
}
