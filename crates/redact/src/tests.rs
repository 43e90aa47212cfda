//! The crate as a whole: the detectors' examples, and properties of every text.

mod allow;
mod detectors;
mod figures;
mod forms;
mod grammar;
mod json;
mod meeting;
mod modes;
mod named;
mod not_secret;
mod properties;
mod readings;
mod records;
mod selections;

use std::sync::{Arc, LazyLock};

use self::json::parse;
use super::*;
use event::{Key, Kind};

fn config(select: &[&str], rules: &[(&str, &str)], fields: &[&str]) -> Config {
    let own = |text: &&str| (*text).to_owned();
    Config {
        select: select.iter().map(own).collect(),
        rules: rules.iter().map(|(name, pattern)| (own(name), own(pattern))).collect(),
        fields: fields.iter().map(own).collect(),
        ..Config::default()
    }
}

fn redactor(select: &[&str], rules: &[(&str, &str)], fields: &[&str]) -> Redactor {
    Redactor::new(&config(select, rules, fields)).unwrap()
}

/// A redactor with all detectors.
fn all_on() -> &'static Redactor {
    static ALL: LazyLock<Redactor> = LazyLock::new(|| redactor(&["secrets", "pii"], &[], &[]));
    &ALL
}

/// The output for a redacted line.
fn output(redacted: &Redacted<'_>, at: TextRange) -> String {
    let mut shown = Vec::new();
    for piece in redacted.pieces(at) {
        match piece {
            Piece::Text(text) => shown.extend_from_slice(text),
            Piece::Mask(label) => shown.extend_from_slice(label.as_bytes()),
        }
    }
    String::from_utf8(shown).unwrap()
}

/// The output for a line without fields, with the prefilter; it must equal the output if every rule runs.
#[track_caller]
fn redact(redactor: &Redactor, text: &str) -> String {
    let parsed = Parsed::default();
    let mut scratch = Scratch::default();
    let mut hits = Hits::default();
    let chunk = format!("x\n{text}\ny\n");
    redactor.scan(chunk.as_bytes(), &mut hits);
    let found = hits.of(2, chunk.len() - 2);
    assert_named(redactor, text, found.is_hit());
    let as_scanned =
        redactor.redact(text.as_bytes(), text.len(), &parsed, found, &mut PemState::default(), &mut scratch);
    let as_scanned = output(&as_scanned, as_scanned.whole());
    let in_full =
        redactor.redact(text.as_bytes(), text.len(), &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    assert_eq!(as_scanned, output(&in_full, in_full.whole()), "the prefilter missed {text:?}");
    as_scanned
}

/// What the prefilter finds in a text that stands alone.
fn scanned(redactor: &Redactor, text: &[u8]) -> Hits {
    let mut hits = Hits::default();
    redactor.scan(text, &mut hits);
    hits
}

/// Whether the prefilter selects a line that stands alone.
fn is_hit(redactor: &Redactor, line: &[u8]) -> bool {
    scanned(redactor, line).of(0, line.len()).is_hit()
}

/// Redacts unparsed lines of one file, in order.
fn in_turn(redactor: &Redactor, mut pem_state: PemState) -> impl FnMut(&str) -> String {
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    move |line| {
        let hits = scanned(redactor, line.as_bytes());
        let found = hits.of(0, line.len());
        let redacted = redactor.redact(line.as_bytes(), line.len(), &parsed, found, &mut pem_state, &mut scratch);
        output(&redacted, redacted.whole())
    }
}

/// Runs every pattern on a line, and checks that the prefilter selects all that match.
#[track_caller]
fn assert_named(redactor: &Redactor, text: &str, prefilter_hit: bool) {
    let (bytes, which) = (text.as_bytes(), redactor.stage.which(text.as_bytes(), TextHits::ALL));
    let mut masks = Masks::default();
    for (number, place) in redactor.forms.iter().enumerate() {
        let Some(rule::Place { rule, form }) = *place else { continue };
        masks.clear(bytes.len(), redactor.budget());
        let budget = validators::Budget::new(bytes.len());
        let (text_bytes, form) = (validators::Text::new(bytes, &budget), &redactor.rules[rule].forms[form]);
        form.mark(text_bytes, redactor.by(rule), redactor.budget(), &mut |at, by| masks.add(at, by));
        let named = prefilter_hit && which.may_match(number) && is_hit(redactor, bytes);
        assert!(named || masks.is_empty(), "the prefilter misses {} in {text:?}", form.searched());
    }
}

/// The output for a JSON line, whose strings must stay strings.
#[track_caller]
fn redact_json(redactor: &Redactor, json: &str) -> String {
    serde_json::from_str::<&serde_json::value::RawValue>(json).expect("the test's own line is JSON");
    let parsed = parse(json);
    let mut scratch = Scratch::default();
    let hits = scanned(redactor, json.as_bytes());
    let found = hits.of(0, json.len());
    let redacted = redactor.redact(json.as_bytes(), json.len(), &parsed, found, &mut PemState::default(), &mut scratch);
    for node in &parsed.nodes {
        let (key, value) = match *node {
            Node::Value { key, at, kind: Kind::Escaped } => (key, Some(at)),
            Node::Value { key, .. } | Node::Object { key } | Node::Array { key } => (key, None),
            Node::End => continue,
        };
        let key = if let Key::Text(at) = key { Some(at) } else { None };
        for at in [key, value].into_iter().flatten() {
            for piece in redacted.pieces(at) {
                if let Piece::Text(text) = piece {
                    let text = format!("\"{}\"", std::str::from_utf8(text).expect("pieces are whole characters"));
                    serde_json::from_str::<&serde_json::value::RawValue>(&text).expect("pieces are whole escapes");
                }
            }
        }
    }
    output(&redacted, redacted.whole())
}

#[test]
fn the_longest_match_names_a_union() {
    let own = redactor(&["email"], &[("short", "example"), ("tail", r"org\W.*"), ("all", "(?s)mail .*")], &[]);
    assert_eq!(redact(&own, "an example"), "an <redacted:short>");
    assert_eq!(redact(&own, "to ada@example.org done"), "to <redacted:email>");
    assert_eq!(redact(&own, "mail ada@example.org done, all of it"), "<redacted:all>");
    // Equal matches: a field's name takes precedence.
    let field = redactor(&["password"], &[], &["password"]);
    assert_eq!(redact_json(&field, r#"{"password":"x"}"#), r#"{"password":"<redacted:field>"}"#);
}

#[test]
fn custom_rules_mask_their_group() {
    let own = |pattern: &str, text: &str| redact(&redactor(&[], &[("own", pattern)], &[]), text);
    assert_eq!(own(r"id=\d+", "a id=12 b"), "a <redacted:own> b");
    assert_eq!(own(r"id=(\d+)", "a id=12 b"), "a id=<redacted:own> b");
    assert_eq!(own(r"(id)=(?P<secret>\d+)", "a id=12 b"), "a id=<redacted:own> b");
    assert_eq!(own(r"(?:a(1)|b(2)|c)=x", "b2=x c=x"), "b<redacted:own>=x <redacted:own>");
    assert_eq!(own(r"k=(\d*)", "k= k=1"), "<redacted:own> k=<redacted:own>", "an empty group hides nothing");
    // Anchored to the line, which a match in a chunk of lines does not show.
    assert_eq!(own(r"^\d+", "12 34"), "<redacted:own> 34");
    assert_eq!(own(r"\A\d+|\d+\z", "12 34 56"), "<redacted:own> 34 <redacted:own>");
    assert_eq!(own(r"\bgrün\b", "so grün!"), "so <redacted:own>!");
    assert_eq!(own(r"(?i)straße", "STRAßE"), "<redacted:own>");
    // Masks never split a character.
    assert_eq!(own(r"(?-u)\xa9", "zoé!"), "zo<redacted:own>!");
}

/// Goal: rules whose groups have the same name are searched together.
#[test]
fn rules_with_groups_of_one_name_are_joined() {
    let redactor = redactor(&[], &[("one", r"a=(?<secret>\d+)"), ("two", r"\(b=(?<secret>\d+)")], &[]);
    assert!(!is_hit(&redactor, b"nothing here"));
    assert_eq!(redact(&redactor, "a=1 (b=2"), "a=<redacted:one> (b=<redacted:two>");
}

#[test]
fn prefilter_separates_lines() {
    let redactor = redactor(&["email"], &[("own", r"BEGIN(?s:.)*?END"), ("other", "zz")], &[]);
    let mut hits = Hits::default();
    let lines = ["plain", "a@example.org", "plain", "BEGIN", "middle", "a END b", "plain", "zz", "no end a@b.io"];
    let chunk = lines.join("\n");
    redactor.scan(chunk.as_bytes(), &mut hits);
    let mut at = 0;
    let prefilter_hit = lines.map(|line| {
        let start = at;
        at += line.len() + 1;
        hits.of(start, at).is_hit()
    });
    // A pattern of several lines hits the line in which a match begins.
    assert_eq!(prefilter_hit, [false, true, false, true, false, false, false, true, true]);
}

#[test]
fn escaped_values_are_searched_decoded() {
    let redactor = redactor(&["secrets", "pii"], &[("umlaut", "é|\u{1f600}")], &[]);
    for (json, expected) in [
        (r#"{"m":"ada\u0040example.com!"}"#, r#"{"m":"<redacted:email>!"}"#),
        (r#"{"m":"\u0061da@example.c\u006fm\n"}"#, r#"{"m":"<redacted:email>\n"}"#),
        (r#"{"m":"a \"quoted\" ada@example.com\\"}"#, r#"{"m":"a \"quoted\" <redacted:email>\\"}"#),
        (r#"{"ada\u0040example.com":1}"#, r#"{"<redacted:email>":1}"#),
        (r#"{"ada\u0040example.com":{"x":[1]}}"#, r#"{"<redacted:email>":{"x":[1]}}"#),
        (r#"{"m":"p\u0061ssword=a\u0062c d"}"#, r#"{"m":"p\u0061ssword=<redacted:password> d"}"#),
        (r#"{"m":"\u0034111-1111\u002d1111-1111"}"#, r#"{"m":"<redacted:card>"}"#),
        (r#"{"m":"x\ud83d\ude00\u00e9y"}"#, r#"{"m":"x<redacted:umlaut><redacted:umlaut>y"}"#),
        (r#"{"m":"\ud83d cut","n":"ok\/"}"#, r#"{"m":"\ud83d cut","n":"ok\/"}"#),
        (r#"{"m":"{\"password\":\"a\\\"b\"}","n":"\t"}"#, r#"{"m":"{\"password\":\"<redacted:password>\"}","n":"\t"}"#),
        (r#"{"m":"-----BEGIN PRIVATE\u0020KEY-----\nMII","n":1}"#, r#"{"m":"<redacted:private_key>","n":1}"#),
        (r#"{"n":4111111111111111,"x":[5500005555555559]}"#, r#"{"n":<redacted:card>,"x":[<redacted:card>]}"#),
    ] {
        assert_eq!(redact_json(&redactor, json), expected);
    }
}

#[test]
fn a_raw_match_is_widened_to_whole_escapes_and_scalars() {
    let redactor = redactor(&[], &[("own", "0041|bc|34")], &[]);
    assert_eq!(redact_json(&redactor, r#"{"m":"x\u0041\nbcd"}"#), r#"{"m":"x<redacted:own>\n<redacted:own>d"}"#);
    assert_eq!(redact_json(&redactor, r#"{"m":-1.345e7,"t":34}"#), r#"{"m":<redacted:own>,"t":<redacted:own>}"#);
}

#[test]
fn undecodable_values_are_masked() {
    let redactor = redactor(&["email"], &[], &[]);
    let text = br#"{"m":"a\q b","n":"ok"}"#;
    let mut parsed = Parsed::default();
    parsed.nodes.push(Node::Value { key: Key::None, at: TextRange::new(6, 11), kind: Kind::Escaped });
    let mut scratch = Scratch::default();
    let hits = scanned(&redactor, text);
    let found = hits.of(0, text.len());
    let redacted = redactor.redact(text, text.len(), &parsed, found, &mut PemState::default(), &mut scratch);
    assert_eq!(output(&redacted, redacted.whole()), r#"{"m":"<redacted:undecodable>","n":"ok"}"#);
}

#[test]
fn an_escaped_message_outside_fields_is_searched() {
    let redactor = redactor(&["email"], &[], &[]);
    let text = br#"{"msg":"ada\u0040example.com"}"#;
    let message = Some((TextRange::new(8, text.len() - 2), Kind::Escaped));
    let parsed = Parsed { message, ..Parsed::default() };
    let mut scratch = Scratch::default();
    let hits = scanned(&redactor, text);
    let found = hits.of(0, text.len());
    let redacted = redactor.redact(text, text.len(), &parsed, found, &mut PemState::default(), &mut scratch);
    assert_eq!(output(&redacted, redacted.whole()), r#"{"msg":"<redacted:email>"}"#);
}

#[test]
fn fields_are_masked_by_name_and_path() {
    let json = |fields: &[&str], json: &str| redact_json(&redactor(&[], &[], fields), json);
    assert_eq!(
        json(&["token"], r#"{"a":1,"Token":"x","b":{"TOKEN":2}}"#),
        r#"{"a":1,"Token":"<redacted:field>","b":{"TOKEN":<redacted:field>}}"#
    );
    assert_eq!(
        json(&["token"], r#"{"token":{"a":"x","b":[1,true,null],"c":{}},"d":1}"#),
        r#"{"token":{"a":"<redacted:field>","b":[<redacted:field>,<redacted:field>,null],"c":{}},"d":1}"#
    );
    assert_eq!(
        json(&["token"], r#"{"token":null,"t\u006fken":"x","tokens":"y"}"#),
        r#"{"token":null,"t\u006fken":"<redacted:field>","tokens":"y"}"#
    );
    assert_eq!(
        json(&["user.*.token"], r#"{"user":{"a":{"token":"x"},"token":"y"},"token":"z"}"#),
        r#"{"user":{"a":{"token":"<redacted:field>"},"token":"y"},"token":"z"}"#
    );
    assert_eq!(
        json(&["user.token"], r#"{"x":{"user":[{"token":"x"}]}}"#),
        r#"{"x":{"user":[{"token":"<redacted:field>"}]}}"#
    );
    assert_eq!(json(&["user.*.token"], r#"{"user":[{"token":"x"}]}"#), r#"{"user":[{"token":"<redacted:field>"}]}"#);
    assert_eq!(
        json(&["user.token", "pin"], r#"{"user.token":"x","a.pin":1}"#),
        r#"{"user.token":"<redacted:field>","a.pin":<redacted:field>}"#
    );
    assert_eq!(
        json(&["user.*"], r#"{"user":{"a":1,"b":["x"]},"c":1}"#),
        r#"{"user":{"a":<redacted:field>,"b":["<redacted:field>"]},"c":1}"#
    );
    assert_eq!(json(&["größe"], r#"{"GRÖßE":1,"größer":2}"#), r#"{"GRÖßE":<redacted:field>,"größer":2}"#);
    assert_eq!(json(&["set-cookie"], r#"{"Set-Cookie":"a\"b","n":""}"#), r#"{"Set-Cookie":"<redacted:field>","n":""}"#);
}

#[test]
fn named_captures_are_fields_too() {
    let redactor = redactor(&[], &[], &["remote_user"]);
    let text = b"10.0.0.1 ada GET";
    let names: Arc<[Box<str>]> = Arc::from([Box::from("ip"), Box::from("Remote_User")]);
    let value = |key, start, end| Node::Value { key: Key::Name(key), at: TextRange::new(start, end), kind: Kind::Text };
    let parsed = Parsed { nodes: vec![value(0, 0, 8), value(1, 9, 12)], names, ..Parsed::default() };
    let mut scratch = Scratch::default();
    let hits = scanned(&redactor, text);
    let found = hits.of(0, text.len());
    let redacted = redactor.redact(text, text.len(), &parsed, found, &mut PemState::default(), &mut scratch);
    assert_eq!(output(&redacted, redacted.whole()), "10.0.0.1 <redacted:field> GET");
    assert!(redacted.is_masked(TextRange::new(9, 10)) && !redacted.is_masked(TextRange::new(0, 9)));
}

#[test]
fn json_in_a_capture_has_its_fields_masked_too() {
    let redactor = redactor(&[], &[("part", r"field:note ~ \d+")], &["pin"]);
    for (text, expected) in [
        (r#"INFO {"pin":"1234","n":1}"#, r#"INFO {"pin":"<redacted:field>","n":1}"#),
        (r#"INFO {"p\u0069n":"1234"}"#, r#"INFO {"p\u0069n":"<redacted:field>"}"#),
        (r#"INFO {"note":"no 12"}"#, r#"INFO {"note":"<redacted:part>"}"#),
    ] {
        let names: Arc<[Box<str>]> = Arc::from([Box::from("level"), Box::from("message")]);
        let value =
            |key, start, end| Node::Value { key: Key::Name(key), at: TextRange::new(start, end), kind: Kind::Text };
        let parsed = Parsed { nodes: vec![value(0, 0, 4), value(1, 5, text.len())], names, ..Parsed::default() };
        let (hits, mut scratch) = (scanned(&redactor, text.as_bytes()), Scratch::default());
        let redacted = redactor.redact(
            text.as_bytes(),
            text.len(),
            &parsed,
            hits.of(0, text.len()),
            &mut PemState::default(),
            &mut scratch,
        );
        assert_eq!(output(&redacted, redacted.whole()), expected);
    }
}

#[test]
fn pieces_of_a_range_show_each_mask_once() {
    let redactor = redactor(&[], &[("own", "bcd|gh")], &[]);
    let text = b"abcdefghij";
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let redacted = redactor.redact(text, 9, &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    let at = |start, end| output(&redacted, TextRange::new(start, end));
    assert_eq!(at(0, 9), "a<redacted:own>ef<redacted:own>i");
    assert_eq!(at(0, 3), "a<redacted:own>");
    assert_eq!(at(2, 5), "<redacted:own>e", "a mask that begins before the range");
    assert_eq!(at(2, 3), "<redacted:own>");
    assert_eq!(at(4, 6), "ef");
    assert_eq!(at(1, 1), "");
    assert_eq!(at(8, 400), "i", "the look-ahead is not output");
    assert_eq!(redacted.masked().map(|mask| mask.rule).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(
        format!("{redacted:?} {:?}", redacted.pieces(redacted.whole()).collect::<Vec<_>>()),
        "Redacted(9 bytes, 2 masks) [Text(1 bytes), Mask(<redacted:own>), Text(2 bytes), Mask(<redacted:own>), Text(1 bytes)]"
    );
}

#[test]
fn a_match_across_the_cut_is_masked_and_one_after_it_is_not_counted() {
    let redactor = redactor(&["email"], &[], &[]);
    let text = b"to ada@example.org and ken@example.org";
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    for keep in 0..text.len() {
        let redacted = redactor.redact(text, keep, &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
        let expected = match keep {
            0..=3 => String::from_utf8(text[..keep].to_vec()).unwrap(),
            4..=18 => "to <redacted:email>".to_owned(),
            19..=23 => format!("to <redacted:email>{}", std::str::from_utf8(&text[18..keep]).unwrap()),
            _ => "to <redacted:email> and <redacted:email>".to_owned(),
        };
        assert_eq!(output(&redacted, redacted.whole()), expected, "cut at {keep}");
        assert_eq!(redacted.masked().count(), expected.matches("<redacted").count());
    }
}

#[test]
fn a_key_over_several_lines_is_masked_line_by_line() {
    let redactor = redactor(&["secrets"], &[], &[]);
    let mut next = in_turn(&redactor, PemState::default());
    assert_eq!(next("loaded -----BEGIN EC PRIVATE KEY-----"), "loaded <redacted:private_key>");
    assert_eq!(next("MHcCAQEEIBkg"), "<redacted:private_key>");
    assert_eq!(next("-----END EC PRIVATE KEY-----"), "<redacted:private_key>");
    assert_eq!(next("done"), "done");
    let mut pem_state = PemState::default();
    pem_state.resume(PemState::default(), b"rest of a line\nk -----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n");
    assert_eq!(in_turn(&redactor, pem_state)("MHcCAQEEIBkg"), "<redacted:private_key>", "resumed within a key");
}

/// Goal: the text between a name and its value, or inside a marker, may be written with escapes.
#[test]
fn a_parsed_line_is_searched_decoded_as_a_whole() {
    let redactor = redactor(&["secrets", "pii"], &[], &[]);
    for (text, expected) in [
        (r#"{"db_pass\u0077ord":"p4ss w0rd","n":1}"#, r#"{"db_pass\u0077ord":"<redacted:password>","n":1}"#),
        (r#"{"contrase\u00f1a":"p4ssw0rd","n":1}"#, r#"{"contrase\u00f1a":"<redacted:password>","n":1}"#),
        (r#"{"phone":"030\/1234567","n":1}"#, r#"{"phone":"<redacted:phone>","n":1}"#),
    ] {
        assert_eq!(redact(&redactor, text), expected);
    }
}

#[test]
fn a_key_begins_at_an_escaped_marker() {
    let redactor = redactor(&["secrets"], &[], &[]);
    let mut next = in_turn(&redactor, PemState::default());
    next(r#"{"m":"-----BEGIN\u0020PRIVATE\u0020KEY-----"}"#);
    assert_eq!(next(r#"{"m":"MIIEowIBAAKCAQEA7VJTUt9Us8cKj"}"#), r#"{"m":"<redacted:private_key>"}"#);
    next("-----END PRIVATE KEY-----");
    assert_eq!(next(r#"{"m":"a\nb"}"#), r#"{"m":"a\nb"}"#);
    next(r#"{"m":"-----BEGIN\u0020PRIVATE KEY-----\nMIIEowIBAAKCAQEA"}"#);
    assert_eq!(next("after"), "after", "the key stood in the line");
}

#[test]
fn metadata_is_redacted_too() {
    let redactor = redactor(&["secrets", "pii"], &[], &["path"]);
    assert_eq!(redactor.redact_text("/var/log/ada@example.com.log"), "/var/log/<redacted:email>");
    assert_eq!(redactor.redact_text("größe"), "größe");
}

/// A line made to cost time: every start of a match runs to its end and is rejected.
#[test]
fn hostile_lines_cost_linear_time_and_hide_nothing() {
    let redactor = redactor(&["secrets", "pii"], &[], &[]);
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    for hostile in [
        "; pwd = a",
        "token: ",
        "insert into a (token) values (",
        "basic+",
        "token=",
        "bearer bearer",
        "4111 ",
        "a@",
        "-----BEGIN PRIVATE KEY-----",
        "\"",
        "://:",
        "eyJ",
        "\\",
    ] {
        let text = format!("{} password=hunter2", hostile.repeat((1 << 19) / hostile.len()));
        let begun = std::time::Instant::now();
        let redacted = redactor.redact(
            text.as_bytes(),
            text.len(),
            &parsed,
            TextHits::ALL,
            &mut PemState::default(),
            &mut scratch,
        );
        let shown = output(&redacted, redacted.whole());
        assert!(!shown.contains("hunter2"), "{hostile}");
        // There is no time to check that many apparent credentials.
        assert!(hostile != "basic+" || shown.contains("<redacted:budget>"), "{hostile}");
        // A quadratic search of half a mebibyte takes minutes; a slow machine takes a second or two in a debug build.
        assert!(begun.elapsed().as_secs() < 20, "{hostile} took {:?}", begun.elapsed());
    }
}

#[test]
fn escaped_names_of_fields_are_found() {
    for select in [&[][..], &["email"], &["secrets", "pii"]] {
        let redactor = redactor(select, &[("own", "field:a.*.deep,pin")], &["token"]);
        for json in [
            r#"{"TOKEN":"x1"}"#,
            r#"{"a":{"t\u006fken":"x1"}}"#,
            "{\"to\u{212a}en\":\"x1\"}",
            r#"{"b.token":"x1"}"#,
            r#"{"é":1,"token":["x1",{"n":"x1"}]}"#,
            r#"{"a":{"b":{"Deep":"x1"}},"PIN":"x1"}"#,
        ] {
            let clean = redact_json(&redactor, json);
            assert!(!clean.contains("x1"), "{select:?}: {clean}");
        }
    }
}
