//! The other commands: `try`, `check`, `env`, `demo`.

use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

fn logskiff(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::cargo_bin("logskiff").unwrap();
    command.env_clear().envs(variables.iter().copied()).args(arguments).timeout(Duration::from_secs(30));
    command
}

/// The output of a command, which must succeed.
#[track_caller]
fn printed(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> String {
    let output = logskiff(arguments, variables).write_stdin(input).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn try_prints_one_raw_line_for_each_line() {
    let input = "one\n\npassword=hunter2 x\r\n{\"token\":\"hunter2\"}\nlast";
    let raw = printed(&["try", "--format", "raw"], &[], input);
    let lines: Vec<_> = raw.lines().collect();
    assert_eq!(lines.len(), 5, "{raw}");
    assert_eq!((lines[0], lines[1], lines[4]), ("one", "", "last"));
    assert!(lines[2].starts_with("password=<redacted:") && lines[2].ends_with(" x"), "{raw}");
    assert!(!raw.contains("hunter2"), "{raw}");
}

/// Goal: a mask that reaches over the end of a JSON string leaves JSON, wherever the message stands.
#[test]
fn a_raw_line_of_json_stays_json() {
    let rule = [("LOGSKIFF_REDACT_RULE_X", r#"tok=[a-z]+"[,}]?"#)];
    let lines = [
        (r#"{"msg":"a tok=abc"}"#, r#"{"msg":"a <redacted:x>"}"#),
        (r#"{"msg":"a tok=abc","b":"c"}"#, r#"{"msg":"a <redacted:x>","b":"c"}"#),
        (r#"{"a":{"b":1},"msg":"a tok=abc","c":[]}"#, r#"{"a":{"b":1},"msg":"a <redacted:x>","c":[]}"#),
        (r#"{"level":"info","a":"tok=abc","msg":"b"}"#, r#"{"level":"info","a":"<redacted:x>","msg":"b"}"#),
    ];
    for (line, expected) in lines {
        assert_eq!(printed(&["try", "--format", "raw"], &rule, line).trim_end(), expected);
    }
}

#[test]
fn try_prints_records_and_tables() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"level\":\"error\",\"msg\":\"no\",\"took\":5}\n").unwrap();
    let path = file.path().to_str().unwrap();
    let record: Value = serde_json::from_str(&printed(&["try", path], &[], "")).unwrap();
    assert_eq!((&record["log.level"], &record["message"], &record["took"]), (&"error".into(), &"no".into(), &5.into()));
    let table = printed(&["try", "--format", "table", path], &[], "");
    for (name, value) in [("log.level", "error"), ("message", "no"), ("took", "5")] {
        assert!(
            table.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == [name, value]),
            "{name} {value} in {table}"
        );
    }
}

#[test]
fn try_unwraps_the_lines_of_a_container() {
    let input = "2026-11-30T07:41:01.1Z stderr P pass\n2026-11-30T07:41:01.2Z stdout F out\n2026-11-30T07:41:01.3Z stderr F word=hunter2hunter2\n";
    let text = printed(&["try", "--format", "raw", "--explain"], &[], input);
    let shown: Vec<_> = text.lines().filter(|line| !line.starts_with("    ")).collect();
    assert_eq!(shown, ["password=<redacted:password>", "out"]);
}

#[test]
fn fields_of_logfmt_are_masked_by_their_names() {
    let input = "level=info pin=1234 msg=x\nlevel=info user.name=joe msg=y\nlevel=info PIN=\"1 2\" msg=z\n";
    let variables = [("LOGSKIFF_REDACT", "none"), ("LOGSKIFF_REDACT_FIELDS", "pin,user.name")];
    let text = printed(&["try", "--format", "raw"], &variables, input);
    let mask = "<redacted:field>";
    let wanted = [format!("level=info pin={mask} msg=x"), format!("level=info user.name={mask} msg=y")];
    let shown: Vec<_> = text.lines().collect();
    assert_eq!(shown[..2], wanted);
    assert!(!shown[2].contains("1 2"), "{text}");
}

#[test]
fn try_explains_each_mask_without_its_content() {
    let input = "fine\nto ada@example.org by ken@example.org\n{\"password\":\"hunter2\"}\ncard 4111111111111111\n";
    let variables = [
        ("LOGSKIFF_REDACT", "pii"),
        ("LOGSKIFF_REDACT_MODE_CARD", "drop"),
        ("LOGSKIFF_REDACT_MODE_EMAIL", "token"),
        ("LOGSKIFF_REDACT_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let text = printed(&["try", "--format", "raw", "--explain"], &variables, input);
    let explained: Vec<_> = text.lines().filter(|line| line.starts_with("    line ")).map(str::trim).collect();
    assert_eq!(
        explained,
        [
            "line 2, bytes 3..18: email, token",
            "line 2, bytes 22..37: email, token",
            "line 3, bytes 13..20: field, mask",
            "line 4, bytes 5..21: card, drop",
            "line 4: dropped, redact_rule",
        ]
    );
    for secret in ["ada@", "ken@", "hunter2", "4111", "0123456789abcdef"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

/// Goal: `try` shows without a permission what an audit would find; other commands need it.
#[test]
fn try_needs_no_permission_for_an_audit() {
    let variables = [("LOGSKIFF_REDACT", "pii"), ("LOGSKIFF_REDACT_MODE", "audit")];
    let text = printed(&["try", "--format", "raw", "--explain"], &variables, "to ada@example.org\n");
    assert_eq!(text, "to ada@example.org\n    line 1, bytes 3..18: email, mask\n");
    for command in ["run", "check"] {
        let output = logskiff(&[command], &variables).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("LOGSKIFF_REDACT_AUDIT_UNMASKED: not on"), "{error}");
    }
    let permitted = [variables[0], variables[1], ("LOGSKIFF_REDACT_AUDIT_UNMASKED", "on")];
    let plan = printed(&["check"], &permitted, "");
    assert!(plan.contains("redact default: audit, lines stay unmasked; otherwise: mask "), "{plan}");
}

/// Goal: listed values are shown in each place of a record, in JSON, logfmt and text, and other ones are not.
#[test]
fn try_shows_what_the_allowlist_names() {
    let input = concat!(
        "to ada@example.com by ken@example.org\n",
        "{\"trace.id\":\"ken@example.org\",\"to\":\"ada\\u0040example.com\",\"by\":\"ken@example.org\"}\n",
        "level=info request_id=ken@example.org by=ken@example.org msg=x\n",
        "a line with request_id=ken@example.org\n",
    );
    let variables = [
        ("LOGSKIFF_REDACT", "pii"),
        ("LOGSKIFF_REDACT_ALLOW", "4111111111111111\n/[^@]+@example\\.com/"),
        ("LOGSKIFF_REDACT_EXEMPT_FIELDS", "trace.id,request_id"),
    ];
    let text = printed(&["try", "--format", "raw"], &variables, input);
    let wanted = [
        "to ada@example.com by <redacted:email>",
        "{\"trace.id\":\"ken@example.org\",\"to\":\"ada\\u0040example.com\",\"by\":\"<redacted:email>\"}",
        "level=info request_id=ken@example.org by=<redacted:email> msg=x",
        "a line with request_id=<redacted:email>",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), wanted);
}

/// Goal: the published detectors can be used as a rule file as they are, and say what they lack.
#[test]
fn the_published_detectors_are_a_rule_file() {
    let toml = printed(&["detectors", "--format", "toml"], &[], "");
    assert!(toml.contains("Validators") && toml.contains("Decoding"), "{toml}");
    assert!(toml.contains("# email is not here: "), "{toml}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detectors.toml");
    std::fs::write(&path, toml).unwrap();
    let variables = [("LOGSKIFF_REDACT", "none"), ("LOGSKIFF_REDACT_RULES_FROM", path.to_str().unwrap())];
    let text = printed(&["try", "--format", "raw"], &variables, "GET /?token=hunter2&x=1\n");
    assert_eq!(text, "GET /?token=<redacted:detectors_password>&x=1\n");
    let json: Value = serde_json::from_str(&printed(&["detectors", "--format", "json"], &[], "")).unwrap();
    let all = json["detectors"].as_array().unwrap();
    let of = |name: &str| all.iter().find(|detector| detector["name"] == name).unwrap();
    assert_eq!(of("jwt")["rules"][0]["id"], "jwt");
    assert!(of("email")["rules"][0]["unpublished"].is_string() && of("email")["rules"][0]["validated"] == true);
    assert!(!json["not_expressed"].as_array().unwrap().is_empty());
    let table = printed(&["detectors"], &[], "");
    assert_eq!(table.lines().count(), all.len(), "{table}");
    assert!(table.lines().any(|line| line.starts_with("jwt ") && line.contains("  secrets  ")), "{table}");
}

/// Goal: records tell by which rules they were redacted, and `check` prints the same digest.
#[test]
fn records_are_stamped_with_the_rules() {
    let stamp = |more: (&'static str, &'static str)| {
        let variables = [("LOGSKIFF_REDACT_STAMP", "on"), more];
        let record: Value = serde_json::from_str(&printed(&["try", "--format", "json"], &variables, "x\n")).unwrap();
        let digest = record["log.redaction.rules"].as_str().expect("a digest").to_owned();
        let variables = [variables[0], more, ("LOGSKIFF_PATHS", "/var/log/app/a.log"), ("LOGSKIFF_OUTPUT", "stdout")];
        let checked = printed(&["check"], &variables, "");
        assert!(checked.contains(&format!("digest {digest}")), "{checked}");
        digest
    };
    let usual = stamp(("LOGSKIFF_REDACT", "secrets"));
    assert_eq!(stamp(("LOGSKIFF_REDACT_MODE", "mask")), usual);
    assert_ne!(stamp(("LOGSKIFF_REDACT", "pii")), usual);
    let taken = printed(&["try", "--format", "json"], &[], "{\"log.redaction.rules\":\"x\"}\n");
    assert!(taken.contains("\"parsed.log.redaction.rules\":\"x\""), "{taken}");
}

#[test]
fn try_fails_if_a_canary_is_output() {
    let run = |redact| {
        let variables = [("LOGSKIFF_REDACT", redact), ("LOGSKIFF_REDACT_FIELDS", "none")];
        let mut command = logskiff(&["try", "--canary", "hunter2"], &variables);
        command.write_stdin("fine\npassword=hunter2\n").output().unwrap()
    };
    assert_eq!(run("secrets").status.code(), Some(0));
    let leaking = run("none");
    let text = String::from_utf8(leaking.stderr).unwrap();
    assert_eq!(leaking.status.code(), Some(1), "{text}");
    assert!(text.contains("line 2") && !text.contains("hunter2"), "{text}");
}

#[test]
fn try_uses_the_named_input() {
    let variables = [
        ("LOGSKIFF_INPUT_ACCESS_PATHS", "/var/log/app/access.log"),
        ("LOGSKIFF_INPUT_ACCESS_PARSE", "nginx"),
        ("LOGSKIFF_INPUT_APP_PATHS", "/var/log/app/app.log"),
        ("LOGSKIFF_INPUT_APP_PARSE", "json"),
    ];
    let run = |arguments: &[&str]| {
        let mut command = logskiff(&[&["try"], arguments].concat(), &variables);
        command.write_stdin("{\"took\":5}\n").output().unwrap()
    };
    let named = run(&["--input", "app"]);
    let record: Value = serde_json::from_slice(&named.stdout).unwrap();
    assert_eq!((&record["took"], &record["parse.error"]), (&5.into(), &Value::Null));
    assert!(!String::from_utf8_lossy(&named.stderr).contains("using input"), "{named:?}");
    let first = run(&[]);
    let record: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(record["parse.error"], "no_match");
    let text = String::from_utf8(first.stderr).unwrap();
    assert!(text.contains("input access") && text.contains("access, app"), "{text}");
    let unknown = run(&["--input", "ap"]);
    let text = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.status.code() == Some(1) && text.contains("--input ap") && text.contains("access, app"), "{text}");
}

#[test]
fn env_lists_every_variable() {
    let text = printed(&["env"], &[], "");
    for name in ["LOGSKIFF_PATHS", "LOGSKIFF_KAFKA_BROKERS", "LOGSKIFF_DRAIN_TIMEOUT", "POD_NAME"] {
        assert!(text.contains(name), "{name}");
    }
    let markdown = printed(&["env", "--markdown"], &[], "");
    assert_eq!(markdown, include_str!("../../../docs/configuration.md"), "docs/configuration.md is as printed");
    let effective = printed(&["env", "--effective"], &[("LOGSKIFF_LINGER", "7ms")], "");
    assert!(effective.lines().any(|line| line == "LOGSKIFF_LINGER=7ms"), "{effective}");
}

#[test]
fn wrong_arguments_differ_from_wrong_variables() {
    assert_eq!(logskiff(&["frobnicate"], &[]).output().unwrap().status.code(), Some(2));
    assert!(printed(&["--help"], &[], "").contains("demo"));
}

/// Goal: the demo needs nothing else, ends by itself, and shows that nothing was lost and no secret arrived.
#[test]
fn demo_shows_the_guarantees() {
    let start = Instant::now();
    let text = printed(&["demo"], &[], "");
    assert!(start.elapsed() < Duration::from_secs(15), "it took {:?}", start.elapsed());
    let figure = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(figure("lost"), 0);
    assert_eq!(figure("secrets received"), 0);
    assert!(figure("lines written") > 100 && figure("secrets written") > 10, "{text}");
}
