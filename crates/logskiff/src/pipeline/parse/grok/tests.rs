//! Tests of references: what they expand to, and what is wrong with them.

use regex::bytes::Regex;

use super::{Capture, Fault, expand, library, type_of};
use crate::pipeline::parse::Type;

#[track_caller]
fn check_error(pattern: &str, want: &str) {
    assert_eq!(expand(pattern, &[]).unwrap_err(), Fault::Other(want.to_owned()));
}

#[test]
fn references_become_groups() {
    let expanded = expand(r"^%{INT:a.b:int} (?<own>x) %{WORD:[c][d]}%{SPACE}$", &[]).unwrap();
    assert_eq!(expanded.regex, r"^(?<_.0>[+-]?[0-9]+) (?<own>x) (?<_.1>\b\w+\b)(?:\s*)$");
    let want = [("a.b", Some("int")), ("c.d", None)];
    let want = want.map(|(field, suffix)| Capture { field: field.to_owned(), suffix: suffix.map(str::to_owned) });
    assert_eq!(expanded.captures, want);
}

#[test]
fn own_definitions_come_first() {
    let expanded = expand("%{INT}%{OWN}", &[("INT", "i"), ("OWN", "%{WORD:w}")]).unwrap();
    assert_eq!(expanded.regex, r"(?:i)(?:(?<_.0>\b\w+\b))");
}

#[test]
fn mistakes_are_named() {
    assert_eq!(expand("%{NUMBR:x}", &[]).unwrap_err(), Fault::Unknown("NUMBR".to_owned()));
    assert_eq!(expand("%{}", &[]).unwrap_err(), Fault::Unknown(String::new()));
    check_error("a %{WORD", r#""%{WORD" has no closing brace"#);
    check_error("%{WORD:a b}", r#""a b" is no name of a field; write it as name, a.b or [a][b]"#);
    check_error("%{WORD:}", r#""" is no name of a field; write it as name, a.b or [a][b]"#);
    check_error("%{WORD:[a]}x%{WORD:[a][]}", r#""[a][]" is no name of a field; write it as name, a.b or [a][b]"#);
    let itself = Fault::Other("a definition refers to itself".to_owned());
    assert_eq!(expand("%{LOOP}", &[("LOOP", "x%{LOOP}")]).unwrap_err(), itself);
    assert_eq!(type_of("int"), Ok(Some(Type::Int)));
    assert_eq!(type_of("string"), Ok(None));
    assert_eq!(type_of("date").unwrap_err(), r#"unknown type "date"; known are int, float, boolean and string"#);
}

/// Each definition compiles, and matches one text that it is meant for.
#[test]
fn all_definitions_are_expressions() {
    for (name, _) in library::DEFINITIONS {
        let expanded = expand(&format!("^%{{{name}}}$"), &[]).unwrap();
        Regex::new(&format!("(?-u){}", expanded.regex)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn definitions_match_what_they_name() {
    let cases = [
        ("IP", "2001:db8::1f", true),
        ("IP", "::1", true),
        ("IP", "fe80::1%eth0", true),
        ("IP", "192.0.2.10", true),
        ("IP", "256.0.2.10", false),
        ("IPORHOST", "web-1.example.org", true),
        ("HOSTPORT", "192.0.2.10:80", true),
        ("UUID", "7f1c3f0e-8a1e-4ad5-9a59-bd6d2a1c9f01", true),
        ("NUMBER", "-1.5", true),
        ("POSINT", "0", false),
        ("TIMESTAMP_ISO8601", "2026-11-28T10:15:02.123+01:00", true),
        ("TIMESTAMP_ISO8601", "2026-11-28 10:15:02,123", true),
        ("HTTPDATE", "28/Nov/2026:10:15:02 +0000", true),
        ("SYSLOGTIMESTAMP", "Nov  7 10:15:02", true),
        ("LOGLEVEL", "WARNING", true),
        ("LOGLEVEL", "loud", false),
        ("QS", r#""a \"b\"""#, true),
        ("URI", "https://a.example:8443/x?y=1", true),
        ("MAC", "00:00:5e:00:53:01", true),
        ("PATH", "/var/log/app.log", true),
        ("EMAILADDRESS", "ada@example.org", true),
    ];
    for (name, text, want) in cases {
        let regex = Regex::new(&format!("(?-u)^{}$", expand(&format!("%{{{name}}}"), &[]).unwrap().regex)).unwrap();
        assert_eq!(regex.is_match(text.as_bytes()), want, "{name}: {text}");
    }
}
