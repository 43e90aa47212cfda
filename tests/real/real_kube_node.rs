//! The image, the charts and injection on a real node: a kubelet, containerd and runc run the pods, and Kafka receives
//! the records.
//!
//! Needs `LOGSKIFF_TEST_KUBECONFIG`, `LOGSKIFF_TEST_HELM`, `LOGSKIFF_TEST_KAFKA` and `LOGSKIFF_TEST_PROMETHEUS`,
//! Metrics Server and kube-state-metrics on the node (`KUBE_NODE_METRICS=1`), the images `localhost/logskiff:VERSION`
//! and `localhost/busybox:1.36` on the node, and to run in the node's network: `.ci/kube-node exec DIR cargo test …`.
//! One test at a time.

mod kubectl;
mod platform;
mod traces;

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::broker::{Broker, Listener};
use crate::support::helm::sidecars;
use crate::support::kubernetes::{Cluster, SYSTEM};
use crate::support::{signal, wait_polling, wait_until};

/// The address at which pods reach services on the node.
const NODE_IP: &str = "10.200.0.1";
/// A pod is up in a few seconds; the machine may be busy.
const UP: Duration = Duration::from_secs(90);
/// The shutdown: the application's, then the drain.
const DOWN: Duration = Duration::from_secs(90);
/// The kubelet measures volumes every ten seconds here, and restarts failing containers with exponential backoff.
const SLOW: Duration = Duration::from_secs(180);
const RESTRICTED: (&str, &str) = ("pod-security.kubernetes.io/enforce", "restricted");
const INJECTION: [&str; 6] = [
    "--set",
    "logskiff.enabled=false",
    "--set-string",
    r"podLabels.logskiff\.dev/inject=true",
    "--set",
    r"podAnnotations.env\.logskiff\.dev/LOGSKIFF_KAFKA_TOPIC=injected",
];

/// A namespace under the restricted profile, and a broker that its pods can reach.
struct Scene {
    cluster: Cluster,
    broker: Broker,
}

/// A pod of the demo application, whose output is followed from its start. The topic's name is the release's name.
struct Demo {
    release: String,
    pod: String,
    output: Child,
}

/// The result for one pod's lines.
#[derive(Debug)]
struct Tally {
    written: u64,
    lost: Vec<u64>,
    duplicates: u64,
}

impl Scene {
    fn prepare(namespace: &str) -> Option<Self> {
        let cluster = Cluster::prepare(namespace, &[RESTRICTED])?;
        let listener = Listener { name: "PODS", host: NODE_IP, protocol: "PLAINTEXT", settings: Vec::new() };
        Some(Self { cluster, broker: Broker::prepare_with(&[listener], &[])? })
    }

    fn start(namespace: &str) -> Option<Self> {
        let mut scene = Self::prepare(namespace)?;
        scene.broker.restart();
        Some(scene)
    }

    /// Installs the demo application and waits until both of its containers run and are ready.
    fn demo(&self, release: &str, values: &[&str]) -> Demo {
        let image = format!(
            "image=localhost/busybox:1.36,logskiff.image.repository=localhost/logskiff,logskiff.kafka.topic={release}"
        );
        let brokers = format!("logskiff.kafka.brokers={{{}}}", self.broker.listener("PODS"));
        self.cluster.install_demo(release, &[&["--set", &image, "--set", &brokers], values].concat());
        let selector = format!("app.kubernetes.io/instance={release}");
        let mut pod = Value::Null;
        wait_until("a pod that is ready", UP, || {
            pod = self.cluster.pods(&selector, UP).remove(0);
            let ready = |list: &str| -> usize {
                let statuses = pod["status"][list].as_array().into_iter().flatten();
                statuses.filter(|status| status["ready"] == true).count()
            };
            let done = pod["status"]["phase"] == "Succeeded";
            done || (ready("initContainerStatuses") == 1 && ready("containerStatuses") == 1)
        });
        assert_eq!(sidecars(&pod).len(), 1);
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        let output = self.cluster.follow(&["logs", "--follow", &name, "--container", "app"]);
        Demo { release: release.to_owned(), pod: name, output }
    }

    /// Sets up injection with the same destination.
    fn injector(&self) {
        let brokers = format!("env.LOGSKIFF_KAFKA_BROKERS={}", self.broker.listener("PODS"));
        let settings = "image.repository=localhost/logskiff,env.LOGSKIFF_REDACT=secrets\\,pii,env.LOGSKIFF_OUTPUT=kafka\\,stdout,env.LOGSKIFF_FIELDS=team={label.team:unknown}";
        self.cluster.install_injector(&["--set", &brokers, "--set", settings]);
    }

    /// Kubernetes' status of the sidecar's container.
    fn sidecar(&self, demo: &Demo) -> Value {
        self.cluster.get(&["pod", &demo.pod])["status"]["initContainerStatuses"][0].clone()
    }

    /// Kills the sidecar, and waits for its restart number `times`.
    fn kill_sidecar(&self, demo: &Demo, time: u64) {
        let uid = self.cluster.get(&["pod", &demo.pod])["metadata"]["uid"].as_str().unwrap().to_owned();
        signal(process_in_the_pod(&uid).expect("a logskiff"), "KILL");
        wait_polling("the restart", SLOW, Duration::from_millis(500), || {
            let status = self.sidecar(demo);
            status["restartCount"].as_u64() == Some(time) && status["state"].get("running").is_some()
        });
    }

    /// The messages at the broker, once no more arrive.
    fn records(&self, demo: &Demo) -> Vec<Value> {
        let messages = self.broker.consume(&demo.release).into_iter();
        messages.map(|message| serde_json::from_slice(&message.payload).expect("JSON")).collect()
    }

    /// Waits until this many messages are at the broker.
    fn received(&self, demo: &Demo, lines: u64) {
        wait_polling("lines at the broker", UP, Duration::from_millis(200), || {
            self.broker.end_offset(&demo.release) >= lines
        });
    }

    /// Deletes the workload while it writes, waits for the pod's end, and compares.
    fn stop(&self, demo: Demo) -> (Tally, Vec<Value>) {
        self.end(&demo);
        self.tally(demo)
    }

    /// Deletes the workload while it writes, and waits for the pod's end.
    fn end(&self, demo: &Demo) {
        let start = Instant::now();
        self.cluster.text(&["scale", "deployment", &demo.release, "--replicas=0"]);
        wait_polling("the pod's end", DOWN, Duration::from_millis(200), || {
            !self.cluster.kubectl(&["get", "pod", &demo.pod]).status.success()
        });
        eprintln!("{}: ended after {:.1} s", demo.pod, start.elapsed().as_secs_f64());
    }

    /// Compares the lines that the application reports as written with the messages at the broker.
    fn tally(&self, demo: Demo) -> (Tally, Vec<Value>) {
        let records = self.records(&demo);
        let pod = demo.pod.clone();
        let written = demo.written();
        let tally = tally(written, &records);
        eprintln!("{pod}: {written} written, {} lost, {} duplicates", tally.lost.len(), tally.duplicates);
        (tally, records)
    }
}

impl Demo {
    /// How many events the application says that it wrote, once it has ended.
    fn written(self) -> u64 {
        let output = self.output.wait_with_output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        printed
            .lines()
            .find_map(|line| line.strip_prefix("wrote ")?.strip_suffix(" lines")?.parse().ok())
            .unwrap_or_else(|| panic!("the application's last word: {printed}"))
    }
}

fn tally(written: u64, records: &[Value]) -> Tally {
    let number = |record: &Value| record["seq"].as_u64().unwrap_or_else(|| panic!("a number in {record}"));
    tally_numbers(written, records.iter().map(number))
}

/// `numbers`: those of the events that arrived.
fn tally_numbers(written: u64, numbers: impl Iterator<Item = u64>) -> Tally {
    let mut arrivals = vec![0_u64; usize::try_from(written).unwrap() + 1];
    for seq in numbers {
        arrivals[usize::try_from(seq).unwrap()] += 1;
    }
    let lost = (1..=written).filter(|&seq| arrivals[usize::try_from(seq).unwrap()] == 0).collect();
    Tally { written, lost, duplicates: arrivals.iter().map(|count| count.saturating_sub(1)).sum() }
}

/// Checks a record: metadata of the pod, no secret.
fn check_record(record: &Value, pod: &str, namespace: &str) {
    assert_eq!(record["kubernetes.pod.name"], pod);
    assert_eq!(record["kubernetes.namespace"], namespace);
    assert_eq!(record["kubernetes.node.name"], "kube-node");
    assert_eq!(record["kubernetes.container.name"], "app");
    assert!(record["kubernetes.pod.uid"].as_str().is_some_and(|uid| uid.len() == 36), "{record}");
    assert!(record["kubernetes.pod.ip"].as_str().is_some_and(|ip| ip.starts_with("10.244.")), "{record}");
    assert!(record.to_string().contains(r#""team":"demo""#), "a label: {record}");
    assert_eq!(record["email"], "<redacted:email>");
    assert_eq!(record["password"], "<redacted:field>");
}

fn check_nothing_leaks(text: &str) {
    assert!(!text.contains("ada@example.org") && !text.contains("hunter"), "{text}");
}

#[test]
fn a_deployment_ships_redacted_lines_and_drains() {
    let Some(scene) = Scene::start("deployment") else { return };
    scene.injector();
    let both = ["--set", "logskiff.output={kafka,stdout}"];
    for (release, values) in [("library", &both[..]), ("injected", &INJECTION)] {
        let demo = scene.demo(release, &[values, &["--set", "app.linesPerSecond=500,app.rotateEvery=2000"]].concat());
        let ready = scene.cluster.text(&["get", "pod", &demo.pod, "--no-headers"]);
        assert!(ready.contains("2/2") && ready.contains("Running"), "{ready}");
        scene.received(&demo, 4_000);
        let shown = scene.cluster.text(&["logs", &demo.pod, "--container", "logskiff"]);
        assert!(shown.contains("<redacted:email>"), "kubectl logs shows the lines: {shown}");
        check_nothing_leaks(&shown);
        // Neither the application nor logskiff has a token.
        let pod = scene.cluster.get(&["pod", &demo.pod]);
        assert!(!pod.to_string().contains("kube-api-access"));
        // Deleted during traffic: the application stops first, with a final report, and logskiff drains.
        let pod = demo.pod.clone();
        let (end, records) = scene.stop(demo);
        check_record(&records[0], &pod, "deployment");
        for record in &records {
            check_nothing_leaks(&record.to_string());
        }
        assert!(end.written > 4_000);
        assert!(end.lost.is_empty(), "{end:?}");
        assert_eq!(end.duplicates, 0, "{release}");
    }
}

#[test]
fn a_job_completes_and_so_does_its_sidecar() {
    let Some(scene) = Scene::start("jobs") else { return };
    scene.injector();
    for (release, values) in [("library", &[][..]), ("injected", &INJECTION)] {
        let job = ["--set", "kind=Job,app.lines=3000,app.linesPerSecond=1000,app.rotateEvery=1000"];
        let demo = scene.demo(release, &[&job, values].concat());
        scene.cluster.text(&["wait", "--for=condition=complete", "--timeout=120s", &format!("job/{release}")]);
        let pod = scene.cluster.get(&["pod", &demo.pod]);
        let ended = &pod["status"]["initContainerStatuses"][0]["state"]["terminated"];
        assert_eq!(ended["exitCode"], 0, "{pod:#}");
        let word = ended["message"].as_str().unwrap_or_default();
        assert!(word.contains("3001") || word.contains("acknowledged"), "the receipt: {word}");
        let (end, _) = scene.tally(demo);
        assert_eq!(end.written, 3_001);
        assert!(end.lost.is_empty() && end.duplicates == 0, "{end:?}");
    }
}

/// The process of the logskiff in a pod, else the first in any. `exec` keeps this machine's view of processes.
fn process_in_the_pod(uid: &str) -> Option<u32> {
    let found = Command::new("pgrep").args(["-f", "^/usr/local/bin/logskiff run$"]).output().expect("pgrep runs");
    let is_of_pod = |process: &u32| {
        let groups = fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap_or_default();
        groups.contains(uid) || groups.contains(&uid.replace('-', "_"))
    };
    let all: Vec<u32> = String::from_utf8_lossy(&found.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    all.iter().copied().find(is_of_pod).or_else(|| all.first().copied())
}

#[test]
fn a_killed_sidecar_continues() {
    let Some(scene) = Scene::start("killed") else { return };
    let demo = scene.demo("killed", &["--set", "app.linesPerSecond=1000,app.rotateEvery=4000"]);
    for kill in 1..=2_u64 {
        scene.received(&demo, scene.broker.end_offset("killed") + 3_000);
        scene.kill_sidecar(&demo, kill);
    }
    let (end, _) = scene.stop(demo);
    assert!(end.lost.is_empty(), "{end:?}");
    assert!(end.duplicates * 20 < end.written, "under 5 %: {end:?}");
}

#[test]
fn a_trace_stays_whole_while_the_sidecar_is_killed() {
    let Some(scene) = Scene::start("traces") else { return };
    let values = "app.format=spring,app.linesPerSecond=200,app.rotateEvery=1000,app.rotateKeep=20";
    let demo = scene.demo("traces", &["--set", values]);
    for kill in 1..=2_u64 {
        scene.received(&demo, scene.broker.end_offset("traces") + 1_500);
        scene.kill_sidecar(&demo, kill);
    }
    scene.received(&demo, scene.broker.end_offset("traces") + 500);
    scene.end(&demo);
    let records = scene.records(&demo);
    let written = demo.written();
    let end = tally_numbers(written, records.iter().map(|record| traces::number(record, written)));
    eprintln!("{written} events written, {} lost, {} duplicates", end.lost.len(), end.duplicates);
    assert!(end.lost.is_empty(), "{end:?}");
    assert!(end.duplicates * 10 < end.written, "under 10 %: {end:?}");
}

#[test]
fn without_a_broker_the_application_is_still_ready() {
    let Some(mut scene) = Scene::prepare("absent") else { return };
    let demo = scene.demo("absent", &["--set", "app.linesPerSecond=200,app.rotateEvery=1000"]);
    std::thread::sleep(Duration::from_secs(8));
    let ready = scene.cluster.text(&["get", "pod", &demo.pod, "--no-headers"]);
    assert!(ready.contains("2/2") && ready.split_whitespace().nth(3) == Some("0"), "no restart: {ready}");
    scene.broker.restart();
    scene.received(&demo, 2_000);
    let (end, _) = scene.stop(demo);
    assert!(end.lost.is_empty() && end.duplicates == 0, "{end:?}");
}

/// The volume is full: Kubernetes evicts the pod with a grace period of one second. Lines written before that are at
/// the broker.
#[test]
fn a_full_volume_evicts_the_pod() {
    let Some(scene) = Scene::start("full") else { return };
    let size = "app.linesPerSecond=1000,app.rotateEvery=5000,app.rotateKeep=50,logskiff.logs.sizeLimit=2Mi";
    let demo = scene.demo("full", &["--set", size]);
    // The kubelet's event is the reliable sign: if the containers end within the grace period, the pod's status may not
    // report it.
    let mut message = String::new();
    wait_polling("the eviction", SLOW, Duration::from_millis(500), || {
        let events = scene.cluster.get(&["events", "--field-selector", "reason=Evicted"]);
        let ours = |event: &&Value| event["involvedObject"]["name"] == *demo.pod;
        let event = events["items"].as_array().unwrap().iter().find(ours);
        message = event.map(|event| event["message"].as_str().unwrap().to_owned()).unwrap_or_default();
        event.is_some()
    });
    assert!(message.contains("logskiff-logs") && message.contains("exceeds the limit"), "{message}");
    // The Deployment has created another pod meanwhile, with its own lines.
    scene.cluster.text(&["scale", "deployment", "full", "--replicas=0"]);
    wait_until("the end of the other pod", DOWN, || {
        let pods = scene.cluster.get(&["pods"]);
        pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|pod| matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded")))
    });
    let mut records = scene.records(&demo);
    records.retain(|record| record["kubernetes.pod.name"] == demo.pod);
    // The application may be killed before its final report: the received lines must have no gap.
    let newest = records.iter().filter_map(|record| record["seq"].as_u64()).max().unwrap();
    let end = tally(newest, &records);
    eprintln!("evicted at line {newest}: {message}");
    assert!(newest > 10_000 && end.lost.is_empty() && end.duplicates == 0, "{end:?}");
    let mut output = demo.output;
    let _ = output.kill();
    let printed = String::from_utf8_lossy(&output.wait_with_output().unwrap().stdout).into_owned();
    if let Some(written) =
        printed.lines().find_map(|line| line.strip_prefix("wrote ")?.strip_suffix(" lines")?.parse::<u64>().ok())
    {
        eprintln!("the application wrote {written}: {} did not leave", written - newest);
    }
}

/// The policy's chart is removed with its release, and running pods continue.
#[test]
fn uninstalling_the_injector_leaves_the_pods() {
    let Some(scene) = Scene::start("uninstalled") else { return };
    scene.injector();
    let demo = scene.demo("injected", &INJECTION);
    scene.received(&demo, 100);
    let done = scene
        .cluster
        .helm
        .tool("helm")
        .env("KUBECONFIG", std::env::var_os("LOGSKIFF_TEST_KUBECONFIG").unwrap())
        .args(["uninstall", "--namespace", SYSTEM, "logskiff"])
        .output()
        .unwrap();
    assert!(done.status.success());
    let (end, _) = scene.stop(demo);
    assert!(end.lost.is_empty() && end.duplicates == 0, "{end:?}");
}
