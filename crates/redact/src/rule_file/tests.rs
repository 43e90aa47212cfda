//! Rule files: what their keys mean for a line, what cannot be used, and what is refused.

use std::path::Path;
use std::sync::Arc;

use super::{FILE_RULES_MAX, RuleFile, RuleFileError};
use crate::{Action, Config, PemState, Piece, Redactor, Scratch};
use event::Parsed;

/// Files by their paths.
fn load(files: &[(&str, &str)]) -> Result<RuleFile, Vec<RuleFileError>> {
    RuleFile::load(Path::new(files[0].0), &mut |path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "cannot be read: no such file".to_owned())
    })
}

#[track_caller]
fn file(text: &str) -> RuleFile {
    load(&[("/etc/own.toml", text)]).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

fn redactor(file: RuleFile) -> Redactor {
    let config = Config { select: vec!["none".into()], files: vec![Arc::new(file)], ..Config::default() };
    Redactor::new(&config).unwrap()
}

fn redacted(redactor: &Redactor, line: &str) -> String {
    let (parsed, mut hits) = (Parsed::default(), crate::Hits::default());
    redactor.scan(line.as_bytes(), &mut hits);
    let mut scratch = Scratch::default();
    let found = hits.of(0, line.len());
    let redacted = redactor.redact(line.as_bytes(), line.len(), &parsed, found, &mut PemState::default(), &mut scratch);
    let text = |piece| match piece {
        Piece::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Piece::Mask(label) => label.to_owned(),
    };
    redacted.pieces(redacted.whole()).map(text).collect()
}

/// Each line, and what it becomes.
#[track_caller]
fn check(text: &str, lines: &[(&str, &str)]) {
    let redactor = redactor(file(text));
    for (line, expected) in lines {
        assert_eq!(redacted(&redactor, line), *expected, "{line}");
    }
}

/// The errors of a file, which name the file and have these parts.
#[track_caller]
fn check_refused(text: &str, parts: &[&str]) {
    let errors = load(&[("/etc/own.toml", text)]).err().unwrap_or_else(|| panic!("accepted: {text}"));
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let all = all.join("\n");
    for part in ["/etc/own.toml: "].iter().chain(parts) {
        assert!(all.contains(part), "{part:?} is not in\n{all}");
    }
}

#[test]
fn a_rule_masks_its_match_by_its_id() {
    check(
        "[[rules]]\nid = 'Acme-API.token'\nregex = 'acme_[0-9]{4}'",
        &[
            ("a acme_1234 b", "a <redacted:acme_api_token> b"),
            ("a acme_123 b", "a acme_123 b"),
            // Encodings are read as for all other rules.
            ("a acme%5f1234 b", "a <redacted:acme_api_token> b"),
            (r#"{"a":"acme\u005f1234"}"#, r#"{"a":"<redacted:acme_api_token>"}"#),
        ],
    );
}

/// Goal: what may be less than the secret is not masked alone.
#[test]
fn the_group_is_masked_only_if_it_is_all_of_the_secret() {
    let rule = |more: &str| format!("[[rules]]\nid = 'a'\n{more}");
    check(&rule("regex = 'acme=([0-9]+);'"), &[("acme=12;", "acme=<redacted:a>;")]);
    check(&rule("regex = 'acme=([0-9]+);([a-z]+)'"), &[("acme=12;ab", "<redacted:a>")]);
    check(&rule("regex = 'acme=([0-9]+);([a-z]+)'\nsecretGroup = 2"), &[("acme=12;ab", "acme=12;<redacted:a>")]);
    check(&rule("regex = 'acme=([0-9]+);(?P<secret>[a-z]+)'"), &[("acme=12;ab", "acme=12;<redacted:a>")]);
    check(&rule("regex = 'acme=(([0-9])|([a-z]+));'"), &[("acme=1;", "acme=<redacted:a>;")]);
    check(
        &rule("regex = 'acme=(?:([0-9])|([a-z]+));'"),
        &[("acme=1;", "acme=<redacted:a>;"), ("acme=b;", "acme=<redacted:a>;")],
    );
    check(&rule("regex = 'acme=(?:(?P<digit>[0-9])|([a-z]+))[0-9]{4}'"), &[("acme=11234", "<redacted:a>")]);
    check(&rule("regex = 'acme=(?:([0-9]{2})-?)+'\nsecretGroup = 1"), &[("acme=12-34", "<redacted:a>")]);
    check(&rule("regex = 'acme=([0-9]+)?x'"), &[("acme=x", "<redacted:a>")]);
}

/// Goal: a rule with keywords is tried only on lines with one, in upper or lower case.
#[test]
fn keywords_are_a_gate_on_the_line() {
    let text = "[[rules]]\nid = 'a'\nregex = '\\b[0-9a-f]{32}\\b'\nkeywords = ['acme', 'umbrella']";
    let digest = "0123456789abcdef0123456789abcdef";
    check(
        text,
        &[
            (&format!("Acme {digest}"), "Acme <redacted:a>"),
            (&format!("{digest} UMBRELLA"), "<redacted:a> UMBRELLA"),
            (&format!("other {digest}"), &format!("other {digest}")),
            // Another line of the same record may have it.
            (&format!("acme\n{digest}"), "acme\n<redacted:a>"),
        ],
    );
}

#[test]
fn a_secret_must_be_random_enough() {
    check(
        "[[rules]]\nid = 'a'\nregex = 'acme=([0-9a-z]{8})'\nentropy = 2.9",
        &[("acme=a1b2c3d4", "acme=<redacted:a>"), ("acme=aaaaaaab", "acme=aaaaaaab")],
    );
    // The entropy is that of the group, also if more is masked.
    check(
        "[[rules]]\nid = 'a'\nregex = 'acme=([a-z]{4})-([a-z]+)'\nentropy = 1.5",
        &[("acme=aaaa-bcdefgh", "acme=aaaa-bcdefgh"), ("acme=abcd-bcdefgh", "<redacted:a>")],
    );
}

#[test]
fn allowlists_leave_what_they_name() {
    let rule = "[[rules]]\nid = 'a'\nregex = 'acme=([a-z]{8})'\n";
    let check = |more: &str, lines: &[(&str, &str)]| check(&format!("{rule}{more}"), lines);
    let masked = "acme=<redacted:a>";
    check(
        "[[rules.allowlists]]\nregexes = ['^example']",
        &[("acme=examples", "acme=examples"), ("acme=anexampl", masked)],
    );
    check(
        "[[rules.allowlists]]\nstopwords = ['TEST']",
        &[("acme=mytestab", "acme=mytestab"), ("acme=abcdefgh", masked)],
    );
    check(
        "[[rules.allowlists]]\nregexTarget = 'match'\nregexes = ['^acme=a']",
        &[("acme=abcdefgh", "acme=abcdefgh"), ("acme=bbcdefgh", masked)],
    );
    check(
        "[[rules.allowlists]]\nregexTarget = 'line'\nregexes = ['^doc']",
        &[
            ("doc acme=abcdefgh acme=abcdefgi", "doc acme=abcdefgh acme=abcdefgi"),
            ("a doc acme=abcdefgh", "a doc acme=<redacted:a>"),
            ("doc acme=abcdefgh\nacme=abcdefgh", "doc acme=abcdefgh\nacme=<redacted:a>"),
        ],
    );
    check(
        "[[rules.allowlists]]\ncondition = 'AND'\nregexes = ['^a']\nstopwords = ['z']",
        &[("acme=abcdefgz", "acme=abcdefgz"), ("acme=abcdefgh", masked), ("acme=bbcdefgz", masked)],
    );
    check(
        "[[rules.allowlists]]\nregexes = ['^a']\nstopwords = ['z']",
        &[("acme=bbcdefgz", "acme=bbcdefgz"), ("acme=abcdefgh", "acme=abcdefgh"), ("acme=bbcdefgh", masked)],
    );
    // One list is enough; the old spelling has one.
    check(
        "[[rules.allowlists]]\nregexes = ['^a']\n[[rules.allowlists]]\nregexes = ['^b']",
        &[("acme=bbcdefgh", "acme=bbcdefgh")],
    );
    check("[rules.allowlist]\nregexes = ['^a']", &[("acme=abcdefgh", "acme=abcdefgh"), ("acme=bbcdefgh", masked)]);
    check("[allowlist]\nstopwords = ['abc']", &[("acme=abcdefgh", "acme=abcdefgh"), ("acme=bbcdefgh", masked)]);
    check("[[allowlists]]\nregexes = ['^a']", &[("acme=abcdefgh", "acme=abcdefgh")]);
    check("[[allowlists]]\ntargetRules = ['a']\nregexes = ['^a']", &[("acme=abcdefgh", "acme=abcdefgh")]);
    check(
        "[[rules]]\nid = 'b'\nregex = 'umbrella'\n[[allowlists]]\ntargetRules = ['b']\nregexes = ['^a']",
        &[("acme=abcdefgh", masked)],
    );
    // A line has no path: with AND the list never holds, with OR the rest of it does.
    check("[[rules.allowlists]]\ncondition = 'AND'\npaths = ['x']\nregexes = ['^a']", &[("acme=abcdefgh", masked)]);
    check("[[rules.allowlists]]\npaths = ['x']\nregexes = ['^a']", &[("acme=abcdefgh", "acme=abcdefgh")]);
}

/// Goal: an allowlist of a file has no effect on detectors, custom rules and other files.
#[test]
fn a_file_weakens_no_other_rule() {
    let all = "[[allowlists]]\nregexes = ['(?i)a']\nregexTarget = 'line'\n[[rules]]\nid = 'jwt'\nregex = 'acme'";
    let other = load(&[("/etc/other.toml", "[[rules]]\nid = 'b'\nregex = 'umbrella'")]).unwrap();
    let line = "a umbrella order=123 acme glpat-Fake0token1Fake2toke";
    let config = Config {
        select: vec!["gitlab".into(), "jwt".into()],
        rules: vec![("order".into(), "order=([0-9]+)".into())],
        files: vec![Arc::new(file(all)), Arc::new(other)],
        ..Config::default()
    };
    let redactor = Redactor::new(&config).unwrap();
    assert_eq!(redacted(&redactor, line), "a <redacted:b> order=<redacted:order> acme <redacted:gitlab>");
    // The name of a detector that is taken gets the file's name before it.
    assert!(redactor.rules().any(|name| name == "own_jwt"));
}

#[test]
fn modes_are_set_by_name() {
    let text = "[[rules]]\nid = 'acme-token'\nregex = 'acme_[0-9]{4}'";
    let mut config = Config { select: vec!["none".into()], files: vec![Arc::new(file(text))], ..Config::default() };
    config.modes = vec![("acme_token".into(), Action::Remove)];
    assert_eq!(redacted(&Redactor::new(&config).unwrap(), "a acme_1234 b"), "a  b");
    config.modes = vec![("acme_tokens".into(), Action::Remove)];
    let errors = Redactor::new(&config).unwrap_err();
    assert_eq!(errors[0].to_string(), "unknown detector or rule \"acme_tokens\"; did you mean \"acme_token\"?");
}

#[test]
fn a_file_extends_another() {
    let base = "[[rules]]\nid = 'a'\nregex = 'acme=([a-z]{8})'\nentropy = 2.9\n[[rules]]\nid = 'b'\nregex = 'umbrella'\n\
                [[rules]]\nid = 'c'\nregex = 'initech'\n[[allowlists]]\nstopwords = ['zzz']";
    let own = "[extend]\npath = 'sub/base.toml'\ndisabledRules = ['b', 'x']\n[[rules]]\nid = 'a'\nregex = 'acme:([a-z]{8})'\n\
               [[rules]]\nid = 'd'\nregex = 'hooli'";
    let loaded = load(&[("/etc/own.toml", own), ("/etc/sub/base.toml", base)]).unwrap();
    let unused: Vec<String> = loaded.unused().iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["x: extend.disabledRules names it, but the extended file has no such rule"]);
    let redactor = redactor(loaded);
    let line = "acme=abcdefgh acme:abcdefgh acme:aaaaaaaa acme:abcdezzz umbrella initech hooli";
    let expected = "acme=abcdefgh acme:<redacted:a> acme:aaaaaaaa acme:abcdezzz umbrella <redacted:c> <redacted:d>";
    assert_eq!(redacted(&redactor, line), expected);
}

#[test]
fn what_extends_badly_is_refused() {
    let refused = |files: &[(&str, &str)], part: &str| {
        let error = load(files).unwrap_err()[0].to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(&[("/a.toml", "[extend]\npath = 'b.toml'")], "/b.toml: cannot be read");
    refused(&[("/a.toml", "[extend]\npath = 'a.toml'")], "or itself");
    refused(&[("/a.toml", "[extend]\nuseDefault = true")], "save gitleaks' config/gitleaks.toml next to this file");
    refused(&[("/a.toml", "[extend]\nurl = 'x'")], "extend.url is not supported");
    refused(&[("/a.toml", "[extend]\npath = 'b.toml'"), ("/b.toml", "x")], "/b.toml: line 1 is not TOML");
}

/// Goal: what cannot be used on lines is named with the reason, and the rest is loaded.
#[test]
fn what_cannot_be_used_is_named() {
    let text = "title = 'own'\nminVersion = 'v8'\ncolour = 'x'\n[allowlist]\npaths = ['x']\n\
        [[rules]]\nid = 'path-only'\npath = '\\.p12$'\n[[rules]]\nid = 'yaml'\nregex = 'acme'\npath = '\\.yaml$'\n\
        [[rules]]\nid = 'twice'\nregex = 'one1'\n[[rules]]\nid = 'twice'\nregex = 'two2'\nregx = 'x'\n\
        [[rules]]\nid = 'part'\nregex = 'part'\n[[rules.required]]\nid = 'twice'\n[[rules]]\nid = 'help'\nregex = 'help'\nskipReport = true";
    let loaded = file(text);
    let mut unused: Vec<String> = loaded.unused().iter().map(ToString::to_string).collect();
    unused.sort();
    assert_eq!(
        unused,
        [
            "an allowlist of paths or commits allows nothing: a line has none",
            "help: needs matches of other rules nearby, and a line is searched alone",
            "part: needs matches of other rules nearby, and a line is searched alone",
            "path-only: searches only paths of files, and a line has none",
            "the key colour means nothing in a rule file; it may be misspelt",
            "the key regx of rule \"twice\" means nothing in a rule file; it may be misspelt",
            "twice: the file has a later rule of the same id, which is used instead",
            "yaml: is only for files of certain paths, and a line has none",
        ]
    );
    assert_eq!(redacted(&redactor(loaded), "acme one1 two2 part help"), "acme one1 <redacted:twice> part help");
}

#[test]
fn what_cannot_be_loaded_is_refused_by_name() {
    let rule = |more: &str| format!("[[rules]]\nid = 'acme'\n{more}");
    let refused = |more: &str, part: &str| check_refused(&rule(more), &["rule \"acme\": ", part]);
    check_refused("rules = [", &["line 1 is not TOML"]);
    check_refused("[[rules]]\nid = 'a'\nregex = 'x", &["line 3 is not TOML"]);
    check_refused("rules = 3", &["rules must be an array of tables"]);
    check_refused("[[rules]]\nregex = 'acme'\ndescription = 'our own'", &["a rule (our own) has no id"]);
    check_refused("[[rules]]\nid = '--'\nregex = 'acme'", &["rule \"--\": the id needs a letter"]);
    check_refused(
        "[[rules]]\nid = 'a-b'\nregex = 'acme'\n[[rules]]\nid = 'a.b'\nregex = 'hooli'",
        &["rule \"a.b\": ", "\"a-b\" has too"],
    );
    refused("regex = 'acme('", "the pattern \"acme(\" is not a valid regular expression");
    refused(r"regex = '(?<=acme)x'", "look-around");
    refused(r"regex = '(acme)\1'", "back-reference");
    refused("regex = '[0-9a-f]{32}'", "add keywords");
    refused("regex = '[0-9a-f]{32}'\nkeywords = ['ab']", "add keywords");
    refused("regex = '(?:acme)?'", "empty text");
    refused("regex = '(?:acme[a-z]{1,1000}){500}'", "too large");
    refused("regex = 3", "regex must be a text");
    refused("", "neither regex nor path");
    refused("regex = 'acme(x)'\nsecretGroup = 2", "secretGroup is 2, but the pattern has 1 groups");
    refused("regex = 'acme'\nsecretGroup = -1", "secretGroup must be a whole number");
    refused("regex = 'acme'\nentropy = 'high'", "entropy must be a number");
    refused("regex = 'acme'\nkeywords = 'x'", "keywords must be a list of texts");
    refused("regex = 'acme'\n[[rules.allowlists]]\nregexes = ['(']", "the pattern \"(\"");
    refused("regex = 'acme'\n[[rules.allowlists]]\nregexes = ['.*']", "allows everything");
    refused("regex = 'acme'\n[[rules.allowlists]]\ndescription = 'x'", "an allowlist has no regexes");
    refused(
        "regex = 'acme'\n[[rules.allowlists]]\nregexes = ['x']\ncondition = 'XOR'",
        "allowlists.condition must be \"AND\" or \"OR\"",
    );
    refused(
        "regex = 'acme'\n[[rules.allowlists]]\nregexes = ['x']\nregexTarget = 'file'",
        "allowlists.regexTarget must be",
    );
    refused(
        "regex = 'acme'\n[[rules.allowlists]]\nstopwords = ['x']\n[rules.allowlist]\nstopwords = ['x']",
        "keep [[allowlists]]",
    );
    check_refused("[[allowlists]]\ntargetRules = ['x']\nstopwords = ['x']", &["names \"x\", which is no rule"]);
    let rule = |number: usize| format!("[[rules]]\nid = 'r{number}'\nregex = 'acme{number}'\n");
    let many: Vec<String> = (0..10_000).map(rule).collect();
    check_refused(&many.concat(), &[&format!("has 10000 rules; at most {FILE_RULES_MAX}")]);
}

/// Goal: all mistakes are reported at once.
#[test]
fn all_mistakes_are_reported() {
    let text =
        "[[rules]]\nid = 'a'\nregex = '('\n[[rules]]\nid = 'b'\nregex = '[a-z]+'\n[[rules]]\nid = 'c'\nregex = 'acme'";
    assert_eq!(load(&[("/a.toml", text)]).unwrap_err().len(), 2);
}

#[test]
fn keys_are_read_in_both_cases() {
    check(
        "[[Rules]]\nID = 'a'\nRegex = 'acme=([0-9]+);([a-z]+)'\nSECRETGROUP = 2\n[[rules2]]\n",
        &[("acme=12;ab", "acme=12;<redacted:a>")],
    );
}
