//! Rule files: what is loaded is shown, and each mistake names the variable, the file and the rule.

use std::fs;

use assert_cmd::Command;
use tempfile::TempDir;

use super::{check_wrong, read};

const RULES_FROM: &str = "LOGSKIFF_REDACT_RULES_FROM";

/// A folder with rule files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

fn rule(id: &str) -> String {
    format!("[[rules]]\nid = '{id}'\nregex = '{id}_[0-9]{{4}}'\n")
}

#[track_caller]
fn check_refused(paths: &str, reason: &str) {
    check_wrong(&[(RULES_FROM, paths)], RULES_FROM, reason);
}

#[test]
fn files_are_for_all_inputs_or_for_one() {
    let folder = Folder::new();
    let (one, two) = (folder.write("one.toml", rule("acme")), folder.write("two.toml", rule("hooli")));
    let config = read(&[
        (RULES_FROM, &one),
        ("LOGSKIFF_INPUT_A_PATHS", "/var/log/a/*.log"),
        ("LOGSKIFF_INPUT_B_PATHS", "/var/log/b/*.log"),
        ("LOGSKIFF_INPUT_B_REDACT_RULES_FROM", &format!("{one},{two}")),
        ("LOGSKIFF_INPUT_B_REDACT_MODE_HOOLI", "drop"),
        ("LOGSKIFF_INPUT_C_PATHS", "/var/log/c/*.log"),
        ("LOGSKIFF_INPUT_C_REDACT_RULES_FROM", "none"),
    ])
    .unwrap();
    let files = |input: usize| -> Vec<String> {
        config.inputs[input].redact.files.iter().map(|file| file.path().display().to_string()).collect()
    };
    assert_eq!([files(0), files(1), files(2)], [vec![one.clone()], vec![one, two], vec![]]);
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.path().join(name).display().to_string();
    check_refused(&path("missing.toml"), "missing.toml: cannot be read: entity not found");
    check_refused(&folder.0.path().display().to_string(), ": is not a file");
    check_refused("gitleaks.toml", "\"gitleaks.toml\" is not an absolute path");
    check_refused(&folder.write("large.toml", vec![b'#'; 3 << 20]), "large.toml: is larger than 2097152 bytes");
    check_refused(&folder.write("latin.toml", b"title = '\xe9'"), "latin.toml: does not hold UTF-8");
    check_refused(&folder.write("text.toml", "no toml"), "text.toml: line 1 is not TOML");
    let one = folder.write("one.toml", rule("acme"));
    check_refused(&format!("{one},{one}"), "is named twice");
}

#[test]
fn a_rule_that_cannot_be_used_is_a_mistake() {
    let folder = Folder::new();
    let bad = folder.write("bad.toml", "[[rules]]\nid = 'acme'\nregex = '(?=x)acme'");
    check_refused(&bad, "bad.toml: rule \"acme\": the pattern uses look-around");
    // The modes of its rules are no mistakes besides.
    check_wrong(&[(RULES_FROM, &bad), ("LOGSKIFF_REDACT_MODE_ACME", "drop")], RULES_FROM, "look-around");
    let good = folder.write("good.toml", rule("acme"));
    let wrong = [(RULES_FROM, good.as_str()), ("LOGSKIFF_REDACT_MODE_ACNE", "drop")];
    check_wrong(&wrong, "LOGSKIFF_REDACT_MODE_ACNE", "did you mean \"acme\"?");
}

/// Goal: own rules and files together have a limit, and the rule that exceeds it is named.
#[test]
fn too_many_rules_together_are_refused_by_name() {
    let folder = Folder::new();
    let large = |number: usize| format!("[[rules]]\nid = 'r{number}'\nregex = 'acme{number}[a-z0-9]{{1000}}'\n");
    let all: String = (0..500).map(large).fold(String::new(), |all, rule| all + &rule);
    let mistakes = read(&[(RULES_FROM, &folder.write("all.toml", all))]).unwrap_err();
    let [mistake] = &mistakes.0[..] else { panic!("{mistakes}") };
    let text = mistake.to_string();
    for part in [RULES_FROM, "all.toml: rule \"r", "limit of 16MiB", "extend.disabledRules"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// Goal: `check` shows what was loaded, and what cannot be used and why.
#[test]
fn check_shows_what_was_loaded() {
    let folder = Folder::new();
    let text = format!("{}{}", rule("acme"), "[[rules]]\nid = 'keystore'\npath = '\\.p12$'\n");
    let path = folder.write("own.toml", text);
    let mut check = Command::new(env!("CARGO_BIN_EXE_logskiff"));
    let output = check.env_clear().env(RULES_FROM, &path).arg("check").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        format!("rule file {path}: 1 rule"),
        format!("rule file {path}: not used: keystore: searches only paths of files, and a line has none"),
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line:?} is not in\n{printed}");
    }
    assert!(printed.contains("redact secrets, 1 rule of 1 file, 8 field names"), "{printed}");
    let active = printed.lines().find(|line| line.starts_with("redact default: mask ")).unwrap_or_default();
    assert!(active.contains(", acme, "), "{printed}");
}
