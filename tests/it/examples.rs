//! The examples are valid configurations of logskiff, and the pod's variables are known.

use std::fs;
use std::path::{Path, PathBuf};

use logskiff::config::Config;

use crate::support::shell::variables;

fn examples(ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples");
    let files = fs::read_dir(folder).expect("the examples").map(|entry| entry.expect("an example").path());
    files.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

/// The pod's variables; those from the Downward API get a placeholder.
fn pod_variables(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let name = pair[0].strip_prefix("- name: ")?;
        let value = match pair[1].strip_prefix("value: ") {
            Some(value) => value.trim_matches('"'),
            None if pair[1] == "valueFrom:" => "x",
            None => return None,
        };
        Some((name.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

#[track_caller]
fn check(path: &Path, variables: Vec<(String, String)>) {
    assert!(variables.len() > 3, "{} sets hardly anything", path.display());
    if let Err(mistakes) = Config::from_vars(variables) {
        panic!("{}: {mistakes}", path.display());
    }
}

#[test]
fn every_env_file_is_valid() {
    let files = examples("env");
    assert!(files.len() >= 3, "the examples are there");
    for path in files {
        check(&path, variables(&fs::read_to_string(&path).unwrap()));
    }
}

#[test]
fn the_pod_s_variables_are_valid() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples/pod.yaml");
    let variables = pod_variables(&fs::read_to_string(&path).unwrap());
    assert!(variables.iter().any(|(name, _)| name == "POD_UID"), "the event id needs it");
    check(&path, variables);
}

/// The YAML in the documents equals the example, line by line, without comments.
#[test]
fn the_documents_show_the_examples_as_they_are() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let bare = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect()
    };
    for (document, first, example) in [
        ("docs/resources.md", "apiVersion: autoscaling/v2", "examples/kubernetes/hpa.yaml"),
        ("docs/resources.md", "apiVersion: keda.sh/v1alpha1", "examples/kubernetes/keda.yaml"),
    ] {
        let text = read(document);
        let (_, shown) = text.split_once(&format!("```yaml\n{first}\n")).expect("a block of YAML");
        let (shown, _) = shown.split_once("```").expect("its end");
        assert_eq!(bare(&format!("{first}\n{shown}")), bare(&read(example)), "{document}");
    }
}

/// A release changes one version in several places: all must agree.
#[test]
fn charts_and_examples_have_this_version() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        ("charts/logskiff-lib/Chart.yaml", format!("version: {version}")),
        ("charts/logskiff-lib/Chart.yaml", format!("appVersion: {version}")),
        ("charts/logskiff-lib/values.yaml", format!("  tag: {version}")),
        ("charts/logskiff-injector/Chart.yaml", format!("version: {version}")),
        ("charts/logskiff-injector/Chart.yaml", format!("appVersion: {version}")),
        ("charts/logskiff-injector/values.yaml", format!("  tag: {version}")),
        ("charts/demo-app/Chart.yaml", format!("version: {version}")),
        ("charts/demo-app/Chart.yaml", format!("    version: {version}")),
        ("examples/pod.yaml", format!("      image: registry.example.com/logskiff:{version}")),
        ("examples/kustomize/shop/kustomization.yaml", format!("    newTag: {version}")),
        ("Dockerfile", format!("ARG VERSION={version}")),
    ] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        assert!(text.lines().any(|found| found == line), "{file} does not say {line:?}");
    }
}
