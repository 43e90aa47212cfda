//! The allowlist and exempt fields: what they show, and that they show nothing else.

use proptest::prelude::*;

use super::*;

/// A redactor with all detectors, a field masked by name, and a list.
fn allowing(list: &str) -> Redactor {
    let config = Config { allow: list.to_owned(), ..config(&["secrets", "pii"], &[], &["pin"]) };
    Redactor::new(&config).unwrap()
}

const LIST: &str = "4111111111111111\n10.0.0.0/8\n2001:db8::/32\n\n/[^@]+@example\\.com/\n  test-token-1  ";

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(redact(&allowing(LIST), text), expected);
}

#[track_caller]
fn check_json(text: &str, expected: &str) {
    assert_eq!(redact_json(&allowing(LIST), text), expected);
}

#[test]
fn listed_values_are_shown() {
    check("card 4111111111111111.", "card 4111111111111111.");
    check("card 4111 1111 1111 1111, 4111-1111-1111-1111.", "card 4111 1111 1111 1111, 4111-1111-1111-1111.");
    check("card 5500005555555559.", "card <redacted:card>.");
    check("to ada@example.com, ada@example.org", "to ada@example.com, <redacted:email>");
    check("password=test-token-1 token=test-token-2", "password=test-token-1 token=<redacted:password>");
    check("from 10.9.8.7:80 and 11.9.8.7:80", "from 10.9.8.7:80 and <redacted:ipv4>:80");
    check("from 2001:db8::7:1 and 2001:db9::7:1", "from 2001:db8::7:1 and <redacted:ipv6>");
}

#[test]
fn a_value_is_named_as_a_whole() {
    check("password=test-token-12", "password=<redacted:password>");
    check("password=xtest-token-1", "password=<redacted:password>");
    check("to ada@example.com.evil.org", "to <redacted:email>");
    check("password=ada@example.com.secret", "password=<redacted:password>");
    let list = allowing("example.com");
    assert_eq!(redact(&list, "token=example.com.secret77"), "token=<redacted:password>");
    assert_eq!(redact(&list, "to ada@example.com"), "to <redacted:email>");
}

#[test]
fn listed_values_are_shown_in_encodings() {
    check("u=ada%40example.com&v=ada%40example.org", "u=ada%40example.com&v=<redacted:email>");
    check("data_b64=YWRhQGV4YW1wbGUuY29t", "data_b64=YWRhQGV4YW1wbGUuY29t");
    check("a1=61646140676D61696C2E636F6D", "a1=<redacted:email>");
    check("a1=616461406578616D706C652E636F6D", "a1=616461406578616D706C652E636F6D");
    check("data_b64=YWRhQGV4YW1wbGUub3Jn", "data_b64=<redacted:email>");
    // Two addresses, of which one is not allowed.
    check("data_b64=YWRhQGV4YW1wbGUuY29tIGFkYUBleGFtcGxlLm9yZw==", "data_b64=<redacted:email>");
    check("token=dGVzdC10b2tlbi0x", "token=dGVzdC10b2tlbi0x");
    check_json(r#"{"m":"to ada\u0040example.com"}"#, r#"{"m":"to ada\u0040example.com"}"#);
    check_json(r#"{"m":"{\"password\":\"test\u002dtoken-1\"}"}"#, r#"{"m":"{\"password\":\"test\u002dtoken-1\"}"}"#);
}

#[test]
fn other_masks_over_a_listed_value_stay() {
    let rules = [("whole", "order \\S+ .*"), ("short", "@example")];
    let config = Config { allow: LIST.to_owned(), ..config(&["pii"], &rules, &["pin"]) };
    let redactor = Redactor::new(&config).unwrap();
    assert_eq!(redact(&redactor, "order 4111111111111111 x"), "<redacted:whole>");
    assert_eq!(redact(&redactor, "to ada@example.com"), "to ada<redacted:short>.com");
}

#[test]
fn fields_and_own_rules_obey_the_list() {
    check_json(r#"{"pin":"test-token-1","n":1}"#, r#"{"pin":"test-token-1","n":1}"#);
    check_json(r#"{"pin":"test-token-2"}"#, r#"{"pin":"<redacted:field>"}"#);
    check_json(r#"{"pin":4111111111111111}"#, r#"{"pin":4111111111111111}"#);
    let rules = [("order", "field:order"), ("note", r"field:note ~ INV-\d+")];
    let config = Config { allow: "77\nINV-1".to_owned(), ..config(&["none"], &rules, &[]) };
    let redactor = Redactor::new(&config).unwrap();
    let shown = redact_json(&redactor, r#"{"order":"77","note":"INV-1 INV-2"}"#);
    assert_eq!(shown, r#"{"order":"77","note":"INV-1 <redacted:note>"}"#);
    assert_eq!(redactor.redact_field("order", "77"), "77");
    assert_eq!(redactor.redact_field("order", "78"), "<redacted:order>");
}

/// Goal: private keys and values that could not be searched are masked, whatever the list says.
#[test]
fn keys_and_withheld_values_cannot_be_listed() {
    let list = allowing("/-----BEGIN PRIVATE KEY-----.*/\n/MII.*/\n/x.*/");
    let key =
        "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7 -----END PRIVATE KEY-----";
    assert!(!redact(&list, key).contains("MII"), "{}", redact(&list, key));
    let list = allowing(r"/[\x00x]+.+/");
    assert_eq!(redact(&list, &"x\0".repeat(40)), "<redacted:undecodable>");
}

/// The names of the rules of allowed values in a line.
fn counted(redactor: &Redactor, text: &str, parsed: &Parsed) -> Vec<String> {
    let mut scratch = Scratch::default();
    let redacted =
        redactor.redact(text.as_bytes(), text.len(), parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    redacted.allowed().map(|rule| redactor.rules().nth(rule).unwrap().to_owned()).collect()
}

/// Goal: each shown value is counted once, although it is found as written, decoded and in its line.
#[test]
fn shown_values_are_counted_once() {
    let list = allowing(LIST);
    let plain = Parsed::default();
    assert_eq!(counted(&list, "to ada%40example.com, ada@example.com \\", &plain), ["email", "email"]);
    assert_eq!(counted(&list, "a\nto ada@example.com\n 10.1.1.1", &plain), ["email", "ipv4"]);
    assert_eq!(counted(&list, "data_b64=YWRhQGV4YW1wbGUuY29t", &plain), ["email"]);
    assert!(counted(&list, "to ada@example.org", &plain).is_empty());
    let config = Config { allow: LIST.to_owned(), ..config(&["pii"], &[("short", "@example")], &[]) };
    assert!(counted(&Redactor::new(&config).unwrap(), "to ada@example.com", &plain).is_empty(), "it is masked");
    let many = "10.1.1.1 ".repeat(20_000);
    assert!(counted(&list, &many, &plain).len() >= 4096);
}

#[test]
fn detectors_mask_nothing_in_exempt_fields() {
    let exempt = ["trace.id", "request_id"].map(str::to_owned).to_vec();
    let rules = [("own", "4444")];
    let base = config(&["secrets", "pii"], &rules, &["pin", "user.*"]);
    let redactor = Redactor::new(&Config { exempt_fields: exempt, ..base }).unwrap();
    let check = |text: &str, expected: &str| assert_eq!(redact_json(&redactor, text), expected);
    check(
        r#"{"trace":{"id":"ada@example.org"},"m":"ada@example.org"}"#,
        r#"{"trace":{"id":"ada@example.org"},"m":"<redacted:email>"}"#,
    );
    check(r#"{"request_id":{"a":"ada@example.org 10.1.1.1"}}"#, r#"{"request_id":{"a":"ada@example.org 10.1.1.1"}}"#);
    check(r#"{"request_id":"ada\u0040example.org"}"#, r#"{"request_id":"ada\u0040example.org"}"#);
    check(
        r#"{"Request_ID":4111111111111111,"n":4111111111111111}"#,
        r#"{"Request_ID":4111111111111111,"n":<redacted:card>}"#,
    );
    // Its name is not its value, and other rules stay.
    check(r#"{"request_id":"a 4444"}"#, r#"{"request_id":"a <redacted:own>"}"#);
    check(r#"{"user":{"request_id":"ada@example.org"}}"#, r#"{"user":{"request_id":"<redacted:field>"}}"#);
    check(r#"{"request_id":{"pin":"x"}}"#, r#"{"request_id":{"pin":"<redacted:field>"}}"#);
    assert!(
        redact_json(&redactor, r#"{"request_id":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQE"}"#)
            .contains("private_key")
    );
    // In a line without fields there is no field.
    assert_eq!(redact(&redactor, "request_id=ada@example.org"), "request_id=<redacted:email>");
    assert_eq!(redactor.redact_field("request_id", "ada@example.org"), "ada@example.org");
    let over_lines = "{\n\"request_id\":\"ada@example.org\",\n\"m\":\"ada@example.org\"}";
    let parsed = parse_lines(over_lines);
    let mut scratch = Scratch::default();
    let text = over_lines.as_bytes();
    let redacted = redactor.redact(text, text.len(), &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    let shown = output(&redacted, redacted.whole());
    assert_eq!(shown, over_lines.replace("\"m\":\"ada@example.org\"", "\"m\":\"<redacted:email>\""));
    assert_eq!(redacted.allowed().count(), 1);
}

/// Parses a JSON object over several lines, of which each member has its own.
fn parse_lines(json: &str) -> Parsed {
    // Blanks where the line ends are keep all positions.
    parse(&json.replace('\n', ""))
        .nodes
        .into_iter()
        .fold((Parsed::default(), 1_u32), |(mut parsed, line), node| {
            let shift = |at: TextRange| TextRange { start: at.start + line, end: at.end + line };
            let node = match node {
                Node::Value { key: Key::Text(key), at, kind } => {
                    Node::Value { key: Key::Text(shift(key)), at: shift(at), kind }
                }
                other => other,
            };
            parsed.nodes.push(node);
            (parsed, line + 1)
        })
        .0
}

#[track_caller]
fn check_mistake(list: &str, line: usize, advice: &str) {
    let config = Config { allow: list.to_owned(), ..config(&["secrets"], &[], &[]) };
    let errors = Redactor::new(&config).unwrap_err();
    let [Error::Allow { line: wrong, reason }] = &errors[..] else { panic!("{list:?}: {errors:?}") };
    assert_eq!(*wrong, line, "{list:?}");
    assert!(reason.contains(advice), "{list:?}: {reason}");
}

#[test]
fn entries_that_allow_everything_are_refused() {
    for pattern in [
        ".*",
        ".+",
        r"\S+",
        r"(?s).{8,}",
        ".{5,10}",
        "a*",
        "|x",
        "[a-z0-9]{32}",
        r"(?-u:\w){40}",
        "(?:x|.*)",
        "[^ ]{20}",
    ] {
        check_mistake(&format!("a\n\n/{pattern}/"), 3, "takes any value");
    }
    check_mistake("0.0.0.0/0", 1, "holds all addresses");
    check_mistake("::/0", 1, "holds all addresses");
    for sound in [
        r"req-[a-z0-9]{12}",
        r"\d{6}",
        "[0-9a-f-]{36}x",
        "(?i)ada",
        r".+@example\.com",
        "a)|(b".trim_end_matches(")|(b"),
    ] {
        let config = Config { allow: format!("/{sound}/"), ..config(&["secrets"], &[], &[]) };
        assert!(Redactor::new(&config).is_ok(), "{sound}");
    }
}

#[test]
fn wrong_entries_are_refused_with_advice() {
    check_mistake("@example.com", 1, r"/[^@]+@example\.com/");
    check_mistake("x\n*.example.com", 2, r"/.+\.example\.com/");
    check_mistake("10.1.0.0/8", 1, "10.0.0.0/8");
    check_mistake("10.0.0.0/33", 1, "from 1 to 32");
    check_mistake("4111111111111111,5500005555555559", 1, "each entry on its own line");
    check_mistake("10.0.0.0/8,192.168.0.0/16", 1, "each entry on its own line");
    check_mistake("\"test-token-1\"", 1, "has quotes");
    check_mistake("/(/", 1, "not a valid regular expression");
    check_mistake("/a)|(b/", 1, "not a valid regular expression");
    check_mistake("/(?<=x)y/", 1, "look-around");
    check_mistake("//", 1, "empty");
    check_mistake(r"/x\d{1,1000}\w{1,1000}/", 1, "compile to more than");
}

#[test]
fn fields_cannot_be_both_exempt_and_masked() {
    let of =
        |exempt: &str| Config { exempt_fields: vec![exempt.to_owned()], ..config(&["secrets"], &[], &["user.Token"]) };
    assert!(matches!(&Redactor::new(&of("User.token")).unwrap_err()[..], [Error::ExemptAndMasked { .. }]));
    assert!(matches!(&Redactor::new(&of("a..b")).unwrap_err()[..], [Error::ExemptField { .. }]));
    assert!(matches!(&Redactor::new(&of("*")).unwrap_err()[..], [Error::ExemptAll { .. }]));
    assert!(Redactor::new(&of("token")).is_ok());
}

/// Listed values in all the forms in which they are the same.
const SHOWN: [&str; 11] = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "ada@example.com",
    "ada%40example.com",
    r"ada\u0040example.com",
    "YWRhQGV4YW1wbGUuY29t",
    "10.20.30.40",
    "test-token-1",
    "dGVzdC10b2tlbi0x",
    "2001:db8::8a2e:370:7334",
    "example.com",
];

/// What stands around them, close by, and other secrets.
const AROUND: [&str; 24] = [
    " ",
    "=",
    ".",
    "@",
    ":",
    "\"",
    "\\",
    "%20",
    "password=",
    "token: ",
    "w",
    "7",
    "/",
    "&secret=",
    "_b64=",
    "-",
    "hunter2secret",
    "5500005555555559",
    "bob@example.org",
    "192.168.7.7",
    "://user:",
    "Authorization: Bearer ",
    "{\"api_key\":\"",
    "\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Goal: for any line, the list changes the output only inside values that it names.
    #[test]
    fn the_list_shows_nothing_but_its_values(
        parts in proptest::collection::vec((0..SHOWN.len(), 0..AROUND.len(), any::<bool>()), 1..9),
    ) {
        static LISTS: LazyLock<[Redactor; 2]> =
            LazyLock::new(|| ["", "4111111111111111\n10.0.0.0/8\n2001:db8::8a2e:370:7334\nada@example.com\ntest-token-1\nexample.com"].map(allowing));
        let text: String = parts
            .iter()
            .map(|(shown, around, is_shown)| if *is_shown { SHOWN[*shown] } else { AROUND[*around] })
            .collect();
        let hidden = LISTS.each_ref().map(|redactor| {
            let mut scratch = Scratch::default();
            let parsed = Parsed::default();
            let bytes = text.as_bytes();
            let redacted = redactor.redact(bytes, bytes.len(), &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
            let mut hidden = vec![false; bytes.len()];
            for mask in redacted.masked() {
                hidden[mask.at.indices()].fill(true);
            }
            hidden
        });
        let mut named = vec![false; text.len()];
        for shown in SHOWN {
            for (at, _) in text.match_indices(shown) {
                // Base64 may end with more padding than it needs.
                let padding = text[at + shown.len()..].bytes().take_while(|byte| *byte == b'=').count();
                named[at..at + shown.len() + padding].fill(true);
            }
        }
        for at in 0..text.len() {
            prop_assert!(hidden[0][at] || !hidden[1][at], "more is masked at {} of {:?}", at, text);
            prop_assert!(hidden[1][at] || !hidden[0][at] || named[at], "shown at {} of {:?}", at, text);
        }
    }
}
