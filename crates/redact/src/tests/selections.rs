//! Which rules a configuration selects, and which configurations are refused.

use super::*;

#[track_caller]
fn selected(select: &[&str], expected: &[&str]) {
    let redactor = redactor(select, &[], &[]);
    let names: Vec<_> = redactor.rules().filter(|name| ![FIELD, UNDECODABLE, BUDGET].contains(name)).collect();
    assert_eq!(names, expected, "{select:?}");
}

#[test]
fn selections_are_read_from_left_to_right() {
    let of = |group| detectors().filter(move |one| one.group == group).map(|one| one.name);
    let secrets: Vec<_> = of(Group::Secrets).collect();
    assert!(secrets.len() >= 60, "{} detectors of secrets", secrets.len());
    selected(&["secrets"], &secrets);
    selected(&["pii"], &of(Group::Pii).collect::<Vec<_>>());
    let fewer: Vec<_> = secrets.iter().copied().filter(|name| *name != "jwt").chain(["card"]).collect();
    selected(&["Secrets", " -jwt", "card"], &fewer);
    selected(&["basic_auth", "url_password"], &["basic_auth", "url_password"]);
    selected(&["none"], &[]);
    selected(&["-jwt", "card"], &fewer);
    selected(&["-card"], &secrets);
    selected(&["-secrets", "email"], &["email"]);
    let mixed = Redactor::new(&config(&["none", "card"], &[], &[])).unwrap_err();
    assert_eq!(mixed, [Error::NoneAmongOthers]);
    selected(&[], &[]);
    selected(&["secrets", "-secrets", "email"], &["email"]);
    assert!(redactor(&["none"], &[], &[]).is_idle());
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let config = config(
        &["secrets", "emial", "-quux"],
        &[
            ("card", "x"),
            ("open", "a(b"),
            ("empty", "a*|b"),
            ("border", r"\b"),
            ("huge", r"\w{1000}{10}"),
            ("x", "x"),
            ("x", "y"),
            ("Upper", "x"),
            ("pii", "x"),
            ("field", "x"),
            ("look", "a(?=b)"),
            ("back", r"(a)\1"),
            ("path", "field:x,a..c ~ y"),
        ],
        &["a..b", "ok"],
    );
    let config = Config {
        select: vec!["secrets".into(), "emial".into(), "-quux".into(), "email".into()],
        modes: vec![("emial".into(), Action::Mask), ("email".into(), Action::Token)],
        ..config
    };
    let errors = Redactor::new(&config).unwrap_err();
    let name = |name: &str| name.to_owned();
    let plain = [
        Error::UnknownDetector { name: name("emial"), nearest: Some("email") },
        Error::UnknownDetector { name: name("quux"), nearest: None },
        Error::NameTaken { rule: name("card") },
        Error::EmptyMatch { rule: name("empty") },
        Error::EmptyMatch { rule: name("border") },
        Error::TooLarge { rule: name("huge"), limit_bytes: rule::PATTERN_BYTES_MAX },
        Error::Twice { rule: name("x") },
        Error::Name { rule: name("Upper") },
        Error::NameTaken { rule: name("pii") },
        Error::NameTaken { rule: name("field") },
        Error::LookAround { rule: name("look") },
        Error::BackReference { rule: name("back") },
        Error::RuleField { rule: name("path"), field: name("a..c") },
        Error::Field { field: name("a..b") },
        Error::UnknownMode { name: name("emial"), nearest: Some(name("email")) },
        Error::KeyMissing { rule: name("email") },
    ];
    let (syntax, others): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| matches!(error, Error::Pattern { .. }));
    assert_eq!(others, plain);
    assert_eq!(syntax.len(), 1, "open");
    assert!(syntax[0].to_string().contains("    a(b\n     ^"), "shows where: {}", syntax[0]);
    assert!(plain[0].to_string().ends_with(r#""emial"; did you mean "email"?"#), "{}", plain[0]);
}
