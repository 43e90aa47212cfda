//! What is said about a Kafka that cannot be used, or is reached. tests/real has the same with a real broker.

use std::net::{Shutdown, TcpListener};
use std::thread;

use rdkafka::types::RDKafkaRespErr;
use serde_json::Value;

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

/// The warnings about Kafka.
fn warnings(sidecar: &Sidecar) -> Vec<Value> {
    let log = sidecar.stderr();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["level"] == "WARN" && !line["fix"].is_null()).collect()
}

/// The address of a receiver that closes each connection at its first bytes.
fn closing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            _ = stream.peek(&mut [0]);
            _ = stream.shutdown(Shutdown::Both);
        }
    });
    address
}

/// Goal: a port that closes the connection is told apart by what was sent to it.
#[test]
fn a_closed_connection_has_a_likely_cause() {
    for (tls, cause) in
        [("off", "the port expects TLS, or is not one of Kafka"), ("on", "the port does not expect TLS")]
    {
        let scene = Scene::new();
        let settings = Settings::new(scene.folder(), &closing(), TOPIC).with("LOGSKIFF_KAFKA_TLS", tls);
        let sidecar = scene.start(&settings);
        wait_until(cause, PATIENCE, || !warnings(&sidecar).is_empty());
        let said = warnings(&sidecar);
        assert!(said.len() == 1 && said[0]["cause"] == cause, "{tls}: {said:?}");
        assert!(said[0]["fix"].as_str().is_some_and(|fix| fix.contains("LOGSKIFF_KAFKA_TLS=")), "{said:?}");
    }
}

/// Goal: the topic is named before the first line: when it is reached, once, and when it may not be used.
#[test]
fn the_topic_is_named_before_the_first_line() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.settings());
    let reached = format!("Kafka is reached, topic {TOPIC} has ");
    wait_until(&reached, PATIENCE, || sidecar.stderr().contains(&reached));
    let closed = Scene::new();
    let (error, cause) = (RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "no right to use the topic");
    closed.kafka().topic_error(TOPIC, error);
    let refused = closed.start(&closed.settings());
    wait_until(cause, PATIENCE, || !warnings(&refused).is_empty());
    let said = warnings(&refused);
    assert!(said.len() == 1 && said[0]["cause"] == cause && said[0]["topic"] == TOPIC, "{said:?}");
    assert!(!refused.stderr().contains(&reached));
    scene.append_log("app.log", "a line\n");
    wait_until("the line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    assert_eq!(sidecar.stderr().matches(&reached).count(), 1, "once");
}
