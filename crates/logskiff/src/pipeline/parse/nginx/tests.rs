use proptest::prelude::*;
use regex::bytes::Regex;

use super::*;

/// The expressions of the module's doc, with a name for each field.
struct Oracle {
    origins: Vec<(Regex, &'static [u16])>,
    rest: Regex,
    request: Regex,
}

type Fields = Vec<(u16, std::ops::Range<usize>)>;

const HOST: u16 = 11;
const ADDRESS: u16 = 0;
const LIST: u16 = 13;

impl Oracle {
    fn new() -> Self {
        // Whether the captured words are addresses is checked separately: `(P)` is one of a list.
        let list = "((?:P)(?:, ?(?:P))+)".replace('P', "[^ ,]+");
        let origins: [(String, &[u16]); 6] = [
            ("([^ ,]+) -".into(), &[ADDRESS]),
            (format!("{list} -"), &[LIST]),
            (format!("([^ ,]+?)(?::([0-9]{{1,5}}))? {list} -"), &[HOST, 12, LIST]),
            ("([^ ,]+?)(?::([0-9]{1,5}))? ([^ ,]+) -".into(), &[HOST, 12, ADDRESS]),
            ("([^ ,]+?):([0-9]{1,5}) ([^ ,]+) -".into(), &[HOST, 12, ADDRESS]),
            ("([^ ,]+) ([^ ,]+)".into(), &[ADDRESS, u16::MAX]),
        ];
        let origins = origins
            .into_iter()
            .map(|(origin, names)| (Regex::new(&format!(r"(?s-u)^{origin} ([^\[]+) \[")).unwrap(), names));
        let rest = r#"(?s-u)^([^\]]*)\] "(Q)" (\d{3}) (\d+|-)(?: "(Q)" "(Q)"(?: "(Q)")?(?: (\d+(?:\.\d+)?|-))?)?$"#;
        Self {
            origins: origins.collect(),
            rest: Regex::new(&rest.replace('Q', r#"(?:[^"\\]|\\.)*"#)).unwrap(),
            request: Regex::new(r"(?s-u)^([A-Z][A-Z_-]*) ([^ ].*?)(?: HTTP/(\d+(?:\.\d+)?))?$").unwrap(),
        }
    }

    /// The fields up to the timestamp, and where that begins.
    fn origin(&self, text: &[u8]) -> Option<(Fields, usize)> {
        let is_address_text = |text: &str| {
            let alone = text.split('%').next().unwrap_or_default();
            [alone.parse::<std::net::IpAddr>().is_ok(), false, text.parse::<std::net::SocketAddr>().is_ok()]
        };
        let is_address = |at: &std::ops::Range<usize>| is_address_text(&String::from_utf8_lossy(&text[at.clone()]));

        self.origins.iter().enumerate().find_map(|(number, (origin, names))| {
            let captures = origin.captures(text)?;
            let found = names.iter().zip(1..).filter_map(|(name, group)| Some((*name, captures.get(group)?.range())));
            let mut fields: Fields = found.collect();
            let get = |name| fields.iter().find(|(known, _)| *known == name).map(|(_, at)| at.clone());
            if let Some(host) = get(HOST) {
                let whole = host.start..get(12).map_or(host.end, |port| port.end);
                if is_address(&whole)[0] {
                    return None;
                }
            }
            if number == 3 && !is_address(&get(ADDRESS)?).contains(&true) {
                return None;
            }
            if get(u16::MAX).is_some_and(|ident| is_address(&ident).contains(&true)) {
                return None;
            }
            if let Some(list) = get(LIST) {
                let mut from = list.start;
                let parts: Fields = text[list.clone()]
                    .split(|byte| *byte == b',')
                    .map(|part| {
                        let blank = usize::from(part.starts_with(b" "));
                        let at = from + blank..from + part.len();
                        from = at.end + 1;
                        (ADDRESS, at)
                    })
                    .collect();
                let client = parts.iter().find(|(_, at)| is_address(at).contains(&true)).cloned();
                if !parts.iter().all(|(_, at)| {
                    is_address(at).contains(&true) || [&b"unknown"[..], b"-"].contains(&&text[at.clone()])
                }) {
                    return None;
                }
                fields.extend(client);
            }
            fields.retain(|(name, _)| *name != u16::MAX);
            let user = captures.get(names.len() + 1)?;
            fields.push((1, user.range()));
            let words: Vec<_> = String::from_utf8_lossy(user.as_bytes()).split(' ').map(str::to_owned).collect();
            let is_word = |word: &String| word != "-" && !is_address_text(word).contains(&true);
            let is_user = words.len() == 1 || number != 5 && words.iter().all(is_word);
            is_user.then(|| (fields, captures[0].len()))
        })
    }

    fn read(&self, text: &[u8]) -> Option<(Vec<u8>, Fields)> {
        let (mut fields, start) = self.origin(text)?;
        let line = self.rest.captures(&text[start..])?;
        let moved = |at: std::ops::Range<usize>| start + at.start..start + at.end;
        for (group, name) in [(3, 5), (4, 6), (5, 7), (6, 8), (7, 9), (8, 10)] {
            fields.extend(line.get(group).map(|found| (name, moved(found.range()))));
        }
        let request = line.get(2).unwrap();
        if let Some(parts) = self.request.captures(request.as_bytes()) {
            let moved = |part: regex::bytes::Match| moved(part.start() + request.start()..part.end() + request.start());
            fields.extend((1_usize..4).zip(2..).filter_map(|(group, name)| Some((name, moved(parts.get(group)?)))));
        }
        fields.retain(|(_, at)| !matches!(&text[at.clone()], b"" | b"-"));
        fields.sort_by_key(|(name, _)| *name);
        Some((line[1].to_vec(), fields))
    }
}

fn scan(text: &[u8]) -> Option<(Vec<u8>, Fields)> {
    let mut nodes = Vec::new();
    let stamp = read(text, &mut nodes).map(<[u8]>::to_vec);
    let fields = nodes.iter().map(|node| match node {
        Node::Value { key: Key::Name(name), at, kind: Kind::Text } => (*name, at.indices()),
        other => panic!("{other:?}"),
    });
    let mut fields: Fields = fields.collect();
    fields.sort_by_key(|(name, _)| *name);
    assert!(stamp.is_some() || fields.is_empty(), "a failed line must leave nothing");
    stamp.map(|stamp| (stamp, fields))
}

/// `fields` as `name=value`, without the names' first parts where that is unambiguous.
#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let shown = scan(text.as_bytes()).map(|(_, fields)| {
        let field = |(name, at): &(u16, std::ops::Range<usize>)| {
            format!("{}={}", NAMES[usize::from(*name)].rsplit('.').next().unwrap(), &text[at.clone()])
        };
        fields.iter().map(field).collect::<Vec<_>>().join(" | ")
    });
    assert_eq!(shown.as_deref(), expected, "{text}");
    assert_eq!(scan(text.as_bytes()), Oracle::new().read(text.as_bytes()), "{text}");
}

#[test]
fn lines_of_both_formats() {
    check(
        r#"10.0.0.1 - ada [10/Oct/2026:13:55:36 +0000] "GET /cart?x=1 HTTP/1.1" 200 12 "https://a/" "curl/8" 0.123"#,
        Some(
            "address=10.0.0.1 | name=ada | method=GET | original=/cart?x=1 | version=1.1 | status_code=200 | bytes=12 | referrer=https://a/ | original=curl/8 | request_time=0.123",
        ),
    );
    check(
        r#"2001:db8::1 - - [10/Oct/2026:13:55:36 +0000] "POST / HTTP/2" 304 -"#,
        Some("address=2001:db8::1 | method=POST | original=/ | version=2 | status_code=304"),
    );
    check(
        r#"::1 - John Doe [t] "GET /a b HTTP/1.0" 404 0 "-" "Mozilla \"x\" \\" "1.2.3.4, 5.6.7.8" -"#,
        Some(
            r#"address=::1 | name=John Doe | method=GET | original=/a b | version=1.0 | status_code=404 | bytes=0 | original=Mozilla \"x\" \\ | forwarded_for=1.2.3.4, 5.6.7.8"#,
        ),
    );
    check(
        r#"h - - [t] "GET /old" 200 5 "" "a""#,
        Some("address=h | method=GET | original=/old | status_code=200 | bytes=5 | original=a"),
    );
    check(
        r#"h - - [t] "M-SEARCH * HTTP/1.1" 200 5"#,
        Some("address=h | method=M-SEARCH | original=* | version=1.1 | status_code=200 | bytes=5"),
    );
}

/// Goal: the virtual host and the addresses that a proxy passes on are separate fields, whatever their form.
#[test]
fn virtual_hosts_and_lists_of_addresses() {
    let rest = r#"[t] "GET / HTTP/1.1" 200 5 "-" "-""#;
    let request = "method=GET | original=/ | version=1.1 | status_code=200 | bytes=5";
    for (origin, before, behind) in [
        ("example.org:443 203.0.113.7 - -", "address=203.0.113.7", "domain=example.org | port=443"),
        ("example.org:443 203.0.113.7 - ada", "address=203.0.113.7 | name=ada", "domain=example.org | port=443"),
        ("example.org 2001:db8::7 - John Doe", "address=2001:db8::7 | name=John Doe", "domain=example.org"),
        ("127.0.1.1:80 ::1 - -", "address=::1", "domain=127.0.1.1 | port=80"),
        ("[2001:db8::1]:8443 ::1 - -", "address=::1", "domain=[2001:db8::1] | port=8443"),
        ("localhost:80 client.example.net - -", "address=client.example.net", "domain=localhost | port=80"),
        ("_ 10.0.0.1 - -", "address=10.0.0.1", "domain=_"),
        ("203.0.113.7, 10.1.1.1 - -", "address=203.0.113.7", "remote_addresses=203.0.113.7, 10.1.1.1"),
        (
            "203.0.113.7,10.1.1.1,::1 - ada",
            "address=203.0.113.7 | name=ada",
            "remote_addresses=203.0.113.7,10.1.1.1,::1",
        ),
        (
            "unknown, 203.0.113.7:5060, 10.1.1.1 - -",
            "address=203.0.113.7:5060",
            "remote_addresses=unknown, 203.0.113.7:5060, 10.1.1.1",
        ),
        ("-, 10.1.1.1 - -", "address=10.1.1.1", "remote_addresses=-, 10.1.1.1"),
        (
            "a.example:80 203.0.113.7, 10.1.1.1 - -",
            "address=203.0.113.7",
            "domain=a.example | port=80 | remote_addresses=203.0.113.7, 10.1.1.1",
        ),
    ] {
        check(&format!("{origin} {rest}"), Some(&format!("{before} | {request} | {behind}")));
    }
    // Similar text that is no list and no virtual host.
    for (origin, before) in [
        ("2001:db8::443 - -", "address=2001:db8::443"),
        ("203.0.113.7:5060 - -", "address=203.0.113.7:5060"),
        ("10.0.0.1 - John Doe", "address=10.0.0.1 | name=John Doe"),
        ("10.0.0.1 bob ada", "address=10.0.0.1 | name=ada"),
        ("10.0.0.1 bob -", "address=10.0.0.1"),
        ("10.0.0.1 - a, b", "address=10.0.0.1 | name=a, b"),
        ("fe80::1%eth0 - -", "address=fe80::1%eth0"),
    ] {
        check(&format!("{origin} {rest}"), Some(&format!("{before} | {request}")));
    }
}

/// Goal: a line with one word more than a known format has no fields: they might be wrong.
#[test]
fn ambiguous_lines_fail() {
    for origin in [
        "192.0.2.1 203.0.113.7 - -",
        "2001:db8::443 203.0.113.7 - -",
        "203.0.113.7 example.org - -",
        "203.0.113.7 - - example.org",
        "203.0.113.7 - ada -",
        "203.0.113.7 - ada 10.1.1.1",
        "203.0.113.7 bob John Doe",
        "example.org client.example.net - -",
        "example.org 203.0.113.7 -",
        "example.org:443 203.0.113.7 bob ada",
        "example.org, 203.0.113.7 - -",
        "203.0.113.7, - -",
        "203.0.113.7,,10.1.1.1 - -",
        "203.0.113.7, <script>, 10.1.1.1 - -",
        "203.0.113.7, 10.1.1.1 bob ada",
        "203.0.113.7, 10.1.1.1 - - -",
        "example.org:443 other.example:80 203.0.113.7 - -",
        ", 203.0.113.7 - -",
        "h - - -",
    ] {
        check(&format!("{origin} [t] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\""), None);
    }
}

#[test]
fn malformed_requests_still_parse() {
    for request in [
        r"\x16\x03\x01",
        "-",
        "",
        "GET",
        "GET ",
        "GET  HTTP/1.1",
        "get / HTTP/1.1",
        " / HTTP/1.1",
        r"\x16 /",
        "-X / HTTP/1.1",
    ] {
        check(&format!("h - - [t] \"{request}\" 400 150 \"-\" \"-\""), Some("address=h | status_code=400 | bytes=150"));
    }
    check(
        "h - - [t] \"GET / HTTP/1.\" 400 1",
        Some("address=h | method=GET | original=/ HTTP/1. | status_code=400 | bytes=1"),
    );
}

#[test]
fn other_lines_fail() {
    for line in [
        "",
        "h",
        "h - -",
        "h - - [t]",
        "h - - [t] ",
        "h - - [t] \"",
        "h - - [t] \"-\"",
        "h - - [t] \"-\" 200",
        "h - - [t] \"-\" 200 ",
        "h - - [t] \"-\" 20 1",
        "h - - [t] \"-\" 2000 1",
        "h - - [t] \"-\" 200 1 ",
        "h - - [t] \"-\" 200 1 \"a\"",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" ",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" 1.",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" 0.1 x",
        "h - - [t] \"-\" 200 1x",
        "h - -[t] \"-\" 200 1",
        "h -  [t] \"-\" 200 1",
        " - - [t] \"-\" 200 1",
        "h - - [t] \"\\\" 200 1",
        "{\"a\":1}",
        "h - - [t] \"-\" 200 1 \"a\" \"b\"\"c\"",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" \"c\" \"d\"",
    ] {
        check(line, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// The scanner and the expression in the module's doc agree on valid lines, similar lines and broken lines.
    #[test]
    fn scanner_agrees_with_the_expression(
        origin in r"(a|h:80|_|::1)? ?(1.2.3.4|::1|h|-|unknown)?(, ?(1.2.3.4|::1:80|-|x)){0,2}|[a-f0-9:.,]{0,9}",
        head in r" [ -]-? [a-z \[-]{0,6} \[[0-9/A-Za-z: +\]]{0,8}\] ",
        request in r#"("([A-Z_ -]{0,5} ?/?[a-z \\\[]{0,4}( HTTP/[0-9.]{0,3})?)"|"[a-z \\"-]{0,6}") "#,
        tail in r#"[0-9]{3,4} ([0-9]{1,4}|-)( "[a-z \\"-]{0,4}"){0,4}( [0-9]{0,2}\.?[0-9]{0,2}| -)?"#,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b" \"\\[]-.0A/\xff\n".to_vec())), 0..3),
    ) {
        let mut text = (origin + &head + &request + &tail).into_bytes();
        for (place, byte) in changes {
            let place = place.index(text.len());
            text[place] = byte;
        }
        prop_assert_eq!(scan(&text), ORACLE.with(|oracle| oracle.read(&text)));
    }
}

thread_local! {
    static ORACLE: Oracle = Oracle::new();
}
