//! Properties of every text: no planted secret is output, and the prefilter misses nothing.

use proptest::prelude::*;

use super::meeting::meeting;
use super::*;

/// Secrets of which no part may be visible, with text before and after.
const PLANTED: [(&str, &str, &str); 9] = [
    ("", "qzada.lovelace@qzexample.com", ""),
    ("", "4111 1111 1111 1111", ""),
    ("password=", "qzhunter2", ""),
    ("Authorization: Bearer ", "qz00ff00ff00ff", ""),
    ("", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.qzdBjftJeZ4CVP", ""),
    ("", "AKIAIOSFODNN7EXAMPLE", ""),
    ("-----BEGIN PRIVATE KEY-----", "\nqzMIIEvQ\nqzIBADAN\n", "-----END PRIVATE KEY-----"),
    ("mysql://app:", "qzs3cr3t", "@db/x"),
    ("{\"api_key\":\"", "qz\\\"abc", "\"}"),
];

/// Text around them; each begins and ends so that it does not join with a planted secret.
const FILL: [&str; 13] = [
    " ",
    " é😀 ",
    "\t\"",
    "' ",
    " \\ ",
    " 12 ",
    " \u{1} ",
    " {\"a\":1} ",
    " <b> ",
    "\" , ",
    "\n",
    "\r\n\tat ",
    " \n\n  12\n ",
];

/// The detectors' positive and negative examples, and the planted secrets, each as one line.
static EXAMPLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let hits = detectors().flat_map(|detector| detector.positives.iter().map(|(text, _)| (*text).to_owned()));
    let misses = detectors().flat_map(|detector| detector.negatives.iter().map(|text| (*text).to_owned()));
    let planted = PLANTED.iter().map(|(before, secret, after)| format!("{before}{secret}{after}"));
    hits.chain(misses).chain(planted).map(|text| text.replace('\n', r"\n")).collect()
});

/// Custom rules of every kind: with and without letters, across lines.
const RULES: [(&str, &str); 5] =
    [("word", r"q\w+z"), ("start", "^ ?x"), ("end", r"\d$"), ("cross", r"a[^b]+b"), ("ascii", r"(?-u)\b12\b")];

fn planted() -> impl Strategy<Value = (String, Vec<&'static str>)> {
    proptest::collection::vec((0..PLANTED.len(), 0..FILL.len()), 1..5).prop_map(|parts| {
        let mut text = String::from(" ");
        let mut secrets = Vec::new();
        for (secret, fill) in parts {
            let (before, secret, after) = PLANTED[secret];
            text.extend([before, secret, after, FILL[fill]]);
            text.push(' ');
            secrets.push(secret);
        }
        (text, secrets)
    })
}

/// A JSON string of `text`; the characters that `escaped` selects are written `\uXXXX`.
fn json_string(text: &str, escaped: &[bool]) -> String {
    let mut json = String::from("\"");
    for (character, escaped) in text.chars().zip(escaped.iter().cycle()) {
        if *escaped {
            let mut units = [0; 2];
            json.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            let quoted = serde_json::to_string(&character.to_string()).unwrap();
            json.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    json + "\""
}

/// Redactors of every mode, made once.
static MODES: LazyLock<Vec<Redactor>> = LazyLock::new(|| {
    let key = TokenKey::new("0123456789abcdef0123456789abcdef", Some("k1")).unwrap();
    let of = |mode| Config { mode, key: Some(key.clone()), ..config(&["secrets", "pii"], &[], &["pin"]) };
    Action::ALL.map(of).iter().map(|config| Redactor::new(config).unwrap()).collect()
});

/// Goal: a quote after a backslash that is written `\u005c` belongs to the value, and the value stays masked.
#[test]
fn a_backslash_may_be_escaped() {
    let json = r#"{"a":" \u007b\"api_key\":\"qz\u005c\"abc\u0022}  ","n":1}"#;
    for redactor in MODES.iter().filter(|redactor| !redactor.modes().contains(&Action::Remove)) {
        let clean = redact_json(redactor, json);
        assert!(!clean.contains("qz") && !clean.contains("abc"), "{clean}");
        assert_eq!(redact_json(redactor, &clean), clean);
    }
}

/// A text in which the characters that `chosen` selects are percent-encoded.
fn with_percent(text: &str, chosen: &[bool]) -> String {
    let encode = |(character, chosen): (char, &bool)| match (chosen, character.is_ascii()) {
        (true, true) => format!("%{:02x}", u32::from(character)),
        _ => character.to_string(),
    };
    text.chars().zip(chosen.iter().cycle()).map(encode).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn planted_secrets_are_hidden_in_every_mode_and_redaction_is_idempotent(
        (text, secrets) in planted(),
        chosen in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        for (redactor, mode) in MODES.iter().zip(Action::ALL) {
            let clean = redact(redactor, &text);
            for secret in &secrets {
                prop_assert!(!clean.contains(secret), "{} left: {}", secret, clean);
            }
            prop_assert!(!clean.contains("qz"), "a part left: {}", clean);
            // After a removal, its neighbours become adjacent.
            if mode != Action::Remove {
                prop_assert_eq!(redact(redactor, &clean), clean.as_str(), "twice, {:?}", mode);
            }
            let json = format!("{{\"a\":{},\"n\":1}}", json_string(&text, &chosen));
            let clean = redact_json(redactor, &json);
            prop_assert!(mode == Action::Remove || redact_json(redactor, &clean) == clean, "twice, {:?}: {}", mode, clean);
        }
    }

    #[test]
    fn percent_encoded_planted_secrets_are_hidden(
        (text, secrets) in planted(),
        chosen in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        let clean = redact(&MODES[0], &with_percent(&text, &chosen));
        let mut decoded = Decoded::default();
        let whole = TextRange::new(0, clean.len());
        prop_assert!(decoded.decode(clean.as_bytes(), whole, decode::Reading::Normal).is_ok());
        let clean = String::from_utf8_lossy(decoded.bytes());
        for secret in &secrets {
            prop_assert!(!clean.contains(secret), "{} left: {}", secret, clean);
        }
    }

    #[test]
    fn chunks_do_not_matter(texts in proptest::collection::vec(meeting(), 1..8), breaks in proptest::collection::vec(any::<bool>(), 8)) {
        let redactor = &MODES[0];
        let texts: Vec<Vec<u8>> =
            texts.into_iter().map(|text| text.into_iter().filter(|byte| *byte != b'\n').collect()).collect();
        let (parsed, mut scratch, mut hits) = (Parsed::default(), Scratch::default(), Hits::default());
        let (mut chunk, mut lines) = (Vec::new(), Vec::new());
        for (number, text) in texts.iter().enumerate() {
            lines.push((chunk.len(), text));
            chunk.extend_from_slice(text);
            chunk.push(b'\n');
            if !breaks[number] && number + 1 < texts.len() {
                continue;
            }
            redactor.scan(&chunk, &mut hits);
            for (start, text) in lines.drain(..) {
                let mut left = |found| {
                    let line = redactor.redact(text, text.len(), &parsed, found, &mut PemState::default(), &mut scratch);
                    let piece = |piece| match piece {
                        Piece::Text(text) => text.to_vec(),
                        Piece::Mask(label) => label.as_bytes().to_vec(),
                    };
                    line.pieces(line.whole()).flat_map(piece).collect::<Vec<u8>>()
                };
                prop_assert_eq!(left(hits.of(start, start + text.len() + 1)), left(TextHits::ALL));
            }
            chunk.clear();
        }
    }
}

proptest! {
    #[test]
    fn planted_secrets_are_hidden_in_text((text, secrets) in planted()) {
        let redactor = all_on();
        let clean = redact(redactor, &text);
        for secret in secrets {
            prop_assert!(!clean.contains(secret), "{} left: {}", secret, clean);
        }
        prop_assert!(!clean.contains("qz"), "a part left: {}", clean);
    }

    #[test]
    fn planted_secrets_are_hidden_in_json(
        (text, secrets) in planted(),
        (other, _) in planted(),
        escaped in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        let redactor = all_on();
        let json = format!(
            "{{\"n\":1,\"a\":{},{}:[{{\"m\":4111111111111111}},\"x\"],\"z\":{}}}",
            json_string(&text, &escaped), json_string(&other, &escaped), json_string(&other, &[false]),
        );
        let clean = redact_json(redactor, &json);
        let mut line = String::new();
        // As a reader sees it: with all escapes decoded.
        let mut rest = clean.as_str();
        while let Some(at) = rest.find("\\u") {
            line.push_str(&rest[..at]);
            let unit = u16::from_str_radix(&rest[at + 2..at + 6], 16).unwrap();
            line.extend(char::decode_utf16([unit]).map(|unit| unit.unwrap_or('?')));
            rest = &rest[at + 6..];
        }
        line.push_str(rest);
        for secret in secrets {
            prop_assert!(!line.contains(secret), "{} left: {}", secret, line);
        }
        prop_assert!(!line.contains("qz"), "a part left: {}", line);
        prop_assert!(!line.contains("4111111111111111"), "a number left: {}", line);
    }

    #[test]
    fn prefilter_selects_every_matching_line(
        parts in proptest::collection::vec((0..EXAMPLES.len(), 0..300_usize, 0..FILL.len(), any::<String>()), 0..6),
        lines in 1..4_usize,
    ) {
        static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| redactor(&["secrets", "pii"], &RULES, &[]));
        let redactor = &*REDACTOR;
        let mut texts = vec![String::new(); lines];
        for (number, (secret, cut, fill, noise)) in parts.into_iter().enumerate() {
            let whole = &EXAMPLES[secret];
            let cut = (0..=cut.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
            let text = &mut texts[number % lines];
            text.extend([&whole[..cut], FILL[fill], &noise.replace('\n', " ")]);
        }
        let chunk: String = texts.iter().flat_map(|text| [text.as_str(), "\n"]).collect();
        let (mut hits, parsed, mut scratch) = (Hits::default(), Parsed::default(), Scratch::default());
        redactor.scan(chunk.as_bytes(), &mut hits);
        let mut at = 0;
        for text in &texts {
            let found = hits.of(at, at + text.len() + 1);
            let mut left = |found| {
                let line = redactor.redact(text.as_bytes(), text.len(), &parsed, found, &mut PemState::default(), &mut scratch);
                output(&line, line.whole())
            };
            prop_assert_eq!(left(found), left(TextHits::ALL));
            assert_named(redactor, text, found.is_hit());
            at += text.len() + 1;
        }
    }

    #[test]
    fn any_bytes_are_accepted(text in proptest::collection::vec(any::<u8>(), 0..200), keep in 0..250_usize, ends in any::<(u8, u8)>()) {
        static REDACTOR: LazyLock<Redactor> =
            LazyLock::new(|| redactor(&["secrets", "pii"], &[("own", r"(?-u)[\x80-\xff]|a")], &["a"]));
        let redactor = &*REDACTOR;
        let at = TextRange::new(usize::from(ends.0).min(text.len()), usize::from(ends.0.max(ends.1)).min(text.len()));
        let mut parsed = Parsed::default();
        parsed.nodes.push(Node::Value { key: Key::None, at, kind: Kind::Escaped });
        let mut scratch = Scratch::default();
        let redacted = redactor.redact(&text, keep, &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
        for piece in redacted.pieces(redacted.whole()) {
            if let Piece::Text(piece) = piece {
                prop_assert!(piece.iter().all(|byte| byte.is_ascii() && *byte != b'a'));
            }
        }
    }
}

/// The examples of all detectors, one line each.
pub(super) fn example_lines() -> &'static [String] {
    &EXAMPLES
}
