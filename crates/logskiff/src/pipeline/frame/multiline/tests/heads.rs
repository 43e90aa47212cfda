use super::super::head::{Head, Kind, find};
use super::super::key;
use super::super::text::look_at;

fn head_of(line: &str) -> Option<Head> {
    find(&look_at(line.as_bytes(), &mut None))
}

#[test]
fn kinds_of_heads() {
    #[track_caller]
    fn check(line: &str, kind: Kind) {
        assert_eq!(head_of(line).map(|head| head.kind), Some(kind), "{line:?}");
    }
    for line in [
        "2026-11-29 23:33:36,316 [main] INFO  text",
        "2026-11-29T23:33:56.701Z  INFO 20957 --- text",
        "2026/11/29 23:54:35 text",
        "29.11.2026 23:54:35.123 text",
        "11/29/26 23:24:42 text",
        "[2026-11-29 23:34:09 +0000] [21636] [INFO] text",
        "[21636] [2026-11-29 23:34:09] text",
        "[29-Nov-2026 23:47:31 UTC] text",
        "Nov 29, 2026 11:33:40 PM org.example.Shop accept",
        "Nov  9 09:00:00 web-1 cron[812]: text",
        "Sun Nov 29 09:00:00 2026 text",
        "09:00:01.123 [main] text",
        "[23:47:24.877] INFO (4711): text",
        "I, [2026-11-29T23:47:04.793022 #12077]  INFO -- : text",
        "\x1b[32m2026-11-29 23:34:16.078\x1b[0m | text",
        "  2026-11-29T23:55:04.973394Z  INFO events: text",
        "time=2026-11-29T23:54:35.759Z level=INFO msg=text",
        "time=\"2026-11-29T23:54:36Z\" level=info",
        "# Time: 2026-11-29T23:24:42.123456Z",
        "1.7959964747596176e+09\tinfo\ttext",
        "1795994682.123 text",
        "[1795994682000] INFO (4711): text",
        "[   12.960000] text",
        "E1129 09:00:00.000000       1 shop.go:10] text",
        "info: Shop.Orders.OrderService[0]",
    ] {
        check(line, Kind::Stamp);
    }
    for line in [
        "INFO:shop:text",
        "INFO:     text",
        "WARN  text",
        "error: text",
        "[ERROR] text",
        "level=info msg=text",
        "FATAL|text",
    ] {
        check(line, Kind::Level);
    }
    for line in [
        "192.0.2.7 - - [29/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
        "::1 - - [29/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
        "web-1.example.org - user [29/Nov/2026:09:00:00 +0000] \"GET /\"",
        "shop.example.org:443 192.0.2.7 - - [29/Nov/2026:09:00:00 +0000]",
    ] {
        check(line, Kind::Access);
    }
    check("<13>text", Kind::Priority);
    for line in ["[4711] text", "[Nest] 4711  - 11/29/2026, 11:54:35 AM", "shop 2026-11-29 23:54:35 text"] {
        check(line, Kind::Weak);
    }
    for line in [
        "Date:   Sun Nov 29 09:00:00 2026",
        "at 10:15 the shop was closed",
        "4711 ?  00:00:06 nginx",
        "1 of 2 at 10:15",
    ] {
        check(line, Kind::Stray);
    }
}

#[test]
fn texts_have_no_head() {
    for line in [
        "order 17 accepted",
        "Error: text",
        "config: {a: 3}",
        "FATAL ERROR: text of Node.js",
        "panic: text",
        "  port: 8080",
        "192.0.2.7 is an address",
        "[7/200] stock",
        "[INFO",
        "",
        "\u{1b}",
        "1.5",
        "a very long text that has its date at the end, 2026-11-29 23:54:35",
        "00000000  68 65 6c 6c 6f 0a",
        "0000000000004000 <main>:",
    ] {
        assert_eq!(head_of(line), None, "{line:?}");
    }
    let indented = format!("{}09:00:00", " ".repeat(300));
    assert_eq!(head_of(&indented), None);
}

#[test]
fn a_shape_is_that_of_the_stamp_not_its_value() {
    #[track_caller]
    fn check(a: &str, b: &str, alike: bool) {
        let shape = |line| head_of(line).unwrap().shape;
        assert_eq!(shape(a) == shape(b), alike, "{a:?} {b:?}");
    }
    check("2026-11-29 23:54:35 a", "1999-01-01 00:00:00 b", true);
    check("2026-11-29 23:54:35 a", "2026-11-29 23:54:35.5 a", true);
    check("2026/11/29 23:54:35 a", "11/29/26 23:54:35 a", false);
    check("2026/11/29 23:54:35 a", "  2026/11/29 23:54:35 a", false);
    check("2026-11-29 23:54:35 a", "[2026-11-29 23:54:35] a", false);
    check("Nov 29, 2026 11:33:40 PM a", "Dec 1, 2026 1:33:40 AM a", true);
    check("INFO[2026-11-29T23:54:36Z] a", "ERRO[2026-11-29T23:54:36Z] a", true);
    check("\u{1b}[32m2026-11-29 23:54:35\u{1b}[0m a", "2026-11-29 23:54:35 a", true);
    check("[    3.000000] a", "[12345.678901] b", true);
}

#[test]
fn a_key_tells_what_the_head_tells() {
    let lines = [
        "2026-11-29 23:54:35,123 a line of a log",
        "2026-11-29 23:54:3 a line of a log, cut",
        "2026-11-29 23:54 of a log, no seconds",
    ];
    let head = head_of(lines[0]).unwrap();
    let key = key::key(lines[0].as_bytes(), head.end);
    assert!(key != 0);
    assert!(key::has_key(b"1999-01-01 00:00:00,999 another line", key));
    for line in [
        lines[1],
        lines[2],
        "2026-11-29 23:54:35.123 a line of a log",
        "short",
        "2026-11-29T23:54:35,123 a line of a log",
    ] {
        assert!(!key::has_key(line.as_bytes(), key), "{line:?}");
    }
    assert!(key::has_key(b"192.0.2.7 - - [29/Nov/2026:09:00:00 +0000] \"GET /\"", key::ACCESS_KEY));
    assert!(key::has_key(b"2001:db8:0000:0000:0000:0000:0000:0007 - - [29/Nov/2026:09:00:00 +0000]", key::ACCESS_KEY));
    assert!(key::has_key(b"192.0.2.7 - user [29/Nov/2026:09:00:00 +0000] \"GET /\"", key::ACCESS_KEY));
    assert!(!key::has_key(b"192.0.2.7 - a user [29/Nov/2026:09:00:00 +0000] \"GET /\"", key::ACCESS_KEY));
    assert!(!key::has_key(b"192.0.2.7 - user [warn] \"GET /\"", key::ACCESS_KEY));
    assert!(!key::has_key(b"192.0.2.7 - - [29/Nov", key::ACCESS_KEY));
}
