//! Injection and the charts with a real API server and its controllers. There are no nodes, so pods are admitted, and
//! stay pending.
//!
//! Needs `LOGSKIFF_TEST_KUBECONFIG` and `LOGSKIFF_TEST_HELM`. One test at a time, because policies apply to the whole
//! cluster.

mod documents;
mod injection;
mod workloads;

use std::time::Duration;

use serde_json::Value;

use crate::support::helm::{environment, sidecar};
use crate::support::kubernetes::{Cluster, pod};

const LABEL: (&str, &str) = ("logskiff.dev/inject", "true");
/// A controller creates the requested pods within a second or two.
const SOON: Duration = Duration::from_secs(30);
/// A cron job waits for the next minute.
const NEXT_MINUTE: Duration = Duration::from_secs(120);

fn status(pod: &Value) -> &str {
    pod["metadata"]["annotations"]["logskiff.dev/status"].as_str().unwrap_or_default()
}

fn volume<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    pod["spec"]["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == name)
}

fn app(pod: &Value) -> &Value {
    pod["spec"]["containers"].as_array().unwrap().iter().find(|container| container["name"] == "app").unwrap()
}

fn mounts(container: &Value) -> Vec<(&str, &str)> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    let ours = mounts.filter(|mount| !mount["name"].as_str().unwrap().starts_with("kube-api-access"));
    ours.map(|mount| (mount["name"].as_str().unwrap(), mount["mountPath"].as_str().unwrap())).collect()
}

fn variable(pod: &Value, name: &str) -> Option<String> {
    environment(sidecar(pod)).into_iter().find(|(known, _)| known == name).map(|(_, text)| text)
}

#[track_caller]
fn admitted(cluster: &Cluster, labels: &[(&str, &str)], annotations: &[(&str, &str)], spec: &Value) -> Value {
    cluster.admit(&pod(labels, annotations, spec)).unwrap().object
}

/// Checks a pod that requested logskiff, got it, and got no warning.
#[track_caller]
fn injected(cluster: &Cluster, annotations: &[(&str, &str)], spec: &Value) -> Value {
    let answer = cluster.admit(&pod(&[LABEL], annotations, spec)).unwrap();
    assert_eq!(status(&answer.object), "injected", "{}", answer.warnings);
    assert!(!answer.warnings.contains("logskiff"), "{}", answer.warnings);
    sidecar(&answer.object);
    answer.object
}
