//! Keys as loggers write them, and lines that only follow a BEGIN marker.

use proptest::prelude::*;

use super::*;

const BODY: [&str; 3] = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu",
    "NMoSfm76oqFvAp8Gy0iz5sxjZmSnXyCdPEovGhLa0VzMaQ8s+CLOyS56YyCFGeJZ",
];
const LAST: &str = "qgtzJ6GR3eqoYSW9b9UMvkBpZODSctWSNGj3P7jRFDO5VoTwCQAWbFnOjDfH5Ulg";

/// The line after `pem_state` has masked its part of it.
fn left(pem_state: &mut PemState, line: &str) -> String {
    let mut clean = String::new();
    let mut at = 0;
    pem_state.step(line.as_bytes(), true, |part| {
        clean.push_str(&line[at..part.start]);
        clean.push('#');
        at = part.end;
    });
    clean + &line[at..]
}

/// Checks each line's masked form; `open_after`: whether the key is open after them, also when resumed after them.
#[track_caller]
fn check(lines: &[(&str, &str)], open_after: bool) {
    let mut pem_state = PemState::default();
    for (number, (line, expected)) in lines.iter().enumerate() {
        assert_eq!(left(&mut pem_state, line), *expected, "line {number}");
    }
    assert_eq!(pem_state.is_open(), open_after);
    let mut resumed = PemState::default();
    let text: String = lines.iter().flat_map(|(line, _)| [*line, "\n"]).collect();
    resumed.resume(PemState::default(), text.as_bytes());
    assert_eq!(resumed, pem_state, "resumed after the same lines");
}

#[track_caller]
fn check_form(form: impl Fn(&str) -> String) {
    let begin = form("-----BEGIN RSA PRIVATE KEY-----");
    let mut pem_state = PemState::default();
    left(&mut pem_state, &begin);
    assert!(pem_state.is_open(), "{begin}");
    for line in BODY.iter().chain([&LAST, &"AQ=="]) {
        let clean = left(&mut pem_state, &form(line));
        assert!(!clean.contains(line), "{} left: {clean}", form(line));
    }
    left(&mut pem_state, &form("-----END RSA PRIVATE KEY-----"));
    assert!(!pem_state.is_open(), "{begin}");
    let next = form("order 7 shipped");
    assert_eq!(left(&mut pem_state, &next), next);
}

#[test]
fn a_key_is_masked_in_every_log_format() {
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

/// Goal: other threads' lines are not masked, and the body continues after them.
#[test]
fn other_lines_inside_a_key_are_not_masked() {
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

/// Goal: a forged marker hides no other lines.
#[test]
fn a_forged_marker_hides_nothing() {
    for marker in [
        "GET /x-----BEGIN PRIVATE KEY----- HTTP/1.1\" 200 512 \"-\" \"curl/8.9.1\"",
        "\"-----BEGIN PRIVATE KEY-----\" 200 \"-\"",
        "{\"path\":\"/-----BEGIN PRIVATE KEY-----\",\"status\":200}",
        "-----BEGIN PRIVATE KEY-----",
        "the key -----BEGIN PRIVATE KEY----- is missing",
    ] {
        let mut pem_state = PemState::default();
        left(&mut pem_state, marker);
        for line in [
            "10.0.0.1 - - [23/Nov/2026:21:15:51 +0000] \"GET /cart HTTP/1.1\" 200 512",
            "{\"level\":\"info\",\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"m\":\"sent\"}",
            "image sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "\tat com.example.shop.OrderServiceImplementationFactoryBean.call(Bean.java:899)",
            "INFO started in 1.5 s",
            "shutdown",
        ] {
            assert_eq!(left(&mut pem_state, line), line, "after {marker}");
        }
    }
}

#[test]
fn keys_in_one_line_and_public_keys_open_nothing() {
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
fn ssh2_and_putty_keys_are_masked() {
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
fn a_key_without_further_lines_is_closed() {
    let mut pem_state = PemState::default();
    left(&mut pem_state, "-----BEGIN PRIVATE KEY-----");
    let strange = (0..1000).take_while(|_| pem_state.is_open() && left(&mut pem_state, "x: y z") == "x: y z").count();
    assert_eq!(strange, usize::from(STRANGE_LINES_MAX));
    left(&mut pem_state, "-----BEGIN PRIVATE KEY-----");
    let inside = (0..1000).take_while(|_| pem_state.is_open() && left(&mut pem_state, BODY[0]) == "#").count();
    assert_eq!(inside, LINES_MAX as usize);
}

/// Formats in which other text follows the marker and the body.
#[test]
fn a_key_with_text_after_its_lines_is_masked() {
    check_form(|line| format!("\x1b[32m{line}\x1b[0m"));
    check_form(|line| format!("\\u001b[32m{line}\\u001b[0m"));
    check_form(|line| format!("2026-11-23T21:15:51Z\tINFO\tmain.go:12\t{line}\t{{\"k\":1}}"));
    check_form(|line| format!("│ {line:76} │"));
    check_form(|line| format!("| {line} |"));
    check_form(|line| format!("<p>{line}</p>"));
    for after in [" logger=keys", "^M$", "^M", "$", "<br>", " \\"] {
        check_form(|line| format!("{line}{after}"));
    }
    let first_only = format!("{}\x1b[0m", "-----BEGIN PRIVATE KEY-----");
    check(&[(&first_only, &first_only), (BODY[0], "#"), (BODY[1], "#"), ("-----END PRIVATE KEY-----", "#")], false);
}

#[test]
fn headers_of_a_key_with_a_log_prefix_are_masked() {
    check(
        &[
            ("web-1  | -----BEGIN RSA PRIVATE KEY-----", "web-1  | -----BEGIN RSA PRIVATE KEY-----"),
            ("web-1  | Proc-Type: 4,ENCRYPTED", "web-1  | #"),
            ("web-1  | Comment: ada", "web-1  | #"),
            ("web-1  | ", "web-1  | "),
            (&format!("web-1  | {}", BODY[0]), "web-1  | #"),
            (&format!("web-1  | {}", BODY[1]), "web-1  | #"),
        ],
        true,
    );
}

/// Goal: neither markers in other lines nor long pauses end a key.
#[test]
fn markers_in_other_lines_and_long_pauses_do_not_end_a_key() {
    for form in
        [|line: &str| line.to_owned(), |line: &str| format!("web-1  | {line}"), |line: &str| format!("{line} |")]
    {
        let mut pem_state = PemState::default();
        left(&mut pem_state, &form("-----BEGIN PRIVATE KEY-----"));
        left(&mut pem_state, &form(BODY[0]));
        for other in ["GET /-----BEGIN PRIVATE KEY----- HTTP/1.1", "GET /-----END PRIVATE KEY----- HTTP/1.1"] {
            assert_eq!(left(&mut pem_state, other), other);
            assert!(!left(&mut pem_state, &form(BODY[1])).contains(BODY[1]), "after {other}");
        }
        for _ in 0..STRANGE_LINES_MAX - 1 {
            left(&mut pem_state, "2026-11-23 INFO GET /health 200");
        }
        assert!(!left(&mut pem_state, &form(BODY[2])).contains(BODY[2]));
    }
}

/// Goal: linear time. Reading all the backslashes from each of them would take minutes.
#[test]
fn a_header_of_backslashes_is_read_once() {
    let line = format!("-----BEGIN PRIVATE KEY-----\\nComment: {}", "\\".repeat(1 << 18));
    assert_eq!(left(&mut PemState::default(), &line), line);
}

/// A line as random as a key's body.
fn base64_line() -> impl Strategy<Value = String> {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    proptest::collection::vec(0..SIGNS.len(), 64)
        .prop_map(|line| line.into_iter().map(|at| char::from(SIGNS[at])).collect())
}

proptest! {
    /// Goal: no body line of a random key in any format is left unmasked, also with other lines in between.
    #[test]
    fn no_body_line_is_output(
        body in proptest::collection::vec(base64_line(), 1..20),
        form in 0..11_usize,
        others in proptest::collection::vec(0..4_usize, 20),
        kind in 0..4_usize,
    ) {
        let form = |line: &str| match form {
            0 => line.to_owned(),
            9 => format!("-{line}"),
            1 => format!("web  | {line}"),
            2 => format!("2026-11-23T21:15:51Z stdout F {line}"),
            3 => format!("{{\"log\":\"{line}\\n\"}}"),
            4 => format!("{{\"msg\":\"{line}\",\"level\":\"debug\",\"ts\":1.5}}"),
            5 => format!("│ {line:76} │"),
            6 => format!("\x1b[32m{line}\x1b[0m"),
            7 => format!("2026-11-23 21:15:51.{}  INFO 1 --- [main] c.e.A  : {line}", line.len()),
            _ => format!("{line} logger=keys"),
        };
        let head: &[&str] = match kind {
            0 => &["-----BEGIN PRIVATE KEY-----"],
            1 => &["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0A1B", ""],
            2 => &["---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "Comment: \"ada\""],
            _ => &["Private-Lines: 14"],
        };
        let mut pem_state = PemState::default();
        for line in head {
            left(&mut pem_state, &form(line));
        }
        for (line, others) in body.iter().zip(others) {
            for _ in 0..others {
                let written = form("GET /cart 200");
                prop_assert_eq!(left(&mut pem_state, &written), written);
            }
            let clean = left(&mut pem_state, &form(line));
            prop_assert!(!clean.contains(&line[..24]), "{}", clean);
        }
    }
}
