//! Presets, patterns and columns through the program: whole logs, as `logskiff try` shows them.

use std::time::Duration;

use assert_cmd::Command;
use serde_json::{Value, json};

use super::corpus;

/// The records of a log.
#[track_caller]
fn records(log: &str, variables: &[(&str, &str)]) -> Vec<Value> {
    let mut command = Command::cargo_bin("logskiff").unwrap();
    let command = command.env_clear().envs(variables.iter().copied()).arg("try").timeout(Duration::from_secs(30));
    let output = command.write_stdin(log).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Goal: a preset brings its grouping, so that each event is one record.
#[test]
fn events_of_several_lines_are_one_record() {
    let mut seen = 0;
    for (name, (format, lines)) in corpus() {
        let Some(preset) = format.preset.as_deref().filter(|_| format.records.iter().any(|record| record.lines > 1))
        else {
            continue;
        };
        if preset == "cri" {
            continue;
        }
        seen += 1;
        let log = lines.join("\n") + "\n";
        let variables = [("LOGSKIFF_PARSE", preset), ("LOGSKIFF_REDACT", "none"), ("LOGSKIFF_TIME_ZONE", &format.zone)];
        let records = records(&log, &variables);
        let messages: Vec<_> = records.iter().map(|record| record["message"].as_str().unwrap()).collect();
        let wanted: Vec<_> = format.records.iter().map(|record| record.message.as_str()).collect();
        assert_eq!(messages, wanted, "{name}");
    }
    assert!(seen >= 4, "only {seen} logs have such events");
}

#[test]
fn a_query_without_a_time_begins_a_record() {
    let query = "# User@Host: app[app] @ web [192.0.2.7]\n# Query_time: 0.5  Lock_time: 0.0 Rows_sent: 1  Rows_examined: 50\nSET timestamp=1795860907;\nSELECT 1;\n";
    let log = format!("# Time: 261128 10:15:08\n{query}{query}# Time: 261128 10:15:09\n{query}");
    let records = records(&log, &[("LOGSKIFF_PARSE", "mysql_slow")]);
    let messages: Vec<_> = records.iter().map(|record| &record["message"]).collect();
    assert_eq!(messages, ["SELECT 1;"; 3]);
}

/// Goal: a line whose text looks like a detail is not hidden in the record before it.
#[test]
fn a_detail_in_a_text_begins_no_detail() {
    let log = "2026-11-28 10:15:02.123 UTC [7] app@shop LOG:  one\n\
               2026-11-28 10:15:03.123 UTC [7] app@shop LOG:  execute x: SELECT 1 -- DETAIL:  two\n\
               2026-11-28 10:15:03.123 UTC [7] app@shop DETAIL:  parameters: $1 = 'x'\n";
    let records = records(log, &[("LOGSKIFF_PARSE", "postgres")]);
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!(records[0]["message"], "one");
}

#[test]
fn columns_become_fields() {
    let variables = [
        ("LOGSKIFF_PARSE", "csv"),
        ("LOGSKIFF_PARSE_COLUMNS", "time,level,user,took,message"),
        ("LOGSKIFF_PARSE_TYPES", "took:int"),
    ];
    let log = "time,level,user,took,message\n2026-11-28T10:15:02Z,warn,joe,5,\"a \"\"b\"\",\nc\"\n2026-11-28T10:15:03Z,info,,,d\n1,2,3,4,5,6\nfree text\n";
    let records = records(log, &variables);
    assert_eq!(records.len(), 5, "{records:?}");
    assert_eq!(records[4]["parse.error"], "no_match", "too few columns");
    assert_eq!(records[0]["message"], "time,level,user,took,message");
    assert!(records[0].get("user").is_none() && records[0].get("parse.error").is_none(), "{}", records[0]);
    let shown =
        |at: usize| ["@timestamp", "log.level", "user", "took", "message"].map(|name| records[at][name].clone());
    assert_eq!(
        shown(1),
        [json!("2026-11-28T10:15:02.000Z"), json!("warn"), json!("joe"), json!(5), json!("a \"b\",\nc")]
    );
    assert_eq!(shown(2)[2..], [Value::Null, Value::Null, json!("d")]);
    assert_eq!((&records[3]["message"], &records[3]["parse.error"]), (&json!("1,2,3,4,5,6"), &json!("no_match")));
}

#[test]
fn references_become_fields() {
    let pattern = r"^%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} %{IPORHOST:[source][address]} took=%{NUMBER:took:float} (?<rest>.*)$";
    let variables = [("LOGSKIFF_PARSE", "grok"), ("LOGSKIFF_PARSE_PATTERN", pattern)];
    let records = records("2026-11-28 10:15:02,123 ERROR 192.0.2.10 took=1.50 no stock\nother\n", &variables);
    let shown = ["@timestamp", "log.level", "source.address", "took", "rest"].map(|name| records[0][name].clone());
    let want = [json!("2026-11-28T10:15:02.123Z"), json!("error"), json!("192.0.2.10"), json!(1.5), json!("no stock")];
    assert_eq!(shown, want, "{}", records[0]);
    assert_eq!(records[1]["parse.error"], "no_match");
}

/// Goal: a user's own group may have any name.
#[test]
fn own_groups_are_no_references() {
    let variables = [("LOGSKIFF_PARSE", "grok"), ("LOGSKIFF_PARSE_PATTERN", "^(?<_0>a) %{WORD:x}$")];
    let record = &records("a b\n", &variables)[0];
    assert_eq!((&record["_0"], &record["x"]), (&json!("a"), &json!("b")), "{record}");
}

#[test]
fn the_first_format_that_fits_counts() {
    let variables = [("LOGSKIFF_PARSE", "klog,json,auto")];
    let log = "I1128 10:15:02.123456       1 a.go:7] started\n{\"msg\":\"two\"}\nWARN three\n";
    let records = records(log, &variables);
    let messages: Vec<_> = records.iter().map(|record| &record["message"]).collect();
    assert_eq!(messages, ["started", "two", "WARN three"]);
    assert_eq!((&records[0]["log.level"], &records[2]["log.level"]), (&json!("info"), &json!("warn")));
    assert!(records.iter().all(|record| record.get("parse.error").is_none()), "{records:?}");
}

/// Goal: a secret in a value is found as its reader sees it, not as the format spells it.
#[test]
fn secrets_in_quoted_values_are_masked() {
    let csv = [("LOGSKIFF_PARSE", "csv"), ("LOGSKIFF_PARSE_COLUMNS", "time,pin,message")];
    let log = "2026-11-28T10:15:02Z,1234,\"{\"\"password\"\":\"\"hunter2hunter2\"\",\"\"id\"\":\"\"a\"\"}\"\n";
    let shown = &records(log, &csv)[0];
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    assert!(shown["message"].as_str().unwrap().contains(r#""id":"a""#), "{shown}");
    let several = records("1,2,\"x\npassword=\"\"hunter2hunter2\"\"\ny\"\n", &csv);
    assert!(!several[0].to_string().contains("hunter2"), "{several:?}");
    let own = [csv[0], csv[1], ("LOGSKIFF_REDACT", "none"), ("LOGSKIFF_REDACT_RULE_A", r#"say "\w+""#)];
    let shown = &records("1,2,\"say \"\"hunter2\"\" now\"\n", &own)[0];
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    let named = [csv[0], csv[1], ("LOGSKIFF_REDACT_FIELDS", "pin")];
    assert!(!records(log, &named)[0].to_string().contains("1234"));
    let syslog = [("LOGSKIFF_PARSE", "syslog5424")];
    let log = "<14>1 2026-11-28T10:15:02Z web app - - [a@1 json=\"{\\\"password\\\":\\\"hunter2hunter2\\\"}\"] text\n";
    let shown = &records(log, &syslog)[0];
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
}

/// Goal: who does not know the name of a format is told it.
#[test]
fn try_names_the_preset_of_the_lines() {
    let hints = |log: &str, variables: &[(&str, &str)]| {
        let mut command = Command::cargo_bin("logskiff").unwrap();
        let command = command.env_clear().envs(variables.iter().copied()).arg("try").timeout(Duration::from_secs(30));
        let output = command.write_stdin(log).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("hint: ").map(str::to_owned)).collect::<Vec<_>>()
    };
    let klog = "I1128 10:15:02.123456       1 a.go:7] started\nE1128 10:15:03.123456       1 a.go:8] failed\n";
    let hint = "LOGSKIFF_PARSE=glog finds fields in 2 of 2 lines";
    assert_eq!(hints(klog, &[]), [hint]);
    assert!(hints(klog, &[("LOGSKIFF_PARSE", "klog")]).is_empty());
    for log in ["{\"level\":\"info\",\"msg\":\"a\"}\n", "just text\nand more\n"] {
        assert!(hints(log, &[]).iter().all(|hint| !hint.contains(" finds fields in ")), "{log}");
    }
}

/// Goal: text of a statement is no head of the next record, if it only resembles one.
#[test]
fn a_query_with_a_text_like_a_head_is_one_record() {
    let head =
        "# User@Host: app[app] @ web [192.0.2.7]\n# Query_time: 0.5  Lock_time: 0.0 Rows_sent: 1  Rows_examined: 50\n";
    let query = format!("{head}SET timestamp=1795860907;\nSELECT 'a\n# Time: later\n# User@Host: none\nb';\n");
    let log = format!("# Time: 261128 10:15:08\n{query}{query}# Time: 2026-11-28T10:15:09.123456Z\n{query}");
    let records = records(&log, &[("LOGSKIFF_PARSE", "mysql_slow")]);
    let messages: Vec<_> = records.iter().map(|record| record["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["SELECT 'a\n# Time: later\n# User@Host: none\nb';"; 3]);
}

/// Goal: a client's name does not hide its line in the record before.
#[test]
fn a_name_like_a_detail_begins_a_record() {
    for line in [
        "[32] a DETAIL:  b@shop FATAL:  password authentication failed",
        "[32]: [3-1] user=a DETAIL:  b,db=shop,app=x,client=192.0.2.7 FATAL:  password authentication failed",
        "[32] a@shop DETAIL:  b LOG:  text",
    ] {
        let stamp = "2026-11-28 10:15:02.123 UTC";
        let log = format!(
            "{stamp} [31] ERROR:  duplicate key\n{stamp} [31] DETAIL:  Key (id)=(1) exists: a@b.example LOG: x\n\
             {stamp} {line}\n{stamp} [31] STATEMENT:  select 'FATAL:  x'\n"
        );
        let records = records(&log, &[("LOGSKIFF_PARSE", "postgres")]);
        assert_eq!(records.len(), 2, "{records:?}");
    }
}
