//! `kubectl logs` for files that the application never printed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;

use serde_json::Value;

use super::{Demo, Scene, UP, check_nothing_leaks};
use crate::support::kubernetes::project;
use crate::support::wait_until;

const BOTH: [&str; 4] =
    ["--set", "logskiff.output={kafka,stdout}", "--set", "app.linesPerSecond=200,app.rotateEvery=2000"];

/// The records in a container's output; its own log, which `kubectl logs` shows too, has no `@timestamp`.
fn records(shown: &str) -> Vec<Value> {
    let lines = shown.lines().filter(|line| line.contains(r#""@timestamp":"#));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn numbers(records: &[Value]) -> Vec<u64> {
    records.iter().filter_map(|record| record["seq"].as_u64()).collect()
}

/// Reads this many records from `kubectl logs --follow`, and ends it.
fn follow(mut child: Child, count: usize) -> Vec<Value> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines.map(Result::unwrap).filter(|line| line.contains(r#""seq":"#)).take(count);
    let found = found.map(|line| serde_json::from_str(&line).unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    found
}

/// The commands of `docs/resources.md`, in order: everything, `-f`, `--since`, `--previous`, by label; for this pod,
/// and with seconds instead of minutes.
fn documented(demo: &Demo) -> [Vec<String>; 5] {
    let text = std::fs::read_to_string(project().join("docs/resources.md")).unwrap();
    let selector = format!("app.kubernetes.io/instance={}", demo.release);
    let command = |line: &str| -> Vec<String> {
        let words = line.split_whitespace().skip(1).take_while(|word| *word != "#");
        words
            .map(|word| match word {
                "shop-7d4b9c-x2x7p" => demo.pod.clone(),
                "--since=10m" => "--since=3s".to_owned(),
                "app=shop" => selector.clone(),
                other => other.to_owned(),
            })
            .collect()
    };
    let all: Vec<_> = text.lines().filter(|line| line.starts_with("    kubectl logs ")).map(command).collect();
    all.try_into().expect("five commands")
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

#[test]
fn kubectl_logs_shows_the_redacted_lines_of_files() {
    let Some(scene) = Scene::start("kubectl") else { return };
    let demo = scene.demo("kubectl", &BOTH);
    let [everything, as_they_come, since, previous, by_label] = documented(&demo);
    let logs = |command: &[String]| scene.cluster.text(&words(command));
    scene.received(&demo, 2_500);

    // The application prints nothing until its end; its files have rotated meanwhile.
    assert_eq!(scene.cluster.text(&["logs", &demo.pod, "--container", "app"]), "");
    let whole = logs(&everything);
    check_nothing_leaks(&whole);
    let shown = numbers(&records(&whole));
    assert!(shown.len() >= 2_000 && shown.iter().copied().eq(1..=shown.len() as u64), "in order, and each once");

    // -f continues with new lines.
    let first = scene.broker.end_offset("kubectl");
    let fresh = numbers(&follow(scene.cluster.follow(&words(&as_they_come)), 400));
    assert!(fresh.windows(2).all(|pair| pair[1] == pair[0] + 1), "{fresh:?}");
    assert!(fresh[399] > first, "{} of {first}", fresh[399]);

    // --since uses the time at which the runtime got the line, which is when logskiff printed it.
    let recent = numbers(&records(&logs(&since)));
    eprintln!("--since=3s shows {} of {} records", recent.len(), fresh[399]);
    assert!(recent.len() > 100 && recent.len() < 2_000 && recent[0] > 1, "{} records", recent.len());

    // By label, each line names its pod.
    let prefix = format!("[pod/{}/logskiff] ", demo.pod);
    assert!(logs(&by_label).lines().any(|line| line.starts_with(&prefix) && line.contains(r#""seq":"#)));

    // A node agent recognizes the container's log by its name.
    let data = Path::new(&std::env::var("LOGSKIFF_TEST_KUBECONFIG").unwrap()).ancestors().nth(2).unwrap().join("data");
    let names = std::fs::read_dir(data.join("log/containers")).unwrap();
    let names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let prefix = format!("{}_kubectl_logskiff-", demo.pod);
    assert!(names.iter().any(|name| name.starts_with(&prefix)), "{names:?}");

    // --previous: the output of the killed container. The next one resumes at the checkpoint.
    scene.kill_sidecar(&demo, 1);
    let more = scene.broker.end_offset("kubectl") + 500;
    scene.received(&demo, more);
    let (mut before, after) = (numbers(&records(&logs(&previous))), numbers(&records(&logs(&everything))));
    eprintln!("--previous ends with {:?}, the new container begins with {:?}", before.last(), after.first());
    assert!(before[0] == 1 && after[0] > 1, "it does not start from the beginning");
    before.extend(after);
    before.sort_unstable();
    before.dedup();
    let last = *before.last().unwrap();
    assert_eq!(before.len() as u64, last, "together they have every line once at least");
    wait_until("the rest", UP, || scene.broker.end_offset("kubectl") >= last);
    let (end, _) = scene.stop(demo);
    assert!(end.lost.is_empty(), "{end:?}");
}
