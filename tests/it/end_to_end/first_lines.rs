//! Lines that do not have the asked format, or have no time, are noticed at once: in logskiff's own log, and by `try`.

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::wait_until;

const STAMPED: &str = "2026-11-28T10:15:02Z INFO zebra came in\n";
const OBJECT: &str = "{\"time\":\"2026-11-28T10:15:02Z\",\"msg\":\"zebra\"}\n";
const ACCESS: &str = "192.0.2.7 - - [28/Nov/2026:10:15:02 +0000] \"GET /zebra HTTP/1.1\" 200 1\n";
const FORMAT: &str = "LOGSKIFF_PARSE asks for";
const TIME: &str = "no time is found";

/// The warnings of a run to the end, without a line's content.
#[track_caller]
fn warnings(log: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let scene = Scene::new();
    scene.write("logs/app.log", log);
    let settings = scene.to_stdout().with("LOGSKIFF_START_AT", "beginning").with("LOGSKIFF_LOG", "warn");
    let settings = variables.iter().fold(settings, |settings, (name, value)| settings.with(name, value));
    let own_log = scene.run_to_end(settings).stderr();
    assert!(!own_log.contains("zebra"), "{own_log}");
    own_log.lines().filter(|line| line.contains("\"WARN\"")).map(ToOwned::to_owned).collect()
}

/// Checks that there is one warning, which holds all `words`.
#[track_caller]
fn check(log: &str, variables: &[(&str, &str)], words: &[&str]) {
    let logged = warnings(log, variables);
    assert_eq!(logged.len(), 1, "{variables:?}: {logged:#?}");
    for word in words {
        assert!(logged[0].contains(word), "{word} is not in {}", logged[0]);
    }
}

/// Goal: a format that the lines do not have is logged while logskiff runs, once for each input, with a proposal.
#[test]
fn a_wrong_format_is_logged_after_a_thousand_lines() {
    let scene = Scene::new();
    scene.write("logs/app.log", STAMPED.repeat(999));
    scene.write("logs/other.log", OBJECT.repeat(1_500));
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_INPUT_APP_PATHS", &scene.log("app.log").display().to_string())
        .with("LOGSKIFF_INPUT_OTHER_PATHS", &scene.log("other.log").display().to_string())
        .without("LOGSKIFF_PATHS")
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_START_AT", "beginning");
    let sidecar = scene.start(&settings);
    wait_until("all is read", PATIENCE, || sidecar.stdout().lines().count() >= 2_499);
    assert!(!sidecar.stderr().contains(FORMAT), "{}", sidecar.stderr());
    scene.append_log("app.log", STAMPED.repeat(500));
    wait_until("a warning", PATIENCE, || sidecar.stderr().contains(FORMAT));
    scene.append_log("app.log", STAMPED.repeat(2_000));
    wait_until("all is read", PATIENCE, || sidecar.stdout().lines().count() >= 4_999);
    let log = scene.path("sidecar.log");
    sidecar.drain(PATIENCE);
    let log = std::fs::read_to_string(log).unwrap();
    let logged: Vec<&str> = log.lines().filter(|line| line.contains("\"WARN\"")).collect();
    assert_eq!(logged.len(), 1, "{log}");
    for word in ["\"input\":\"app\"", "\"lines\":1000,\"failed\":1000", "\"proposal\":\"LOGSKIFF_PARSE=auto\"", FORMAT]
    {
        assert!(logged[0].contains(word), "{word} is not in {}", logged[0]);
    }
    assert!(!log.contains("zebra"), "{log}");
}

/// Goal: a short log is judged at the end, a very short one is not.
#[test]
fn a_pattern_that_matches_nothing_is_logged_at_the_end() {
    let pattern = [("LOGSKIFF_PARSE", "regex"), ("LOGSKIFF_PARSE_PATTERN", "^(?<status>[0-9]+)$")];
    check("zebra\n".repeat(10).as_str(), &pattern, &["\"lines\":10,\"failed\":10", "another LOGSKIFF_PARSE_PATTERN"]);
    let half = "zebra\n".repeat(11) + &"200\n".repeat(10);
    check(&half, &pattern, &[FORMAT, "\"lines\":21,\"failed\":11"]);
    assert_eq!(warnings(&"zebra\n".repeat(9), &pattern), [""; 0]);
    let json = [("LOGSKIFF_PARSE", "json")];
    check(&(ACCESS.repeat(6) + &OBJECT.repeat(5)), &json, &[FORMAT, "\"proposal\":\"LOGSKIFF_PARSE=auto\""]);
    // Lines that are dropped count as well.
    check(&ACCESS.repeat(10), &[json[0], ("LOGSKIFF_PARSE_ON_ERROR", "drop")], &[FORMAT]);
}

#[test]
fn lines_without_a_time_are_logged() {
    let auto = [("LOGSKIFF_PARSE", "auto")];
    check(&"zebra\n".repeat(10), &auto, &[TIME, "\"lines\":10", "LOGSKIFF_PARSE=regex"]);
    check(&"{\"when\":\"zebra\"}\n".repeat(10), &auto, &[TIME, "LOGSKIFF_TIME_FIELD"]);
    check(&"{\"time\":\"zebra\"}\n".repeat(10), &auto, &[TIME, "LOGSKIFF_TIME_FORMAT"]);
}

/// Goal: nothing is logged of lines that are as configured, or of which nothing is asked.
#[test]
fn good_logs_are_silent() {
    let silent = |log: &str, variables: &[(&str, &str)]| assert_eq!(warnings(log, variables), [""; 0], "{variables:?}");
    silent(&STAMPED.repeat(20), &[("LOGSKIFF_PARSE", "auto")]);
    silent(&OBJECT.repeat(1_200), &[("LOGSKIFF_PARSE", "json")]);
    silent(&ACCESS.repeat(20), &[("LOGSKIFF_PARSE", "nginx")]);
    silent(&(OBJECT.repeat(10) + &ACCESS.repeat(10)), &[("LOGSKIFF_PARSE", "json")]);
    silent(&"zebra\n".repeat(20), &[("LOGSKIFF_PARSE", "none")]);
    // No record has a time.
    silent(&"zebra\n".repeat(20), &[("LOGSKIFF_PARSE", "auto"), ("LOGSKIFF_ENCODING", "raw")]);
    // The container's runtime wrote it.
    silent(&"2026-11-28T10:15:02Z stdout F zebra\n".repeat(20), &[("LOGSKIFF_PARSE", "auto")]);
}

/// Goal: `try` ends with what it found, apart from the records.
#[test]
fn try_ends_with_a_summary() {
    #[track_caller]
    fn summary(arguments: &[&str], variables: &[(&str, &str)], log: &str) -> String {
        let mut command = assert_cmd::Command::cargo_bin("logskiff").unwrap();
        command.env_clear().envs(variables.iter().copied()).arg("try").args(arguments).timeout(PATIENCE);
        let output = command.write_stdin(log).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(!printed.contains("did not match"), "{printed}");
        String::from_utf8(output.stderr).unwrap()
    }
    let json = [("LOGSKIFF_PARSE", "json")];
    let log = STAMPED.repeat(13) + "\n" + &OBJECT.repeat(3) + "{\"level\":\"warn\"}\n";
    assert_eq!(
        summary(&[], &json, &log),
        "13 of 17 lines did not match; time found in 3 of 17, level in 1 of 17\nhint: LOGSKIFF_PARSE=auto\n"
    );
    let raw = ["--format", "raw"];
    assert_eq!(summary(&raw, &[], &log), "0 of 17 lines did not match; time found in 16 of 17, level in 14 of 17\n");
    // All lines count, and few are enough.
    assert!(
        summary(&[], &json, &(OBJECT.repeat(1_200) + "zebra"))
            .starts_with("1 of 1201 lines did not match; time found in 1200")
    );
    assert!(summary(&[], &[], "zebra").ends_with(
        "level in 0 of 1\nhint: if they have one: LOGSKIFF_PARSE=regex and a LOGSKIFF_PARSE_PATTERN with (?<time>...)\n"
    ));
    assert_eq!(summary(&[], &[], ""), "0 of 0 lines did not match; time found in 0 of 0, level in 0 of 0\n");
}
