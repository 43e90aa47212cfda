//! Lines that are encoded or disguised, and lines that are made to cost time or memory.

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(redact(all_on(), text), expected, "{text}");
}

/// Goal: a disguised name, operator or part of a value hides no secret, and the mask covers everything between.
#[test]
fn disguised_characters_hide_no_secret() {
    check(
        "\u{1b}[36mpassword\u{1b}[0m=\u{1b}[35mhunter2\u{1b}[0m x",
        "\u{1b}[36mpassword\u{1b}[0m=\u{1b}[35m<redacted:password>\u{1b}[0m x",
    );
    check(
        "\u{1b}[3mtoken\u{1b}[0m\u{1b}[2m=\u{1b}[0mhunter2",
        "\u{1b}[3mtoken\u{1b}[0m\u{1b}[2m=\u{1b}[0m<redacted:password>",
    );
    check("#033[33mada@example.org#033[0m", "<redacted:email>#033[0m");
    check("ip \u{1b}[33m198.51.100.7\u{1b}[0m", "ip \u{1b}[33m<redacted:ipv4>\u{1b}[0m");
    check("\u{1b}[1mhun\u{1b}[0m password=hun\u{1b}[4mter2", "\u{1b}[1mhun\u{1b}[0m password=<redacted:password>");
    check(
        "\u{1b}]8;;https://x\u{7}token\u{1b}]8;;\u{7}=abc",
        "\u{1b}]8;;https://x\u{7}token\u{1b}]8;;\u{7}=<redacted:password>",
    );
    check("ada&#64;example.org ada&amp;#x40;example.org", "<redacted:email> <redacted:email>");
    check("password=Hunter2&#120;Q9z x", "password=<redacted:password> x");
    check(
        "%257B%2522password%2522%253A%2520%2522hunter2%2522%257D",
        "%257B%2522password%2522%253A%2520%2522<redacted:password>%2522%257D",
    );
    check("password：hunter2", "password：<redacted:password>");
    check("password = “hunter 2” x", "password = <redacted:password>” x");
    check("card 4111\u{a0}1111\u{a0}1111\u{a0}1111", "card <redacted:card>");
    check("call 415‑555‑0132", "call <redacted:phone>");
    check("pass\u{200b}word=hunter2", "pass\u{200b}word=<redacted:password>");
    check(r"\x22password\x22:\x22hunter2\x22", r"\x22password\x22:\x22<redacted:password>\x22");
    let json = |text: &str, expected: &str| assert_eq!(redact_json(all_on(), text), expected);
    json(
        r#"{"message":"\u001b[36mpassword\u001b[0m=\u001b[35mhunter2\u001b[0m"}"#,
        r#"{"message":"\u001b[36mpassword\u001b[0m=\u001b[35m<redacted:password>\u001b[0m"}"#,
    );
    json(
        r#"{"log":"{\"m\":\"\\u001b[1mtoken\\u001b[0m=abc\"}","n":1}"#,
        r#"{"log":"{\"m\":\"\\u001b[1mtoken\\u001b[0m=<redacted:password>\"}","n":1}"#,
    );
}

/// Goal: text that only looks encoded stays unchanged.
#[test]
fn ordinary_text_stays() {
    for text in [
        "\u{1b}[32mINFO\u{1b}[0m started in 1.5 s",
        "GET /a?b=1&c=2&d=%2Fx HTTP/1.1",
        r"C:\temp\new\report.txt saved",
        "« bonjour » – “hello” … 漢字（全角）",
        r"matched ^[a-z]+$ and \d+",
        r#"{"m":"line\nnext\ttab \u00e9","n":1}"#,
    ] {
        check(text, text);
    }
}

fn shows(redactor: &Redactor, text: &str) -> String {
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let redacted =
        redactor.redact(text.as_bytes(), text.len(), &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    assert!(redacted.masked().count() <= text.len() / 8 + 256, "masks are bounded");
    output(&redacted, redacted.whole())
}

/// Goal: parts of a line beyond its budget are withheld, and no byte of them is output.
#[test]
fn beyond_the_budget_values_are_withheld() {
    for unit in
        ["pw=a&", "\\\"Cookie: {\"m\":\"", "authorization''\":\"", "basic+", "&lt;password ", "state=a&code=abcdef&"]
    {
        let text = format!("{}password=hunter2", unit.repeat((1 << 17) / unit.len()));
        assert!(!shows(all_on(), &text).contains("hunter2"), "{unit}");
    }
    assert!(shows(all_on(), &"pw=a&".repeat(1 << 15)).contains("<redacted:budget>"));
}

/// Goal: long ordinary lines are never withheld.
#[test]
fn ordinary_long_lines_are_not_withheld() {
    let users: Vec<String> = (0..5_000)
        .map(|id| format!(r#"{{"id":{id},"token":"t{id}","email":"u{id}@example.org","note":"a\nb"}},"#))
        .collect();
    let frames: Vec<String> =
        (0..5_000).map(|line| format!(r"\n\tat com.example.PasswordService.token(Token.java:{line})")).collect();
    let body: Vec<String> = (0..60_000_u32).map(|number| format!("{:x}", number.wrapping_mul(2_654_435_761))).collect();
    let (users, frames, body) = (users.concat(), frames.concat(), body.concat());
    for text in [
        format!(r#"{{"users":[{users}0]}}"#),
        format!(r#"{{"m":"java.lang.IllegalStateException: bad password{frames}"}}"#),
        format!("body={body} password=hunter2"),
        format!(r#"{{"b64":"{body}","password":"hunter2"}}"#),
    ] {
        let left = shows(all_on(), &text);
        assert!(!left.contains("<redacted:budget>") && !left.contains("hunter2"), "{}…", &left[..200]);
    }
}

#[test]
fn utf_16_lines_are_withheld_completely_and_flagged() {
    let line: Vec<u8> = "password=hunter2".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let mut withheld = |redactor: &Redactor| {
        let hits = scanned(redactor, &line);
        let found = hits.of(0, line.len());
        let redacted = redactor.redact(&line, line.len(), &parsed, found, &mut PemState::default(), &mut scratch);
        redacted.withheld().collect::<Vec<_>>()
    };
    assert_eq!(withheld(all_on()), ["redaction_undecodable"]);
    assert!(withheld(&redactor(&[], &[], &[])).is_empty(), "nothing is to be redacted");
}
