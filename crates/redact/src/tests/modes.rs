//! The replacements of matches, and which of several rules determines them.

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// All detectors with one mode, except the named ones.
fn with(mode: Action, by_name: &[(&str, Action)], rules: &[(&str, &str)]) -> Redactor {
    let modes = by_name.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect();
    let key = Some(TokenKey::new(SECRET, Some("k1")).unwrap());
    let base = config(&["secrets", "pii"], rules, &["pin"]);
    Redactor::new(&Config { mode, modes, key, ..base }).unwrap()
}

fn line<'t>(redactor: &'t Redactor, text: &'t str, parsed: &'t Parsed, scratch: &'t mut Scratch) -> Redacted<'t> {
    redactor.redact(text.as_bytes(), text.len(), parsed, TextHits::ALL, &mut PemState::default(), scratch)
}

/// Each mask's rule, mode and range.
fn applied(redactor: &Redactor, text: &str) -> Vec<(String, &'static str, std::ops::Range<usize>)> {
    let names: Vec<&str> = redactor.rules().collect();
    let (parsed, mut scratch) = (parse(text), Scratch::default());
    let redacted = line(redactor, text, &parsed, &mut scratch);
    redacted.masked().map(|mask| (names[mask.rule].to_owned(), mask.mode.name(), mask.at.indices())).collect()
}

#[test]
fn each_mode_has_its_replacement() {
    let text = "to ada@example.org, card 4111 1111 1111 1111, password=hunter2hunter2";
    let left = |mode| redact(&with(mode, &[], &[]), text);
    assert_eq!(left(Action::Mask), "to <redacted:email>, card <redacted:card>, password=<redacted:password>");
    assert_eq!(left(Action::Remove), "to , card , password=");
    assert_eq!(
        left(Action::Partial),
        "to <redacted:email:.org>, card <redacted:card:1111>, password=<redacted:password>"
    );
    let tokens = left(Action::Token);
    assert!(tokens.starts_with("to <redacted:email:k1:xt5gvjlef5x7ucrv>, card <redacted:card:k1:"), "{tokens}");
    assert_eq!(left(Action::Drop), left(Action::Mask), "dropped text is masked");
}

#[test]
fn modes_go_by_name_before_group_before_all() {
    let modes = [("pii", Action::Token), ("card", Action::Remove), ("own", Action::Partial), ("field", Action::Drop)];
    let redactor = with(Action::Mask, &modes, &[("own", r"own-\w+")]);
    let modes: Vec<_> = redactor.rules().zip(redactor.modes()).collect();
    for expected in [
        ("password", &Action::Mask),
        ("email", &Action::Token),
        ("card", &Action::Remove),
        ("own", &Action::Partial),
        ("field", &Action::Drop),
        ("undecodable", &Action::Token),
    ] {
        assert!(modes.contains(&expected), "{expected:?} is not in {modes:?}");
    }
    let usual: Vec<_> =
        redactor.counters().filter(|(_, _, usual)| *usual).map(|(rule, mode, _)| (rule, mode)).collect();
    assert_eq!(usual, modes.iter().map(|(rule, mode)| (*rule, **mode)).collect::<Vec<_>>());
}

#[test]
fn a_value_has_one_token_in_every_encoding() {
    let redactor = with(Action::Token, &[], &[("whole", r"x=(.*)y")]);
    let token = "<redacted:email:k1:xt5gvjlef5x7ucrv>";
    assert_eq!(redact(&redactor, "ada@example.org"), token);
    assert_eq!(redact(&redactor, "mail=ada%40example.org&"), format!("mail={token}&"));
    assert_eq!(redact_json(&redactor, r#"{"a":"x \u0061da\u0040example.org"}"#), format!(r#"{{"a":"x {token}"}}"#));
    assert_eq!(redact_json(&redactor, r#"{"ada@example.org":1}"#), format!(r#"{{"{token}":1}}"#));
    assert_eq!(redactor.redact_text("/var/ada@example.org"), format!("/var/{token}"));
    let card = redact_json(&redactor, r#"{"n":4111111111111111}"#);
    assert_eq!(card, redact(&redactor, r#"{"n":4111111111111111}"#), "a number");
    assert!(card.starts_with(r#"{"n":<redacted:card:k1:"#), "{card}");
    assert_ne!(redact(&redactor, "ada@example.org"), redact(&redactor, "ada@example.com"));
}

#[test]
fn the_longest_match_determines_the_mode_of_a_union_except_for_drop() {
    let text = "{\"m\":\"mail ada@example.org done\"}";
    let longer = [("long", "mail.*done")];
    let named = |mode, long| applied(&with(mode, &[("long", long)], &longer), text);
    assert_eq!(named(Action::Mask, Action::Remove), [("long".to_owned(), "remove", 6..31)]);
    assert_eq!(named(Action::Drop, Action::Remove), [("long".to_owned(), "drop", 6..31)]);
    assert_eq!(named(Action::Mask, Action::Token), [("long".to_owned(), "token", 6..31)]);
    // The end of the longer match might be the whole of the shorter one.
    assert_eq!(named(Action::Mask, Action::Partial), [("long".to_owned(), "mask", 6..31)]);
    let end = [("end", "example.org$")];
    let partial = with(Action::Partial, &[("end", Action::Mask)], &end);
    assert_eq!(redact(&partial, "ada@example.org"), "<redacted:email>");
    let both = with(Action::Partial, &[], &[("same", r"ada@\S+")]);
    assert_eq!(redact(&both, "ada@example.org"), "<redacted:email:.org>", "the same stretch");
}

#[test]
fn a_record_is_dropped_only_for_a_match_in_its_output() {
    let redactor = with(Action::Mask, &[("email", Action::Drop)], &[]);
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let text = "password=x by ada@example.org";
    let mut dropped = |keep: usize| {
        redactor
            .redact(text.as_bytes(), keep, &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch)
            .is_dropped()
    };
    assert!(dropped(text.len()) && dropped(15), "a part of it would be output");
    assert!(!dropped(14), "it lies after the cut");
    assert_eq!(redactor.redact_text("ada@example.org"), "<redacted:email>", "there is no record");
}

#[test]
fn removed_values_leave_json_and_names_stay_names() {
    let redactor = with(Action::Remove, &[], &[]);
    for (json, expected) in [
        (r#"{"m":"ada@example.org","n":4111111111111111}"#, r#"{"m":"","n":}"#),
        (r#"{"m":"by \u0061da@example.org!"}"#, r#"{"m":"by !"}"#),
        (r#"{"ada@example.org":{"pin":true}}"#, r#"{"<redacted:email>":{"pin":}}"#),
    ] {
        assert_eq!(redact_json(&redactor, json), expected);
    }
    assert_eq!(redactor.redact_text("ada@example.org"), "<redacted:email>", "something stands there");
}

#[test]
fn the_end_of_a_match_after_the_cut_is_not_shown() {
    let redactor = with(Action::Partial, &[], &[]);
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let text = "4111111111111111";
    for keep in 1..=text.len() {
        let redacted =
            redactor.redact(text.as_bytes(), keep, &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
        let expected = if keep == text.len() { "<redacted:card:1111>" } else { "<redacted:card>" };
        assert_eq!(output(&redacted, redacted.whole()), expected, "cut at {keep}");
    }
}

#[test]
fn undecodable_values_become_tokens_if_there_is_a_key() {
    let redactor = with(Action::Mask, &[], &[]);
    let text = r#"{"m":"a\q b"}"#;
    let parsed = parse(text);
    let mut scratch = Scratch::default();
    let redacted = line(&redactor, text, &parsed, &mut scratch);
    let left = output(&redacted, redacted.whole());
    assert!(left.starts_with(r#"{"m":"<redacted:undecodable:k1:"#) && left.ends_with(r#">"}"#), "{left}");
}

#[test]
fn redacted_text_stays_unchanged_in_every_mode() {
    let text = concat!(
        r#"{"to":"ada@example.org","card":4111111111111111,"pin":"x","password":"hunter2","n":"token=\"abc\" "#,
        r#"Authorization: Bearer abc123def, postgres://u:pw@h/x, <password>x</password>"}"#
    );
    for mode in Action::ALL {
        let redactor = with(mode, &[], &[]);
        let once = redact_json(&redactor, text);
        // A mask in the place of a number becomes a string in a record.
        let once = once.replace(":<redacted:card", ":\"<redacted:card").replace(">,\"pin", ">\",\"pin");
        let once = once.replace("\"card\":,", "\"card\":\"\",");
        assert_eq!(redact_json(&redactor, &once), once, "{mode:?}");
        assert!(mode == Action::Remove || applied(&redactor, &once).is_empty(), "{mode:?}");
    }
}

#[test]
fn fields_by_path_are_rules_too() {
    let rules = [
        ("who", "field:user.*.name, by"),
        ("digits", r"field:order ~ \d+"),
        ("all", "field:note ~ ^.*secret.*$"),
        ("odd", "(?:field:)x"),
    ];
    let redactor = redactor(&[], &rules, &[]);
    for (json, expected) in [
        (
            r#"{"user":{"a":{"name":"Ada"}},"by":7,"name":"x"}"#,
            r#"{"user":{"a":{"name":"<redacted:who>"}},"by":<redacted:who>,"name":"x"}"#,
        ),
        (r#"{"order":"no 12-34","x":"no 12"}"#, r#"{"order":"no <redacted:digits>-<redacted:digits>","x":"no 12"}"#),
        (r#"{"order":1234}"#, r#"{"order":<redacted:digits>}"#),
        (r#"{"order":"no \u0031\u0032"}"#, r#"{"order":"no <redacted:digits>"}"#),
        (r#"{"note":"a s\u0065cret b","m":"secret"}"#, r#"{"note":"<redacted:all>","m":"secret"}"#),
        (r#"{"m":"field:x"}"#, r#"{"m":"<redacted:odd>"}"#),
    ] {
        assert_eq!(redact_json(&redactor, json), expected);
    }
}

#[test]
fn encoded_values_are_decoded() {
    let redactor = redactor(&["secrets", "pii"], &[("order", "order-[0-9]+")], &[]);
    for (text, expected) in [
        ("q=%6Frder%2D12&x", "q=<redacted:order>&x"),
        ("q=%61%64a%40ex%61mple.org", "q=<redacted:email>"),
        ("100%20of%zz", "100%20of%zz"),
        // ada@example.org:x, order-12345 by, hunter2hunter2
        ("Basic YWRhQGV4YW1wbGUub3JnOng=", "Basic <redacted:basic_auth>"),
        ("body_b64=b3JkZXItMTIzNDUgYnk= x", "body_b64=<redacted:order> x"),
        (r#"{"payload.base64": "b3JkZXItMTIzNDUgYnk"}"#, r#"{"payload.base64": "<redacted:order>"}"#),
        ("password_b64=aHVudGVyMmh1bnRlcjI= x", "password_b64=<redacted:password> x"),
        ("cookie: b3JkZXItMTIzNDUgYnk=", "cookie: <redacted:order>"),
        (
            r#"{"kind":"Secret","metadata":{"name":"db-creds"},"data":{"user":"cm9vdA==","url":"aHVudGVyMg=="}}"#,
            r#"{"kind":"Secret","metadata":{"name":"db-creds"},"data":{"user":"<redacted:password>","url":"<redacted:password>"}}"#,
        ),
        // mysql -uapp -phunter2 shop, curl -u ada:hunter2 x, PGPASSWORD=hunter2 psql, hunt er2
        (
            "type=PROCTITLE msg=audit(1.2:3): proctitle=6D7973716C002D75617070002D7068756E746572320073686F70",
            "type=PROCTITLE msg=audit(1.2:3): proctitle=<redacted:command_password>",
        ),
        ("op=x cmd=6375726C202D75206164613A68756E746572322078 res=1", "op=x cmd=<redacted:command_password> res=1"),
        (
            r#"a0="sh" a1="-c" a2=504750415353574F52443D68756E74657232207073716C"#,
            r#"a0="sh" a1="-c" a2=<redacted:password>"#,
        ),
        (
            r#"a0="sshpass" a1="-p" a2=68756E7420657232 a3="ssh""#,
            r#"a0="sshpass" a1="-p" a2=<redacted:command_password> a3="ssh""#,
        ),
        // Words, hashes, pictures and harmless commands: nginx -g daemon off;
        (
            "proctitle=2F7573722F7362696E2F6E67696E78002D67006461656D6F6E206F66663B",
            "proctitle=2F7573722F7362696E2F6E67696E78002D67006461656D6F6E206F66663B",
        ),
        ("syscall=59 a0=AB12CD34 a1=FFFFFFFF9C", "syscall=59 a0=AB12CD34 a1=FFFFFFFF9C"),
        ("body_b64=b3JkZXIgd2l0aG91dCBudW1iZXI= x", "body_b64=b3JkZXIgd2l0aG91dCBudW1iZXI= x"),
        ("key=9fceb02d0ae598e95dc970b74767f193", "key=9fceb02d0ae598e95dc970b74767f193"),
        (r#"{"kind":"Pod","data":{"user":"cm9vdA=="}}"#, r#"{"kind":"Pod","data":{"user":"cm9vdA=="}}"#),
    ] {
        assert_eq!(redact(&redactor, text), expected);
    }
    assert_eq!(
        redact_json(&redactor, r#"{"m":"q=%6Frder\u00252D12&x","b":"x_b64=b3JkZXItMTIz\u004EDUgYnk="}"#),
        r#"{"m":"q=<redacted:order>&x","b":"x_b64=<redacted:order>"}"#
    );
}

#[test]
fn fields_are_found_by_name_in_broken_json() {
    let rules = [("part", r"field:a.note ~ \d+")];
    let redactor = redactor(&[], &rules, &["pin", "user.*.key"]);
    for (text, expected) in [
        (r#"{"pin":"12 34","n":"#, r#"{"pin":"<redacted:field>","n":"#),
        (r#"{"p\u0069n":"12 34","key":7,"n":"#, r#"{"p\u0069n":"<redacted:field>","key":<redacted:field>,"n":"#),
        (r#"{"note":"no 12","n":"#, r#"{"note":"<redacted:part>","n":"#),
        ("the pin: 12", "the pin: 12"),
    ] {
        assert_eq!(redact(&redactor, text), expected);
    }
}
