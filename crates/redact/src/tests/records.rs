//! Records of several lines: what is masked in a line alone is masked in a record, and what reaches over a line's end is
//! masked as well.

use std::ops::Range;

use proptest::prelude::*;

use super::properties::example_lines;
use super::*;
use crate::lines::lines;

/// Custom rules that look at a line's start and end, and that match nearly anywhere.
const RULES: [(&str, &str); 4] =
    [("start", "^ ?[a-z]{3}"), ("end", r"\d$"), ("all", "^[^=]*7[^=]*$"), ("text", r"\Alogin")];

/// All detectors, custom rules and fields.
static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| redactor(&["secrets", "pii"], &RULES, &["pin", "user.name"]));

/// The masked ranges of a record.
fn masked(redactor: &Redactor, record: &[u8], pem_state: &mut PemState) -> Vec<Range<usize>> {
    let mut hits = Hits::default();
    redactor.scan(record, &mut hits);
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let found = hits.of(0, record.len());
    let redacted = redactor.redact(record, record.len(), &parsed, found, pem_state, &mut scratch);
    redacted.masked().map(|mask| mask.at.indices()).collect()
}

/// The masked bytes of a text whose line ends are record boundaries where `ends` says so, and the state after it.
fn masked_bytes(redactor: &Redactor, text: &[u8], ends: impl Fn(usize) -> bool) -> (Vec<bool>, PemState) {
    let mut is_masked = vec![false; text.len()];
    let mut pem_state = PemState::default();
    let mut start = 0;
    for (number, line) in lines(text).enumerate() {
        let newline = memchr::memchr(b'\n', &text[line.end..]).map(|length| line.end + length);
        if newline.is_some() && !ends(number) {
            continue;
        }
        for mask in masked(redactor, &text[start..line.end], &mut pem_state) {
            is_masked[start + mask.start..start + mask.end].fill(true);
        }
        start = newline.map_or(text.len(), |newline| newline + 1);
    }
    (is_masked, pem_state)
}

/// Checks that no byte that is masked line by line is left in records; returns whether more is masked.
#[track_caller]
fn assert_no_less(redactor: &Redactor, text: &[u8], ends: &[bool]) {
    let (alone, state_alone) = masked_bytes(redactor, text, |_| true);
    let (joined, state) = masked_bytes(redactor, text, |number| ends.get(number).copied().unwrap_or_default());
    for (at, (alone, joined)) in alone.iter().zip(&joined).enumerate() {
        assert!(!alone || *joined, "byte {at} is left in {:?}", String::from_utf8_lossy(text));
    }
    assert_eq!(state, state_alone, "{:?}", String::from_utf8_lossy(text));
    // A restart reads past the same lines.
    let mut resumed = PemState::default();
    resumed.resume(PemState::default(), text);
    assert_eq!(resumed, state, "resumed after {:?}", String::from_utf8_lossy(text));
}

/// A key as loggers write it, one line each, and lines around and within it.
fn lines_of_keys() -> impl Strategy<Value = Vec<String>> {
    const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    const LAST: &str = "qzMoSfm76oqFvAp8Gy0iz5sxjZ==";
    const COLOURED: &str = "MIIEvQIBADANBgkqhki\x1b[32mG9w0BAQEFAASCBKcw\x1b[0mggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let line = prop::sample::select(vec![
        "-----BEGIN RSA PRIVATE KEY-----",
        r"\u002d----BEGIN PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "Proc-Type: 4,ENCRYPTED",
        "Private-Lines: 14",
        "Private-MAC: 0a1b",
        BODY,
        BODY,
        LAST,
        COLOURED,
        "",
        "order 7 shipped",
        "password=hunter2",
        r#"{"m":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"}"#,
    ]);
    let form = prop::sample::select(vec![("", ""), ("  ", "\r"), ("INFO [main] k - ", ""), ("\x1b[36m", "\x1b[0m")]);
    (form, prop::collection::vec(line, 1..24))
        .prop_map(|((before, after), lines)| lines.iter().map(|line| format!("{before}{line}{after}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    /// Goal: whatever stands in a record, nothing is left that is masked if its lines are records.
    #[test]
    fn a_record_is_masked_where_its_lines_are(
        chosen in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..12),
        ends in prop::collection::vec(prop::bool::weighted(0.3), 12),
    ) {
        let examples = example_lines();
        let text: Vec<_> = chosen.iter().map(|(at, returns)| {
            examples[at.index(examples.len())].clone() + if *returns { "\r\n" } else { "\n" }
        }).collect();
        assert_no_less(&REDACTOR, text.concat().as_bytes(), &ends);
    }

    /// Goal: a key is masked alike however its lines are grouped, also where it begins in one record and ends in another.
    #[test]
    fn keys_are_masked_however_lines_are_grouped(
        lines in lines_of_keys(),
        ends in prop::collection::vec(any::<bool>(), 24),
    ) {
        assert_no_less(all_on(), lines.join("\n").as_bytes(), &ends);
    }

    #[test]
    fn records_of_any_bytes_are_accepted(
        text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(0), Just(0x1b), any::<u8>()], 0..120),
        ends in prop::collection::vec(any::<bool>(), 24),
    ) {
        assert_no_less(&REDACTOR, &text, &ends);
    }
}

/// The output for a record without fields.
fn redacted(record: &str) -> String {
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let bytes = record.as_bytes();
    let hits = scanned(all_on(), bytes);
    let mut pem_state = PemState::default();
    let redacted = all_on().redact(bytes, bytes.len(), &parsed, hits.of(0, bytes.len()), &mut pem_state, &mut scratch);
    output(&redacted, redacted.whole()).replace("<redacted:password>", "#")
}

#[track_caller]
fn check(record: &str, expected: &str) {
    assert_eq!(redacted(record), expected);
    assert_eq!(redacted(&record.replace('\n', "\r\n")), expected.replace('\n', "\r\n"), "with CR LF");
}

#[test]
fn a_value_on_another_line_than_its_key_is_masked() {
    check(
        "{\n  \"password\":\n     \"qz 1\",\n  \"user\": \"ada\"\n}",
        "{\n  \"password\":\n     \"#\",\n  \"user\": \"ada\"\n}",
    );
    check("body: {\n \"password\" : \"a b\",\n \"n\": 1\n}", "body: {\n \"password\" : \"#\",\n \"n\": 1\n}");
    check("INFO config:\npassword:\n  hunter2\nuser: ada", "INFO config:\npassword:\n  #\nuser: ada");
    check("a:\n  password: |\n    x1\n    y2\n  other: z", "a:\n  password: |\n    #\n  other: z");
    check("a:\n  password: >-\n    x1\n    y2\nother: z", "a:\n  password: >-\n    #\nother: z");
    check("password =\n   \"x y\"", "password =\n   \"#\"");
    check("password =\n\"x y\"", "password =\n\"#\"");
    check("password=\n  hunter2", "password=\n  #");
    check("export const token =\n  \"abc def\";", "export const token =\n  \"#\";");
    check("Authorization:\n  Bearer qz00ff00ff00ff", "Authorization:\n  #");
    check("<password>\n   hunter2\n</password>", "<password>#</password>");
    check("credentials:\n  user: ada\n  pass: zzz\nother: 1", "credentials:\n  #\nother: 1");
    check("kind: Secret\ndata:\n  user: YWRhQGV4YW1wbGUub3Jn", "kind: Secret\ndata:\n  user: #");
    check("mysql -u root \\\n  -phunter2", "mysql -u root \\\n  -p<redacted:command_password>");
}

/// Goal: what stands below a keyword, but is not its value, stays.
#[test]
fn other_text_on_the_line_after_a_keyword_stays() {
    for record in [
        "invalid password:\n    at com.foo.Bar.baz(Bar.java:12)\n    at com.foo.Bar.qux(Bar.java:13)",
        "wrong token:\n  File \"/srv/app.py\", line 3, in login",
        "missing secret:\n\tfrom app/login.rb:12:in `token'",
        "token:\n    ttl: 5\n    kind: bearer\nnext: 1",
        "body: {\n  \"token\": {\n    \"ttl\": 5,\n    \"kind\": \"bearer\"\n  }\n}",
        "- password:\n    must not be empty\n- secret:\n  - at least 8 characters",
        "Missing required fields:\n  password:\n    This field is required.",
        "  File \"/srv/app.py\", line 12, in login\n    token = get_token(\n        user, password)",
        "Caused by: java.lang.IllegalStateException: token\n\tat x.y.Z(Z.java:1)",
        "panic: missing secret\n\ngoroutine 1 [running]:\nmain.token(...)\n\t/srv/main.go:12 +0x1d",
        "ERROR: syntax error at or near \"password\"\nLINE 1: select password from users\n               ^",
        "loading keys:\n  api_key\n  secret\ndone",
        "KeyError: 'password'\n\tat a",
    ] {
        check(record, record);
    }
}

/// Goal: a secret is found as if colours, titles and links were not there, wherever they stand.
#[test]
fn terminal_sequences_hide_no_secret() {
    for sequence in [
        "\x1b[0m",
        "\x1b[38;5;208m",
        "\x1b[1;32;40m",
        "\x1b[K",
        "\x1b]0;title\x07",
        "\x1b]8;;\x1b\\",
        "\u{9b}1m",
        "\x1b(B",
    ] {
        for secret in ["password=qzhunter2", "AKIAIOSFODNN7EXAMPLE", "4111 1111 1111 1111", "qzada@qzexample.com"] {
            for cut in (0..=secret.len()).filter(|cut| secret.is_char_boundary(*cut)) {
                let (before, after) = secret.split_at(cut);
                let clean = redacted(&format!("first\n a {before}{sequence}{after}\x1b[0m\nlast"));
                let whole = secret.strip_prefix("password=").unwrap_or(secret);
                assert!(
                    !whole.as_bytes().chunks_exact(4).any(|part| clean.contains(std::str::from_utf8(part).unwrap())),
                    "{clean:?}"
                );
            }
        }
    }
}

/// Goal: the lines that are only looked ahead at come again with the next record, so a key does not end in them.
#[test]
fn a_key_goes_on_after_a_cut() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let first = format!("a key:\n-----BEGIN PRIVATE KEY-----\n{body}\n");
    let second = format!("{body}\n-----END PRIVATE KEY-----");
    let text = [first.as_bytes(), second.as_bytes()].concat();
    for keep in [first.len() - 1, first.len()] {
        let (parsed, mut scratch, mut pem_state) = (Parsed::default(), Scratch::default(), PemState::default());
        let clean = {
            let redacted = all_on().redact(&text, keep, &parsed, TextHits::ALL, &mut pem_state, &mut scratch);
            output(&redacted, redacted.whole())
        };
        let mut read_past = PemState::default();
        read_past.read_past(&text, keep);
        assert_eq!(read_past, pem_state);
        let redacted =
            all_on().redact(second.as_bytes(), second.len(), &parsed, TextHits::ALL, &mut pem_state, &mut scratch);
        let clean = clean + &output(&redacted, redacted.whole());
        assert!(!clean.contains("MII") && clean.starts_with("a key:\n"), "{clean}");
        assert!(!pem_state.is_open());
    }
    // A secret that is cut is masked up to the cut.
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let redacted = all_on().redact(
        b"a\npassword:\n  \"ab\ncd\"",
        15,
        &parsed,
        TextHits::ALL,
        &mut PemState::default(),
        &mut scratch,
    );
    assert_eq!(output(&redacted, redacted.whole()), "a\npassword:\n  \"");
    let redacted = all_on().redact(
        b"a\npassword:\n  \"ab\ncd\"",
        16,
        &parsed,
        TextHits::ALL,
        &mut PemState::default(),
        &mut scratch,
    );
    assert_eq!(output(&redacted, redacted.whole()), "a\npassword:\n  \"<redacted:password>");
}
