//! Every way to install logskiff, in every kind of workload, under the restricted profile; and that logskiff accepts
//! its configuration.

use std::time::Duration;

use assert_cmd::Command;
use serde_json::{Value, json};

use super::{NEXT_MINUTE, SOON, injected};
use crate::support::helm::{environment, objects, sidecar};
use crate::support::kubernetes::{Cluster, pod, project};

#[test]
fn the_restricted_profile_admits_it() {
    let restricted = ("pod-security.kubernetes.io/enforce", "restricted");
    let Some(cluster) = Cluster::prepare("restricted", &[restricted]) else { return };
    cluster.install_injector(&["--set", "secret=kafka-user"]);
    let refused = cluster.admit(&pod(&[], &[], &json!({}))).unwrap_err();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");
    let bare = cluster.helm.pod(&["--set", "logskiff.enabled=false"]);
    injected(&cluster, &[], &bare["spec"]);
    for values in [
        &[][..],
        &["--set", "logskiff.mode=classic"],
        &["-f", concat!(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."), "/tests/real/real_helm/full.yaml")],
    ] {
        let rendered = cluster.helm.pod(values);
        cluster.admit(&pod(&[], &[], &rendered["spec"])).unwrap();
    }
}

#[test]
fn every_kind_of_workload_gets_exactly_one() {
    let Some(cluster) = Cluster::prepare("workloads", &[]) else { return };
    cluster.install_injector(&[]);
    cluster.apply(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "paper"}}));
    let injection = ["--set", "logskiff.enabled=false", "--set-string", r"podLabels.logskiff\.dev/inject=true"];
    for (way, values) in [("library", &[][..]), ("injected", &injection)] {
        for kind in ["CronJob", "Deployment", "StatefulSet", "DaemonSet", "Job"] {
            let release = format!("{way}-{}", kind.to_lowercase());
            let kind = format!("kind={kind},schedule=* * * * *");
            cluster.install_demo(&release, &[&["--set", &kind], values].concat());
        }
    }
    for way in ["library", "injected"] {
        for kind in ["deployment", "statefulset", "daemonset", "job", "cronjob"] {
            let release = format!("{way}-{kind}");
            let pods = cluster.pods(&format!("app.kubernetes.io/instance={release}"), NEXT_MINUTE);
            let container = sidecar(&pods[0]);
            assert_eq!(container["restartPolicy"], "Always", "{release}: a native sidecar");
            assert_eq!(pods[0]["metadata"]["labels"]["logskiff.dev/sidecar"], "true", "{release}");
        }
    }
    // A second update changes nothing, neither a pod nor the same chart.
    let selector = "app.kubernetes.io/instance=injected-deployment";
    let before = cluster.pods(selector, SOON).remove(0);
    let name = before["metadata"]["name"].as_str().unwrap();
    cluster.text(&["annotate", "pod", name, "example.com/touched=yes"]);
    cluster.install_demo(
        "injected-deployment",
        &[&["--set", "kind=Deployment,schedule=* * * * *"], &injection[..]].concat(),
    );
    std::thread::sleep(Duration::from_secs(2));
    let after = cluster.pods(selector, SOON).remove(0);
    assert_eq!(after["metadata"]["name"], name, "the same pod");
    assert_eq!(after["spec"], before["spec"]);
    cluster.text(&["delete", "node", "paper"]);
}

#[test]
fn logskiff_accepts_the_injected_environment() {
    let Some(cluster) = Cluster::prepare("environment", &[]) else { return };
    cluster.install_injector(&["--set", "env.LOGSKIFF_PARSE=json,env.LOGSKIFF_LINGER=20ms"]);
    for annotations in [
        &[][..],
        &[
            ("env.logskiff.dev/LOGSKIFF_INPUT_A_PATHS", "/var/log/app/a.log"),
            ("logskiff.dev/paths", "/var/log/app/*.txt"),
        ],
    ] {
        let pod = injected(&cluster, annotations, &json!({}));
        let done = Command::cargo_bin("logskiff")
            .unwrap()
            .env_clear()
            .envs(environment(sidecar(&pod)))
            .arg("check")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// The Prometheus operator's own definitions accept its objects, without unknown fields.
#[test]
fn the_prometheus_operator_accepts_its_objects() {
    let Some(cluster) = Cluster::prepare("monitoring", &[]) else { return };
    let definitions = ["podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com"];
    for name in definitions {
        define(&cluster, name);
    }
    let rendered = cluster.helm.objects(
        "logskiff-injector",
        &[
            "--namespace",
            "monitoring",
            "--set",
            "podMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true",
        ],
    );
    let mut kinds = Vec::new();
    for object in rendered.iter().filter(|object| object["metadata"]["namespace"] == "monitoring") {
        kinds.push(object["kind"].as_str().unwrap());
        let made = cluster.create(object, &["--validate=strict"]).unwrap();
        assert_eq!(made.object["kind"], object["kind"]);
        assert_eq!(made.object["spec"], object["spec"]);
    }
    kinds.sort_unstable();
    assert_eq!(kinds, ["ConfigMap", "ConfigMap", "PodMonitor", "PrometheusRule"]);
    for name in definitions {
        cluster.text(&["delete", "crd", name]);
    }
}

/// Adds a kind to the API server, by its project's definition.
fn define(cluster: &Cluster, name: &str) {
    let file = cluster.helm.definitions().join(format!("{name}.yaml"));
    cluster.text(&["apply", "--server-side", "-f", file.to_str().unwrap()]);
    cluster.text(&["wait", "--for=condition=established", "--timeout=30s", &format!("crd/{name}")]);
}

/// KEDA's own definition accepts the scaler, without unknown fields.
#[test]
fn keda_accepts_the_scaler() {
    const NAME: &str = "scaledobjects.keda.sh";
    let Some(cluster) = Cluster::prepare("keda", &[]) else { return };
    define(&cluster, NAME);
    let example = std::fs::read_to_string(project().join("examples/kubernetes/keda.yaml")).unwrap();
    let scaler: Value = serde_norway::from_str(&example).unwrap();
    let made = cluster.create(&scaler, &["--validate=strict"]).unwrap();
    assert_eq!(made.object["spec"], scaler["spec"]);
    cluster.text(&["delete", "crd", NAME]);
}

/// The examples for users of neither Helm nor injection.
#[test]
fn the_plain_examples_are_admitted() {
    let restricted = ("pod-security.kubernetes.io/enforce", "restricted");
    let Some(cluster) = Cluster::prepare("plain", &[restricted]) else { return };
    let library = cluster.helm.pod(&[]);
    let alike = |template: &Value, settings: &Value| {
        let (expected, found) = (sidecar(&library), sidecar(template));
        for field in [
            "args",
            "imagePullPolicy",
            "restartPolicy",
            "securityContext",
            "resources",
            "volumeMounts",
            "ports",
            "livenessProbe",
        ] {
            assert_eq!(found[field], expected[field], "{field}");
        }
        assert_eq!(template["spec"]["volumes"], library["spec"]["volumes"]);
        let common = settings
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned()));
        let variables: Vec<_> = environment(found).into_iter().chain(common).collect();
        assert!(variables.iter().any(|(name, _)| name == "LOGSKIFF_KAFKA_BROKERS"));
        let done = Command::cargo_bin("logskiff").unwrap().env_clear().envs(variables).arg("check").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let plain = &objects(&std::fs::read_to_string(project().join("examples/pod.yaml")).unwrap())[0];
    cluster.admit(plain).unwrap();
    alike(plain, &Value::Null);

    let kustomized =
        objects(&cluster.text(&["kustomize", project().join("examples/kustomize/shop").to_str().unwrap()]));
    let settings = &kustomized.iter().find(|object| object["kind"] == "ConfigMap").unwrap()["data"];
    let mut kinds = 0;
    for object in &kustomized {
        let template = match object["kind"].as_str().unwrap() {
            "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => &object["spec"]["template"],
            _ => continue,
        };
        kinds += 1;
        alike(template, settings);
        cluster.admit(object).unwrap();
        cluster.admit(&pod(&[], &[], &template["spec"])).unwrap();
    }
    assert_eq!(kinds, 5);
}
