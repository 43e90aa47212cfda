//! A sidecar in the platform's own tools: Metrics Server and `kubectl top`, horizontal autoscaling, kube-state-metrics,
//! cAdvisor and a Prometheus that discovers native sidecars.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Demo, SLOW, Scene, tally};
use crate::support::kubernetes::project;
use crate::support::prometheus::{Prometheus, programs};
use crate::support::{http, wait_polling};

/// Metrics Server queries the kubelet every 10 s, which measures about as often. Autoscaling checks every 5 s, and
/// ignores a new pod's first figures.
const FIGURES: Duration = Duration::from_secs(180);
const SCRAPE: &str = "5s";

fn example(name: &str) -> String {
    std::fs::read_to_string(project().join("examples").join(name)).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_norway::from_str(text).unwrap()
}

impl Scene {
    /// The output of `kubectl top` for a pod: by container, millicores and MiB.
    fn top(&self, pod: &str) -> Vec<(String, u64, u64)> {
        let shown = self.cluster.kubectl(&["top", "pod", pod, "--containers", "--no-headers"]).stdout;
        let number = |text: &str, unit: &str| text.strip_suffix(unit).and_then(|number| number.parse().ok());
        let row = |line: &str| {
            let mut words = line.split_whitespace().skip(1);
            let name = words.next()?.to_owned();
            Some((name, number(words.next()?, "m")?, number(words.next()?, "Mi")?))
        };
        String::from_utf8_lossy(&shown).lines().filter_map(row).collect()
    }

    /// An autoscaler of the examples, for this release.
    fn scale(&self, name: &str, demo: &Demo) {
        let mut scaler = yaml(&example(name));
        scaler["metadata"]["name"] = json!(demo.release);
        scaler["spec"]["scaleTargetRef"]["name"] = json!(demo.release);
        self.cluster.apply(&scaler);
    }

    fn scaler(&self, demo: &Demo) -> Value {
        self.cluster.get(&["hpa", &demo.release])["status"].clone()
    }
}

/// The examples' jobs, changed only for access from outside of this cluster.
fn configuration(rules: &str) -> String {
    let kubeconfig = std::env::var("LOGSKIFF_TEST_KUBECONFIG").unwrap();
    let mut jobs = Vec::new();
    for name in ["prometheus/scrape.yaml", "prometheus/node.yaml"] {
        jobs.extend(yaml(&example(name))["scrape_configs"].as_array().unwrap().clone());
    }
    for job in &mut jobs {
        job["scrape_interval"] = json!(SCRAPE);
        for discovery in job["kubernetes_sd_configs"].as_array_mut().into_iter().flatten() {
            discovery["kubeconfig_file"] = json!(kubeconfig);
        }
        match job["job_name"].as_str().unwrap() {
            "cadvisor" => {
                // No token, no certificate, and loopback only: see kube-node.
                job.as_object_mut().unwrap().remove("authorization");
                job["tls_config"] = json!({"insecure_skip_verify": true});
                job["relabel_configs"] = json!([{"target_label": "__address__", "replacement": "127.0.0.1:10250"}]);
            }
            "kube-state-metrics" => job["static_configs"][0]["targets"] = json!(["10.200.0.1:8080"]),
            _ => {}
        }
    }
    let rules = project().join("examples/prometheus").join(rules);
    json!({"global": {"evaluation_interval": SCRAPE}, "rule_files": [rules], "scrape_configs": jobs}).to_string()
}

/// The names of the recording rules.
fn recorded(path: &Path) -> Vec<String> {
    let rules = yaml(&std::fs::read_to_string(path).unwrap());
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    rules.iter().filter_map(|rule| rule["record"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_platform_s_tools_distinguish_sidecar_and_application() {
    let Some(scene) = Scene::start("platform") else { return };
    let Some(programs) = programs() else { return };
    // The application takes more than the 10m of CPU that it requests. In the second pod the sidecar requests much.
    let busy = ["--set", "app.linesPerSecond=1000"];
    let right = scene.demo("right", &busy);
    let wrong = scene.demo("wrong", &[&busy[..], &["--set", "logskiff.resources.requests.cpu=500m"]].concat());

    let prometheus = Prometheus::configured(&programs, &configuration("cost.yaml"));

    // kubectl top pod --containers
    let mut rows = Vec::new();
    wait_polling("figures of both containers", FIGURES, Duration::from_secs(1), || {
        rows = scene.top(&right.pod);
        rows.len() == 2 && rows.iter().all(|row| row.2 > 0)
    });
    eprintln!("{}", scene.cluster.text(&["top", "pod", "--containers"]));
    let of = |name: &str| rows.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("{name} in {rows:?}"));
    assert!(of("logskiff").2 < 24, "within what it requests: {rows:?}");
    of("app");

    // By the application's container, it scales up; by the whole pod it does not, although the application is as busy.
    scene.scale("kubernetes/hpa.yaml", &right);
    scene.scale("kubernetes/hpa-wrong.yaml", &wrong);
    wait_polling("the application to be scaled", FIGURES, Duration::from_secs(1), || {
        scene.scaler(&right)["currentReplicas"].as_u64() >= Some(2)
    });
    wait_polling("a figure of the other", FIGURES, Duration::from_secs(1), || {
        scene.scaler(&wrong)["currentMetrics"][0]["resource"]["current"]["averageUtilization"].is_u64()
    });
    let described = scene.cluster.text(&["describe", "hpa", &right.release]);
    eprintln!("{described}\n{}", scene.cluster.text(&["describe", "hpa", &wrong.release]));
    for line in [
        r#"resource cpu of container "app" on pods  (as a percentage of request):"#,
        "AbleToScale",
        "ScalingActive",
        "ScalingLimited",
        "SuccessfulRescale",
    ] {
        assert!(described.contains(line), "{line} in {described}");
    }
    let other = scene.scaler(&wrong);
    let percent = other["currentMetrics"][0]["resource"]["current"]["averageUtilization"].as_u64().unwrap();
    assert!(percent < 60 && other["desiredReplicas"] == 1, "{other}");

    // Every recording rule has a value for this namespace.
    let rules = recorded(&project().join("examples/prometheus/cost.yaml"));
    assert!(rules.len() > 5, "{rules:?}");
    for rule in rules {
        let mut series = Vec::new();
        wait_polling(&rule, FIGURES, Duration::from_millis(500), || {
            series = prometheus.query(&format!("{rule}{{namespace=\"platform\"}}"));
            !series.is_empty() && series.iter().all(|(_, value)| value.is_finite() && *value > 0.0)
        });
        eprintln!("{rule}: {series:?}");
    }
    // Native sidecars were discovered, also those of the pods that were added by scaling.
    let mut targets = Vec::new();
    wait_polling("the sidecars of the new pods", FIGURES, Duration::from_millis(500), || {
        targets = prometheus.query("up{job=\"logskiff\", namespace=\"platform\"} == 1");
        targets.len() >= 3
    });
    eprintln!("{targets:?}");

    // KEDA's query to Prometheus for this application.
    let scaler = yaml(&example("kubernetes/keda.yaml"));
    let query = scaler["spec"]["triggers"][0]["metadata"]["query"].as_str().unwrap();
    let query =
        query.replace("\"shop\"", "\"platform\"").replace("shop-.*", "right-.*").replace("\"access\"", "\"default\"");
    let mut written = Vec::new();
    wait_polling("what the application writes in a second", FIGURES, Duration::from_millis(500), || {
        written = prometheus.query(&query);
        written.len() == 1 && written[0].1 > 20_000.0
    });
    eprintln!("{query}: {written:?}");
    scene.cluster.text(&["delete", "hpa", "--all"]);
}

/// A line that does not fit into the memory limit causes repeated OOM kills: detected, explained, and repaired without
/// losing a line.
#[test]
fn a_sidecar_without_memory_continues() {
    let Some(scene) = Scene::start("oom") else { return };
    let Some(programs) = programs() else { return };
    let prometheus = Prometheus::configured(&programs, &configuration("alerts-node.yaml"));
    let large =
        "logskiff.resources.limits.memory=32Mi,logskiff.env.LOGSKIFF_LINE_BYTES_MAX=16MiB,app.linesPerSecond=100";
    let demo = scene.demo("oom", &["--set", large]);
    scene.received(&demo, 300);
    let restarts = "kube_pod_init_container_status_restarts_total{namespace=\"oom\", container=\"logskiff\"}";
    wait_polling("the count of restarts", FIGURES, Duration::from_millis(500), || {
        prometheus.query(restarts).len() == 1
    });
    // In a separate file: otherwise the application's other lines would come in between.
    let write = "head -c 15000000 /dev/zero | tr '\\0' x > /var/log/app/long.log; echo >> /var/log/app/long.log";
    scene.cluster.text(&["exec", &demo.pod, "--container", "app", "--", "/bin/busybox", "sh", "-c", write]);
    let mut seen = Value::Null;
    wait_polling("the kill", SLOW, Duration::from_millis(500), || {
        seen = scene.sidecar(&demo);
        ["state", "lastState"].iter().any(|state| seen[state]["terminated"]["reason"] == "OOMKilled")
    });
    let ended = ["state", "lastState"].iter().map(|state| &seen[state]["terminated"]).find(|ended| !ended.is_null());
    assert_eq!(ended.unwrap()["exitCode"], 137, "{seen}");

    // The alert uses kube-state-metrics: the new container has a new memory group, which knows of no kill.
    wait_polling("the alert", FIGURES, Duration::from_millis(500), || {
        prometheus.query("ALERTS{alertname=\"LogskiffOutOfMemory\", alertstate=\"firing\", namespace=\"oom\"}").len()
            == 1
    });

    // In place: a new pod would start with an empty volume, and the line would be lost.
    let limits =
        json!({"spec": {"initContainers": [{"name": "logskiff", "resources": {"limits": {"memory": "128Mi"}}}]}});
    scene.cluster.text(&["patch", "pod", &demo.pod, "--subresource", "resize", "--patch", &limits.to_string()]);
    let mut mended = Value::Null;
    wait_polling("the higher limit", SLOW, Duration::from_millis(500), || {
        mended = scene.sidecar(&demo);
        mended["resources"]["limits"]["memory"] == "128Mi" && mended["state"].get("running").is_some()
    });
    // The line, and the lines after it.
    let before = scene.broker.end_offset("oom");
    scene.received(&demo, before + 300);
    mended = scene.sidecar(&demo);
    assert!(mended["state"].get("running").is_some(), "{mended}");
    let pod = scene.cluster.get(&["pod", &demo.pod]);
    let metrics = http::scrape(&format!("{}:9598", pod["status"]["podIP"].as_str().unwrap())).unwrap();
    assert!(metrics["logskiff_cgroup_oom_kills_total"] < 1.0, "{metrics:?}");
    scene.end(&demo);
    let (parts, records): (Vec<_>, Vec<_>) =
        scene.broker.consume("oom").into_iter().partition(|message| message.headers.contains_key("part"));
    let long: usize = parts.iter().map(|part| part.payload.len()).sum();
    let records: Vec<Value> = records.iter().map(|record| serde_json::from_slice(&record.payload).unwrap()).collect();
    let newest = records.iter().filter_map(|record| record["seq"].as_u64()).max().unwrap();
    let end = tally(newest, &records);
    let restarts = mended["restartCount"].as_u64().unwrap();
    eprintln!("{restarts} restarts, the long line in {} parts of {long} B together, {end:?}", parts.len());
    assert!(long > 15_000_000 && newest > 600 && end.lost.is_empty(), "{end:?}");
    assert!(end.duplicates <= restarts * 100, "a second's lines for each kill at most: {end:?}");
}
