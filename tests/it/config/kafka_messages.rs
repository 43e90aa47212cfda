//! Keys, headers and times of Kafka messages in the configuration.

use logskiff::sink::kafka::Timestamp;

use super::{check_property, check_right, check_wrong, check_wrong_kafka};

const KEY: &str = "LOGSKIFF_KAFKA_KEY";
const HEADERS: &str = "LOGSKIFF_KAFKA_HEADERS";
const TIMESTAMP: &str = "LOGSKIFF_KAFKA_TIMESTAMP";
const BATCH: (&str, &str) = ("LOGSKIFF_KAFKA_MESSAGE", "batch");

#[test]
fn keys_headers_and_times_are_read() {
    let config = check_right(&[
        ("POD_NAME", "shop-0"),
        (KEY, "{pod}-{file}"),
        (HEADERS, "team=shop, at={offset:0}\nid-of={id}"),
    ]);
    let kafka = config.output.kafka().unwrap();
    assert_eq!(kafka.key.as_ref().unwrap().to_string(), "{pod}-{file}");
    let headers: Vec<_> = kafka.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(headers, ["team=shop", "at={offset:0}", "id-of={id}"]);
    assert_eq!(kafka.timestamp, Timestamp::Event);
    assert_eq!(check_right(&[(TIMESTAMP, "read")]).output.kafka().unwrap().timestamp, Timestamp::Read);
    assert_eq!(check_right(&[]).output.kafka().unwrap().headers, []);
}

#[test]
fn invalid_headers_and_times_are_reported() {
    let many = (0..17).map(|n| format!("h{n}=x")).collect::<Vec<_>>().join(",");
    for (value, reason) in [
        ("team", "\"team\" is not name=value"),
        ("=shop", "not a header's name"),
        ("my team=shop", "not a header's name"),
        ("größe=1", "not a header's name"),
        (&format!("{}=1", "x".repeat(129)), "1 to 128"),
        ("team=a,team=b", "\"team\" is set twice"),
        ("team=", "\"team\" has no value"),
        ("team={host}", "unknown placeholder {host}"),
        ("team={pod", "unbalanced brace"),
        ("event.id={id}", "logskiff sets the header \"event.id\" itself; choose another"),
        ("part=1", "choose another, such as app.part"),
        (&many, "17 headers are more than the maximum, 16"),
    ] {
        check_wrong_kafka(&[(HEADERS, value)], HEADERS, reason);
    }
    check_wrong_kafka(&[(TIMESTAMP, "create")], TIMESTAMP, "\"create\" is not one of event, read");
    check_wrong_kafka(&[(KEY, "{uid}")], KEY, "in keys and headers id, offset");
}

#[test]
fn a_place_that_is_unique_for_a_record_is_refused_where_records_are_joined() {
    check_wrong_kafka(&[(KEY, "{id}"), BATCH], KEY, "use LOGSKIFF_KAFKA_MESSAGE=record, or another placeholder");
    check_wrong_kafka(&[(HEADERS, "at={offset}"), BATCH], HEADERS, "\"at\": {offset} differs from record to record");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TOPIC", "logs-{id}")], "LOGSKIFF_KAFKA_TOPIC", "{id} is only for");
    let name = "LOGSKIFF_SYSLOG_PROC_ID";
    check_wrong(
        &[("LOGSKIFF_OUTPUT", "syslog"), ("LOGSKIFF_SYSLOG_ADDRESS", "udp://a:1"), (name, "{offset}")],
        name,
        "{offset} is only for LOGSKIFF_KAFKA_KEY and LOGSKIFF_KAFKA_HEADERS",
    );
}

#[test]
fn the_rack_of_a_client_is_a_property() {
    let config = check_right(&[("LOGSKIFF_KAFKA_PROPERTIES", "client.rack=zone-a")]);
    check_property(config.output.kafka().unwrap(), "client.rack", "zone-a");
}
