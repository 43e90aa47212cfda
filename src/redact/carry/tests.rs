//! Keys as loggers write them, and lines that only stand after a BEGIN marker.

use proptest::prelude::*;

use super::*;

const BODY: [&str; 3] = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu",
    "NMoSfm76oqFvAp8Gy0iz5sxjZmSnXyCdPEovGhLa0VzMaQ8s+CLOyS56YyCFGeJZ",
];
const LAST: &str = "qgtzJ6GR3eqoYSW9b9UMvkBpZODSctWSNGj3P7jRFDO5VoTwCQAWbFnOjDfH5Ulg";

/// What a line leaves when `carry` has masked its part.
fn left(carry: &mut Carry, line: &str) -> String {
    let mut clean = String::new();
    let mut at = 0;
    carry.step(line.as_bytes(), true, |part| {
        clean.push_str(&line[at..part.start]);
        clean.push('#');
        at = part.end;
    });
    clean + &line[at..]
}

/// Each line and what is left of it; whether the key is open after them, also when resumed behind them.
#[track_caller]
fn check(lines: &[(&str, &str)], open_after: bool) {
    let mut carry = Carry::default();
    for (number, (line, expected)) in lines.iter().enumerate() {
        assert_eq!(left(&mut carry, line), *expected, "line {number}");
    }
    assert_eq!(carry.is_open(), open_after);
    let mut resumed = Carry::default();
    let text: String = lines.iter().flat_map(|(line, _)| [*line, "\n"]).collect();
    resumed.resume(Carry::default(), text.as_bytes());
    assert_eq!(resumed, carry, "resumed behind the same lines");
}

#[track_caller]
fn check_form(form: impl Fn(&str) -> String) {
    let begin = form("-----BEGIN RSA PRIVATE KEY-----");
    let mut carry = Carry::default();
    left(&mut carry, &begin);
    assert!(carry.is_open(), "{begin}");
    for line in BODY.iter().chain([&LAST, &"AQ=="]) {
        let clean = left(&mut carry, &form(line));
        assert!(!clean.contains(line), "{} left: {clean}", form(line));
    }
    left(&mut carry, &form("-----END RSA PRIVATE KEY-----"));
    assert!(!carry.is_open(), "{begin}");
    let next = form("order 7 shipped");
    assert_eq!(left(&mut carry, &next), next);
}

#[test]
fn a_key_is_followed_in_every_logger_s_form() {
    check_form(ToOwned::to_owned);
    check_form(|line| format!("  {line}\r"));
    check_form(|line| format!("app-1  | {line}"));
    check_form(|line| format!("2026-11-23T21:15:51.123Z INFO [main] c.e.Keys - {line}"));
    check_form(|line| format!("2026-11-23T21:15:51.123456789Z stdout F {line}"));
    check_form(|line| format!(r#"{{"log":"{line}\n","stream":"stdout","time":"2026-11-23T21:15:51Z"}}"#));
    check_form(|line| format!(r#"{{"level":"debug","msg":"{}"}}"#, line.replace('/', "\\/")));
    check_form(|line| format!("<14>1 2026-11-23T21:15:51Z h app 7 - - {line}"));
}

#[test]
fn headers_and_blank_lines_do_not_end_a_key() {
    check(
        &[
            ("-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"),
            ("Proc-Type: 4,ENCRYPTED", "#"),
            ("DEK-Info: AES-128-CBC,0A1B2C3D4E5F60718293A4B5C6D7E8F9", "#"),
            ("", ""),
            (BODY[0], "#"),
        ],
        true,
    );
}

/// Goal: other threads' lines are let out, and the body goes on behind them.
#[test]
fn other_lines_within_a_key_are_let_out() {
    let other = "10.0.0.1 - - [23/Nov/2026:21:15:51 +0000] \"GET /cart HTTP/1.1\" 200 512";
    check(
        &[
            ("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"),
            (BODY[0], "#"),
            (other, other),
            (BODY[1], "#"),
        ],
        true,
    );
}

/// Goal: who writes a marker hides nobody's lines.
#[test]
fn a_marker_in_another_s_line_hides_nothing() {
    for marker in [
        "GET /x-----BEGIN PRIVATE KEY----- HTTP/1.1\" 200 512 \"-\" \"curl/8.9.1\"",
        "\"-----BEGIN PRIVATE KEY-----\" 200 \"-\"",
        "{\"path\":\"/-----BEGIN PRIVATE KEY-----\",\"status\":200}",
        "-----BEGIN PRIVATE KEY-----",
        "the key -----BEGIN PRIVATE KEY----- is missing",
        "10.0.0.1 - - [23/Nov/2026:21:15:51 +0000] \"GET /-----BEGIN PRIVATE KEY----- HTTP/1.1\" 404 0",
    ] {
        let mut carry = Carry::default();
        left(&mut carry, marker);
        for line in [
            "10.0.0.1 - - [23/Nov/2026:21:15:51 +0000] \"GET /cart HTTP/1.1\" 200 512",
            "{\"level\":\"info\",\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"m\":\"sent\"}",
            "image sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "\tat com.example.shop.OrderServiceImplementationFactoryBean.call(Bean.java:899)",
            "INFO started in 1.5 s",
            "10.0.0.1 - - [23/Nov/2026:21:15:51 +0000] \"GET /cart HTTP/1.1\" 404 0",
            "{\"path\":\"/cart\",\"status\":200}",
            "etag jZae727K08KaOmKSgOaGzww/XVqGr/PKEgIMkjrcbJI= stored",
            "integrity sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg== ok",
            "key SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDNSJbAcwxYL0mR1zc accepted",
        ] {
            assert_eq!(left(&mut carry, line), line, "behind {marker}");
        }
    }
    let mut carry = Carry::default();
    left(&mut carry, "GET /x-----BEGIN PRIVATE KEY----- HTTP/1.1\" 200");
    assert_eq!(left(&mut carry, "order"), "order", "other text behind the marker");
    assert_eq!(left(&mut carry, BODY[0]), "#", "what is surely a body");
}

/// Goal: where a logger writes behind its messages, or other threads between them, and headers stand in the key, no line leaves.
#[test]
fn a_key_is_followed_with_headers_and_other_lines_in_every_frame() {
    let headers: [&[&str]; 4] = [
        &[],
        &["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0A1B", ""],
        &["Version: G 2", ""],
        &["Comment: \"ada\""],
    ];
    for (before, behind) in [
        ("", ""),
        ("2026-11-23T21:15:51.123456789Z stdout F ", ""),
        ("web-1  | ", ""),
        ("Nov 23 21:15:51 h app[12]: ", ""),
        ("[main] DEBUG c.e.Keys - ", ""),
        ("{\"log\":\"", "\\n\",\"stream\":\"stdout\"}"),
        ("\x1b[32m", "\x1b[0m"),
        ("│ ", "   │"),
        ("<p>", "</p>"),
        ("2026-11-23T21:15:51Z\tDEBUG\tmain.go:1\t", "\t{\"k\": 1}"),
        ("level=debug msg=", " logger=x"),
        ("", "^M$"),
        ("", "<br>"),
        ("key.pem:7:", ""),
    ] {
        for (headers, gap) in headers.iter().zip([0, 1, 2, 100]).chain(headers.iter().zip([1, 2, 100, 0])) {
            let other = format!("{before}GET /health 200{behind}");
            let mut carry = Carry::default();
            left(&mut carry, &format!("{before}-----BEGIN RSA PRIVATE KEY-----{behind}"));
            for header in *headers {
                left(&mut carry, &format!("{before}{header}{behind}"));
            }
            for line in BODY.iter().chain([&LAST]) {
                for _ in 0..(if *line == BODY[0] || gap < 3 { gap } else { 0 }) {
                    assert_eq!(left(&mut carry, &other), other);
                }
                let clean = left(&mut carry, &format!("{before}{line}{behind}"));
                assert!(!clean.contains(&line[..16]), "{clean} behind {headers:?} and {gap} lines");
            }
            let clean = left(&mut carry, &format!("{before}qgtzJ6GR3eqoYSW9b9U={behind}"));
            assert!(!clean.contains("qgtzJ6GR"), "the last line: {clean}");
        }
    }
}

#[test]
fn keys_that_end_in_their_line_and_what_is_no_private_key_open_nothing() {
    for line in [
        "-----BEGIN PRIVATE KEY-----MIIE-----END PRIVATE KEY-----",
        r#"{"k":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ"}"#,
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "the PRIVATE KEY-----",
    ] {
        check(&[(line, line)], false);
    }
}

#[test]
fn ssh2_and_putty_keys_are_followed() {
    check(
        &[
            ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"),
            ("Comment: \"ada\"", "#"),
            (BODY[0], "#"),
            ("P2/56wAAAgIAAAAm", "#"),
            ("---- END SSH2 ENCRYPTED PRIVATE KEY ----", "#"),
        ],
        false,
    );
    check(
        &[("Private-Lines: 14", "Private-Lines: 14"), (BODY[0], "#"), (BODY[1], "#"), ("Private-MAC: 0a1b2c3d", "#")],
        false,
    );
}

#[test]
fn gives_up_when_nothing_of_a_key_comes() {
    let mut carry = Carry::default();
    left(&mut carry, "-----BEGIN PRIVATE KEY-----");
    let strange = (0..1000).take_while(|_| carry.is_open() && left(&mut carry, "x: y z") == "x: y z").count();
    assert_eq!(strange, LINES_MAX as usize);
    left(&mut carry, "-----BEGIN PRIVATE KEY-----");
    let inside = (0..1000).take_while(|_| carry.is_open() && left(&mut carry, BODY[0]) == "#").count();
    assert_eq!(inside, LINES_MAX as usize);
}

proptest! {
    /// Goal: of a random key in any form no line of the body leaves, also where others write between.
    #[test]
    fn no_line_of_a_body_leaves(
        body in proptest::collection::vec("[A-Za-z0-9+/]{64}", 1..20),
        form in 0..6_usize,
        others in proptest::collection::vec(any::<bool>(), 20),
    ) {
        let form = |line: &str| match form {
            0 => line.to_owned(),
            1 => format!("web  | {line}"),
            2 => format!("2026-11-23T21:15:51Z stdout F {line}"),
            3 => format!("\x1b[32m{line}\x1b[0m"),
            4 => format!("│ {line} │"),
            _ => format!("{{\"log\":\"{line}\\n\"}}"),
        };
        let mut carry = Carry::default();
        left(&mut carry, &form("-----BEGIN PRIVATE KEY-----"));
        // One line in a million has no digit, capital or small letter: it looks like no body where it stands alone.
        for (line, other) in body.iter().filter(|line| pem::is_dense(line.as_bytes())).zip(others) {
            let clean = left(&mut carry, &form(line));
            prop_assert!(!clean.contains(&line[..24]), "{}", clean);
            let written = form("GET /cart 200");
            prop_assert!(!other || left(&mut carry, &written) == written);
        }
    }
}
