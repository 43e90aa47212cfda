//! The events of the demo application when it writes like Spring Boot: what their records have to be.

use serde_json::{Value, json};

/// The text of an event behind its stamp.
fn event(what: &str, seq: u64) -> String {
    if !seq.is_multiple_of(5) {
        return format!("  INFO 1 --- [           main] c.e.shop.Orders : {what} seq={seq}");
    }
    format!(
        " ERROR 1 --- [           main] c.e.shop.Orders : {what} seq={seq}\n\
         java.lang.IllegalStateException: order {seq} cannot be stored\n\
         \tat com.example.shop.Orders.place(Orders.java:42)\n\
         \tat com.example.shop.Main.main(Main.java:7)\n\
         Caused by: java.io.IOException: no stock for order {seq}\n\
         \tat com.example.shop.Stock.take(Stock.java:17)\n\
         \t... 2 common frames omitted"
    )
}

/// The number of a record's event, whose text and level are checked.
pub(super) fn number(record: &Value, written: u64) -> u64 {
    let message = record["message"].as_str().unwrap_or_else(|| panic!("a message in {record}"));
    let seq = message.split("seq=").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    let seq: u64 = seq.unwrap_or_else(|| panic!("a part of an event: {record}"));
    let (_, text) = message.split_at("2026-11-30T09:08:42Z".len());
    let what = if seq == written { "the last word" } else { "order placed" };
    assert_eq!(text, event(what, seq), "event {seq} is whole");
    let level = if seq.is_multiple_of(5) { "error" } else { "info" };
    assert_eq!((&record["log.level"], record.get("log.flags")), (&json!(level), None), "{record}");
    seq
}
