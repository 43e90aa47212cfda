//! The charts, rendered by a real Helm and checked with the usual tools for charts.
//!
//! Needs `LOGSKIFF_TEST_HELM` (`.ci/helm-install DIR` makes one).

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::helm::{Helm, environment, sidecar, sidecars};

const CHARTS: [&str; 3] = ["logskiff-lib", "logskiff-injector", "demo-app"];
const KINDS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];
/// Versions of Kubernetes whose schemas are used. Native sidecars exist since 1.29.
const KUBERNETES: std::ops::RangeInclusive<u32> = 29..=37;
/// Values of the library that together set every typed value.
const FULL: &str = concat!(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."), "/tests/real/real_helm/full.yaml");
const MONITORING: [&str; 2] = ["--set", "podMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true"];
/// Checks of kube-score that do not apply to a sidecar, or are the cluster owner's decision: an ephemeral-storage limit
/// evicts the application, `Always` extends a registry's outage to the application, and network policies and probes of
/// the application are the application's.
const SCORE_IGNORED: [&str; 4] =
    ["container-ephemeral-storage-request-and-limit", "container-image-pull-policy", "pod-networkpolicy", "pod-probes"];

#[test]
fn the_charts_pass_the_linter() {
    let Some(helm) = Helm::prepare() else { return };
    for chart in CHARTS {
        let done = helm.run(&["lint", "--strict", helm.chart(chart).to_str().unwrap()]);
        assert!(done.status.success(), "{chart}: {}", String::from_utf8_lossy(&done.stdout));
    }
}

fn validate(helm: &Helm, version: u32, text: &str) {
    let schemas = helm.schemas();
    let location = format!(
        "{}/{{{{.NormalizedKubernetesVersion}}}}-local{{{{.StrictSuffix}}}}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
        schemas.display()
    );
    let mut process = helm
        .tool("kubeconform")
        .args(["-strict", "-summary", "-kubernetes-version", &format!("1.{version}.0"), "-schema-location", &location])
        // Kinds of the Prometheus operator, for which Kubernetes has no schema.
        .args(["-skip", "PodMonitor,PrometheusRule", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubeconform runs");
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let done = process.wait_with_output().unwrap();
    assert!(done.status.success(), "1.{version}: {}\n{text}", String::from_utf8_lossy(&done.stdout));
}

#[test]
fn every_supported_kubernetes_accepts_the_objects() {
    let Some(helm) = Helm::prepare() else { return };
    let mut objects = 0;
    for version in KUBERNETES {
        let number = format!("1.{version}.0");
        let mut render = |chart: &str, arguments: &[&str]| {
            let arguments = [&["--kube-version", &number], arguments].concat();
            validate(&helm, version, &helm.template(chart, &arguments).unwrap());
            objects += 1;
        };
        for kind in KINDS {
            for mode in ["native", "classic"] {
                render("demo-app", &["--set", &format!("kind={kind},logskiff.mode={mode}")]);
            }
        }
        render("demo-app", &["-f", FULL]);
        render("demo-app", &["--set", "logskiff.enabled=false"]);
        // The policy's API: v1 since 1.36, v1beta1 since 1.34.
        match version {
            36.. => render("logskiff-injector", &MONITORING),
            34.. => render("logskiff-injector", &["--set", "apiVersion=v1beta1"]),
            _ => {}
        }
    }
    eprintln!("{objects} renderings validated, Kubernetes 1.{} to 1.{}", KUBERNETES.start(), KUBERNETES.end());
}

#[test]
fn a_native_sidecar_is_refused_before_1_29() {
    let Some(helm) = Helm::prepare() else { return };
    let refused = helm.template("demo-app", &["--kube-version", "1.28.9"]).unwrap_err();
    assert!(refused.contains("mode native needs Kubernetes 1.29 or newer, but this is v1.28.9"), "{refused}");
    helm.template("demo-app", &["--kube-version", "1.28.9", "--set", "logskiff.mode=classic"]).unwrap();
}

#[test]
fn kube_score_finds_only_known_exceptions() {
    let Some(helm) = Helm::prepare() else { return };
    for kind in KINDS {
        for mode in ["native", "classic"] {
            let text = helm.template("demo-app", &["--set", &format!("kind={kind},logskiff.mode={mode}")]).unwrap();
            let mut score = helm.tool("kube-score");
            score.args(["score", "--output-format", "ci", "--ignore-container-cpu-limit"]);
            score.args(SCORE_IGNORED.iter().flat_map(|test| ["--ignore-test", test]));
            let mut process = score.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            let done = process.wait_with_output().unwrap();
            let printed = String::from_utf8_lossy(&done.stdout).into_owned();
            let faults: Vec<_> = printed
                .lines()
                .filter(|line| line.starts_with("[CRITICAL]") || line.starts_with("[WARNING]"))
                .collect();
            assert!(printed.contains("[OK]"), "{printed}");
            assert!(faults.is_empty(), "{kind}, {mode}: {faults:#?}");
        }
    }
}

/// Checks that the rendering fails with this message.
#[track_caller]
fn check_refused(helm: &Helm, chart: &str, values: &str, says: &str) {
    let file = helm.scratch().join("values.yaml");
    fs::write(&file, values).unwrap();
    let printed = helm.template(chart, &["-f", file.to_str().unwrap()]).expect_err(values);
    assert!(printed.contains(says), "{values}\nsays: {printed}");
}

#[test]
fn an_invalid_value_is_reported() {
    let Some(helm) = Helm::prepare() else { return };
    for (values, says) in [
        ("{mode: naitive}", "at '/mode': value must be one of 'native', 'classic'"),
        ("{kafka: null}", "missing property 'kafka'"),
        ("{kafka: {tls: null}}", "missing property 'tls'"),
        ("{env: null}", "missing property 'env'"),
        ("{moode: native}", "additional properties 'moode' not allowed"),
        ("{output: [kafak]}", "at '/output/0': value must be one of 'kafka', 'syslog', 'stdout'"),
        ("{kafka: {brokers: [kafka]}}", "at '/kafka/brokers/0'"),
        ("{kafka: {sasl: {password: hunter2}}}", "at '/kafka/sasl/password': got string, want object"),
        ("{kafka: {sasl: {password: {secret: a}}}}", "at '/kafka/sasl/password'"),
        ("{kafka: {tls: {ca: {secret: a, configMap: b, key: c}}}}", "at '/kafka/tls/ca'"),
        (
            "{resources: {limits: {ephemeral-storage: 1Gi}}}",
            "at '/resources/limits': additional properties 'ephemeral-storage' not allowed",
        ),
        ("{drainTimeout: 25}", "at '/drainTimeout': got number, want string"),
        ("{logs: {path: logs}}", "at '/logs/path'"),
        ("{logs: {sizeLimit: 1 GB}}", "at '/logs/sizeLimit'"),
        ("{inputs: {my_app: {paths: [/a/*.log]}}}", "at '/inputs': additional properties 'my_app' not allowed"),
        ("{env: {LOGSKIFF_TOPIC: x}}", "additional properties 'LOGSKIFF_TOPIC' not allowed"),
        ("{env: {LOGSKIFF_KAFKA_PASSWORD: hunter2}}", "additional properties 'LOGSKIFF_KAFKA_PASSWORD' not allowed"),
        ("{env: {LOGSKIFF_LINGER: 5}}", "at '/env/LOGSKIFF_LINGER': got number, want string"),
        ("{env: {LOGSKIFF_LINGER: '5'}}", "at '/env/LOGSKIFF_LINGER'"),
        ("{env: {LOGSKIFF_INPUT_A_START_AT: middle}}", "value must be one of 'beginning', 'end'"),
    ] {
        check_refused(&helm, "demo-app", &format!("logskiff: {values}"), says);
    }
    for (values, says) in [
        ("{failurePolicy: Maybe}", "at '/failurePolicy'"),
        ("{env: {LOGSKIFF_TOPIC: x}}", "additional properties 'LOGSKIFF_TOPIC' not allowed"),
        ("{env: {LOGSKIFF_KAFKA_PASSWORD: hunter2}}", "additional properties 'LOGSKIFF_KAFKA_PASSWORD' not allowed"),
        ("{resources: {limits: {gpu: 1}}}", "additional properties 'gpu' not allowed"),
        ("{resources: {limits: {cpu: 1}}}", "at '/resources/limits/cpu': got number, want string"),
        ("{logs: {path: /var/log/app/}}", "at '/logs/path'"),
        ("{secret: Not_A_Name}", "at '/secret'"),
    ] {
        check_refused(&helm, "logskiff-injector", values, says);
    }
}

#[test]
fn a_contradiction_has_a_clear_message() {
    let Some(helm) = Helm::prepare() else { return };
    for (values, says) in [
        ("{env: {LOGSKIFF_POLL: 1s}}", "LOGSKIFF_POLL was renamed to LOGSKIFF_POLL_INTERVAL"),
        (
            "{env: {LOGSKIFF_INPUT_WEB_START: end}}",
            "LOGSKIFF_INPUT_WEB_START was renamed to LOGSKIFF_INPUT_WEB_START_AT",
        ),
        ("{logs: {prune: true}}", "logs.prune was renamed to logs.deleteRotated"),
        ("{kafka: {brokers: []}}", "output names kafka, but kafka.brokers is empty; for example"),
        ("{output: [syslog], kafka: {brokers: []}}", "output names syslog, but syslog.addresses is empty"),
        ("{output: [stdout]}", "kafka.brokers is set, but output does not name kafka"),
        ("{syslog: {addresses: [\"tcp://a:1\"]}}", "syslog.addresses is set, but output does not name syslog"),
        ("{kafka: {tls: {ca: {secret: a, key: b}}}}", "kafka.tls names certificates, but kafka.tls.enabled is false"),
        (
            "{kafka: {tls: {enabled: true, cert: {secret: a, key: b}}}}",
            "kafka.tls.cert is set without kafka.tls.key; a client certificate needs its key",
        ),
        ("{kafka: {sasl: {username: shop}}}", "kafka.sasl names a user or a token, but kafka.sasl.mechanism is none"),
        ("{kafka: {sasl: {mechanism: plain}}}", "kafka.sasl.mechanism is plain, but kafka.sasl.username is empty"),
        (
            "{kafka: {sasl: {mechanism: plain, username: shop}}}",
            "kafka.sasl.mechanism is plain, but kafka.sasl.password names no Secret",
        ),
        (
            "{kafka: {sasl: {mechanism: oauthbearer}}}",
            "kafka.sasl.mechanism is oauthbearer, but kafka.sasl.token.audience is empty",
        ),
        (
            "{kafka: {sasl: {mechanism: oauthbearer, username: shop, token: {audience: kafka}}}}",
            "uses a token, not a username and password",
        ),
        ("{parsePatterns: [a]}", "parsePatterns is set, but parse is not regex"),
        ("{logs: {volume: data, medium: Memory}}", "logs.medium is only for an emptyDir"),
        ("{lifecycle: {preStop: {sleep: {seconds: 5}}}}", "lifecycle is only for mode classic"),
        ("{http: {listen: \"off\"}, probes: {readiness: true}}", "probes.readiness needs http.listen, which is off"),
        ("{runAsUser: 0}", "runAsUser is 0 (root)"),
        (
            "{env: {LOGSKIFF_KAFKA_TOPIC: x}, kafka: {topic: orders}}",
            "LOGSKIFF_KAFKA_TOPIC is set in env or secretEnv, but the chart already sets it",
        ),
        (
            "{env: {LOGSKIFF_LINGER: 5ms}, secretEnv: {LOGSKIFF_LINGER: {secret: a, key: b}}}",
            "LOGSKIFF_LINGER is set in both env and secretEnv; remove one",
        ),
        ("{env: {POD_NAME: x}}", "POD_NAME is set in env"),
    ] {
        check_refused(&helm, "demo-app", &format!("logskiff: {values}"), says);
    }
}

#[test]
fn a_library_without_its_alias_is_reported() {
    let Some(helm) = Helm::prepare() else { return };
    let demo = helm.chart("demo-app");
    let chart = fs::read_to_string(demo.join("Chart.yaml")).unwrap();
    fs::write(
        demo.join("Chart.yaml"),
        chart.replace(
            "    alias: logskiff
",
            "",
        ),
    )
    .unwrap();
    fs::write(demo.join("values.yaml"), "").unwrap();
    fs::write(demo.join("templates/_pod.tpl"), "").unwrap();
    fs::write(demo.join("templates/workload.yaml"), "{{ include \"logskiff.sidecar\" . }}").unwrap();
    fs::remove_file(demo.join("values.schema.json")).unwrap();
    let printed = helm.template("demo-app", &[]).unwrap_err();
    assert!(printed.contains("set `alias: logskiff` for the dependency logskiff-lib"), "{printed}");
}

/// Checks the container's environment, with the files that it names, with `logskiff check`: no mistake.
fn check_taken(helm: &Helm, pod: &Value) {
    let files = helm.scratch().join("files");
    fs::create_dir_all(&files).unwrap();
    let authority = Authority::new("charts");
    let issued = authority.issue("logskiff", "DNS:logskiff");
    let content = |file: &str| match file.rsplit('.').next() {
        Some("crt") if file.ends_with("ca.crt") => fs::read(authority.certificate()).unwrap(),
        Some("crt") => fs::read(&issued.certificate).unwrap(),
        Some("key") => fs::read(&issued.key).unwrap(),
        Some("properties") => b"client.rack=a".to_vec(),
        _ => b"x".to_vec(),
    };
    let mut command = Command::cargo_bin("logskiff").unwrap();
    command.env_clear().arg("check");
    let mut named = 0;
    for (name, value) in environment(sidecar(pod)) {
        let value = match value.strip_prefix("/etc/logskiff/secrets/") {
            Some(file) => {
                named += 1;
                fs::write(files.join(file), content(file)).unwrap();
                files.join(file).to_str().unwrap().to_owned()
            }
            None => value,
        };
        command.env(name, value);
    }
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mounted = mounted_files(pod);
    assert_eq!(named, mounted, "each file that is mounted is named by a variable, and the other way round");
}

fn mounted_files(pod: &Value) -> usize {
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let secrets = volumes.iter().find(|volume| volume["name"] == "logskiff-secrets");
    let sources = secrets.map(|volume| volume["projected"]["sources"].as_array().unwrap().as_slice());
    sources
        .unwrap_or_default()
        .iter()
        .map(|source| {
            let items = source.pointer("/secret/items").or(source.pointer("/configMap/items"));
            items.map_or(1, |items| items.as_array().unwrap().len())
        })
        .sum()
}

#[test]
fn logskiff_accepts_the_rendered_environment() {
    let Some(helm) = Helm::prepare() else { return };
    check_taken(&helm, &helm.pod(&[]));
    check_taken(&helm, &helm.pod(&["--set", "logskiff.mode=classic,logskiff.http.listen=127.0.0.1:9598"]));
    let full = helm.pod(&["-f", FULL]);
    check_taken(&helm, &full);
    let texts = environment(sidecar(&full));
    let text = |name: &str| texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    assert_eq!(text("LOGSKIFF_PARSE_PATTERN"), Some("^(?<client>\\S+) (?<rest>.*)$\n^(?<all>.+)$$"), "as written");
    assert_eq!(text("LOGSKIFF_REDACT_RULE_ORDER_ID"), Some("order=(?<secret>\\d+)$"));
    check_taken(
        &helm,
        &helm.pod(&["--set", "logskiff.kafka.sasl.mechanism=oauthbearer,logskiff.kafka.sasl.token.audience=kafka"]),
    );
    // The full values contain every typed value.
    let library: Value =
        serde_norway::from_str(&fs::read_to_string(helm.chart("logskiff-lib").join("values.yaml")).unwrap()).unwrap();
    let full: Value = serde_norway::from_str(&fs::read_to_string(FULL).unwrap()).unwrap();
    let unused: Vec<_> =
        library.as_object().unwrap().keys().filter(|key| full["logskiff"].get(key).is_none()).collect();
    let elsewhere =
        ["appStopSeconds", "enabled", "extraVolumeMounts", "lifecycle", "mode", "resources", "secretEnv", "state"];
    assert_eq!(unused, elsewhere, "a new value wants a place in full.yaml");
}

#[test]
fn off_renders_nothing() {
    let Some(helm) = Helm::prepare() else { return };
    let pod = helm.pod(&["--set", "logskiff.enabled=false"]);
    assert!(sidecars(&pod).is_empty());
    assert!(!pod.to_string().contains("logskiff"), "{pod:#}");
    assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 5);
}

#[test]
fn the_pod_is_hardened_by_default() {
    let Some(helm) = Helm::prepare() else { return };
    let pod = helm.pod(&[]);
    let container = sidecar(&pod);
    assert_eq!(pod["spec"]["initContainers"][0]["name"], "logskiff");
    assert_eq!(container["restartPolicy"], "Always");
    assert_eq!(
        container["securityContext"],
        json!({"runAsNonRoot": true, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}})
    );
    assert_eq!(
        container["resources"],
        json!({"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"memory": "64Mi"}})
    );
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/livez");
    for absent in ["readinessProbe", "startupProbe", "lifecycle"] {
        assert!(container.get(absent).is_none(), "{absent}");
    }
    let writable = |pod: &Value| -> Vec<Value> {
        let mounts = sidecar(pod)["volumeMounts"].as_array().unwrap().clone();
        mounts.into_iter().filter(|mount| mount["readOnly"] != true).map(|mount| mount["name"].clone()).collect()
    };
    assert_eq!(writable(&pod), ["logskiff-state"]);
    // Only an input that deletes files needs write access.
    for asked in ["logskiff.logs.deleteRotated=true", "logskiff.env.LOGSKIFF_INPUT_WEB_DELETE_ROTATED=acknowledged"] {
        assert_eq!(writable(&helm.pod(&["--set", asked])), ["logskiff-logs", "logskiff-state"], "{asked}");
    }
    assert_eq!(
        writable(&helm.pod(&["--set", "logskiff.env.LOGSKIFF_INPUT_WEB_DELETE_ROTATED=off"])),
        ["logskiff-state"]
    );
    let mounts = container["volumeMounts"].as_array().unwrap();
    assert!(mounts.iter().any(|mount| mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"));
    assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 35, "5 s for the application, 25 s, 5 s");
    let minutes = helm.pod(&["--set", "logskiff.drainTimeout=2m,logskiff.appStopSeconds=60"]);
    assert_eq!(minutes["spec"]["terminationGracePeriodSeconds"], 185);
    let classic = helm.pod(&["--set", "logskiff.mode=classic"]);
    assert!(sidecar(&classic).get("restartPolicy").is_none());
    assert!(classic["spec"].get("initContainers").is_none());
}

#[test]
fn a_listener_on_loopback_has_exec_probes() {
    let Some(helm) = Helm::prepare() else { return };
    let within = helm.pod(&["--set", "logskiff.http.listen=127.0.0.1:9600,logskiff.probes.readiness=true"]);
    assert_eq!(sidecar(&within)["livenessProbe"]["exec"]["command"], json!(["/usr/local/bin/logskiff", "health"]));
    assert_eq!(
        sidecar(&within)["readinessProbe"]["exec"]["command"],
        json!(["/usr/local/bin/logskiff", "health", "--ready"])
    );
    let silent = helm.pod(&["--set", "logskiff.http.listen=off"]);
    assert!(sidecar(&silent).get("livenessProbe").is_none() && sidecar(&silent).get("ports").is_none());
}

/// `helm package` must include the targets of the links.
#[test]
fn the_packaged_injector_has_the_alerts_and_the_dashboard() {
    let Some(helm) = Helm::prepare() else { return };
    let objects = helm.objects("logskiff-injector", &MONITORING);
    let kind = |kind: &str| objects.iter().find(|object| object["kind"] == kind).expect(kind);
    let groups = ["prometheus/alerts.yaml", "prometheus/alerts-node.yaml"].map(|name| {
        let rules: Value = serde_norway::from_str(&example(name)).unwrap();
        rules["groups"].as_array().unwrap().clone()
    });
    assert_eq!(kind("PrometheusRule")["spec"], json!({"groups": groups.concat()}));
    assert_eq!(kind("PodMonitor")["spec"]["selector"]["matchLabels"]["logskiff.dev/sidecar"], "true");
    let dashboard = objects.iter().find(|object| object["metadata"]["labels"]["grafana_dashboard"] == "1").unwrap();
    let reported: Value = serde_json::from_str(dashboard["data"]["logskiff.json"].as_str().unwrap()).unwrap();
    assert_eq!(reported, serde_json::from_str::<Value>(&example("grafana/logskiff.json")).unwrap());
}

fn example(name: &str) -> String {
    fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples").join(name)).unwrap()
}
