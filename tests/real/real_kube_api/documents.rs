//! The `kubectl` and Helm commands of the documents, and the examples that no other test applies.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::documents::{asking_for_help, commands};
use crate::support::kubernetes::{Cluster, project};

/// Every command has a known verb and known options: the program parses them before it reaches `--help`.
#[test]
fn every_command_of_the_documents_exists() {
    let Some(cluster) = Cluster::prepare("documents", &[]) else { return };
    let check = |command: &str| {
        let path = format!("{}:{}", cluster.helm.programs().display(), std::env::var("PATH").unwrap());
        Command::new("sh")
            .args(["-c", &asking_for_help(command)])
            .env("PATH", path)
            .env_remove("KUBECONFIG")
            .output()
            .unwrap()
    };
    for (program, least) in [("kubectl", 10), ("helm", 3)] {
        let commands = commands(&format!("{program} "));
        assert!(commands.len() >= least, "{commands:?}");
        for (place, command) in commands {
            let done = check(&command);
            assert!(done.status.success(), "{}: {command}: {}", place.display(), String::from_utf8_lossy(&done.stderr));
        }
    }
    for wrong in
        ["kubectl logs shop --sinc=3s", "kubectl exec shop --nothing -- true", "helm instal logskiff --sett a=b"]
    {
        assert!(!check(wrong).status.success(), "{wrong}");
    }
}

/// The API server knows every field of it. Only a network plugin that enforces policies would block traffic; the tests'
/// cluster has none.
#[test]
fn the_network_policy_is_valid() {
    let Some(cluster) = Cluster::prepare("policy", &[]) else { return };
    let example = fs::read_to_string(project().join("examples/kubernetes/networkpolicy.yaml")).unwrap();
    let policy: Value = serde_norway::from_str(&example).unwrap();
    let made = cluster.create(&policy, &["--validate=strict"]).unwrap();
    let ingress = &made.object["spec"]["ingress"];
    assert_eq!(ingress[1]["ports"][0]["port"], 9598);
    assert_eq!(ingress[1]["from"], policy["spec"]["ingress"][1]["from"]);
}

/// The rights of a Prometheus with this role, according to the API server, and rights that it lacks.
#[test]
fn prometheus_has_the_needed_rights() {
    let Some(cluster) = Cluster::prepare("rights", &[]) else { return };
    let path = project().join("examples/prometheus/rbac.yaml");
    let path = path.to_str().unwrap();
    cluster.text(&["apply", "--validate=strict", "-f", path]);
    let may = |verb: &str, what: &str| {
        let user = "--as=system:serviceaccount:monitoring:prometheus";
        // Text after a slash would be taken for a name.
        let (kind, part) = what.split_once('/').unwrap_or((what, ""));
        let part = format!("--subresource={part}");
        cluster.kubectl(&["auth", "can-i", verb, kind, &part, user, "--all-namespaces"]).status.success()
    };
    for (verb, what) in [("list", "pods"), ("watch", "nodes"), ("get", "nodes/metrics")] {
        assert!(may(verb, what), "{verb} {what}");
    }
    for (verb, what) in [("get", "secrets"), ("get", "pods/log"), ("create", "pods"), ("get", "nodes/proxy")] {
        assert!(!may(verb, what), "{verb} {what}");
    }
    cluster.text(&["delete", "-f", path]);
}
