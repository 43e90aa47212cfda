//! A real Kubernetes, through `kubectl`.
//!
//! Input: `LOGSKIFF_TEST_KUBECONFIG`, with its `kubectl` on PATH (`.ci/kube-up start DIR`, then `eval "$(.ci/kube-up
//! env DIR)"`), and Helm. Each test has its own namespace, which is deleted with its value.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::helm::Helm;

/// Where the injector is installed.
pub const SYSTEM: &str = "logskiff-system";

/// A cluster with a namespace for one test.
pub struct Cluster {
    pub helm: Helm,
    pub namespace: String,
}

/// The resulting object, and the warnings of the API server.
#[derive(Debug)]
pub struct Answer {
    pub object: Value,
    pub warnings: String,
}

impl Cluster {
    /// Creates the namespace with these labels; `None`, and a message on stderr, without a cluster.
    ///
    /// # Panics
    /// If `LOGSKIFF_TEST_REAL=1` and there is none.
    pub fn prepare(namespace: &str, labels: &[(&str, &str)]) -> Option<Self> {
        if env::var_os("LOGSKIFF_TEST_KUBECONFIG").is_none() {
            assert!(env::var_os("LOGSKIFF_TEST_REAL").is_none(), "LOGSKIFF_TEST_KUBECONFIG names no cluster");
            eprintln!("skipped: start a cluster with .ci/kube-up or .ci/kube-node and set LOGSKIFF_TEST_KUBECONFIG");
            return None;
        }
        let cluster = Self { helm: Helm::prepare()?, namespace: namespace.to_owned() };
        let labels: serde_json::Map<_, _> =
            labels.iter().map(|&(key, value)| (key.to_owned(), Value::from(value))).collect();
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}});
        cluster.apply(&object);
        // Pods require it, and a controller creates it.
        super::wait_until("the service account", Duration::from_secs(30), || {
            cluster.kubectl(&["get", "serviceaccount", "default"]).status.success()
        });
        Some(cluster)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("kubectl");
        command
            .env("KUBECONFIG", env::var_os("LOGSKIFF_TEST_KUBECONFIG").expect("a cluster"))
            .args(["--namespace", &self.namespace]);
        command
    }

    /// Runs `kubectl` in the namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("kubectl runs")
    }

    /// A running `kubectl`, such as `logs --follow`, whose output is read at its end.
    pub fn follow(&self, arguments: &[&str]) -> std::process::Child {
        self.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kubectl runs")
    }

    /// The output of `kubectl`.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn text(&self, arguments: &[&str]) -> String {
        let done = self.kubectl(arguments);
        assert!(done.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// `kubectl get … -o json`.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn get(&self, arguments: &[&str]) -> Value {
        let text = self.text(&[&["get", "-o", "json"], arguments].concat());
        serde_json::from_str(&text).expect("JSON")
    }

    fn fed(&self, arguments: &[&str], object: &Value) -> Result<Answer, String> {
        let mut process = self
            .command()
            .args(arguments)
            .args(["-f", "-", "-o", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        process.stdin.take().expect("a pipe").write_all(object.to_string().as_bytes()).expect("written");
        let done = process.wait_with_output().expect("it ends");
        let printed = String::from_utf8_lossy(&done.stderr).into_owned();
        if !done.status.success() {
            return Err(printed);
        }
        Ok(Answer { object: serde_json::from_slice(&done.stdout).expect("JSON"), warnings: printed })
    }

    /// Creates or changes an object.
    ///
    /// # Panics
    /// If it is refused.
    #[track_caller]
    pub fn apply(&self, object: &Value) -> Answer {
        self.fed(&["apply"], object).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The result for a pod: admitted, changed, validated, but not stored.
    ///
    /// # Errors
    /// The API server's refusal.
    pub fn admit(&self, object: &Value) -> Result<Answer, String> {
        self.fed(&["create", "--dry-run=server"], object)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// The API server's refusal.
    pub fn create(&self, object: &Value, arguments: &[&str]) -> Result<Answer, String> {
        self.fed(&[&["create"], arguments].concat(), object)
    }

    /// As [`Cluster::admit`], in another namespace.
    ///
    /// # Errors
    /// As [`Cluster::admit`].
    pub fn admit_in(&self, namespace: &str, object: &Value) -> Result<Answer, String> {
        self.fed(&["create", "--dry-run=server", "--namespace", namespace], object)
    }

    /// Installs or changes the injector, and waits until it works: a policy takes about a second.
    ///
    /// # Panics
    /// If it does not work within half a minute.
    pub fn install_injector(&self, arguments: &[&str]) {
        let chart = self.helm.chart("logskiff-injector");
        let done = self
            .helm
            .tool("helm")
            .env("KUBECONFIG", env::var_os("LOGSKIFF_TEST_KUBECONFIG").expect("a cluster"))
            .args(["upgrade", "--install", "--reset-values", "--create-namespace", "--namespace", SYSTEM, "logskiff"])
            .arg(chart)
            .args(arguments)
            .output()
            .expect("helm runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // A pod that every namespace admits.
        let restricted = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
        let containers = json!({"containers": [{"name": "app", "image": "a", "securityContext": restricted}]});
        super::wait_until("the policy", Duration::from_secs(30), || {
            let answer = self.admit(&pod(&[("logskiff.dev/inject", "true")], &[], &containers));
            answer.is_ok_and(|answer| answer.object["metadata"]["annotations"]["logskiff.dev/status"] == "injected")
        });
        // The previous policy may still be active for a moment, which is invisible from outside.
        std::thread::sleep(Duration::from_secs(2));
    }

    /// Installs the demo application by its chart.
    ///
    /// # Panics
    /// If Helm fails.
    #[track_caller]
    pub fn install_demo(&self, release: &str, arguments: &[&str]) {
        let done = self
            .helm
            .tool("helm")
            .env("KUBECONFIG", env::var_os("LOGSKIFF_TEST_KUBECONFIG").expect("a cluster"))
            .args(["upgrade", "--install", "--reset-values", "--namespace", &self.namespace, release])
            .arg(self.helm.chart("demo-app"))
            .args(arguments)
            .output()
            .expect("helm runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The pods with a label, once there are any.
    ///
    /// # Panics
    /// If there are none at the deadline.
    #[track_caller]
    pub fn pods(&self, selector: &str, deadline: Duration) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let pods = self.get(&["pods", "--selector", selector])["items"].as_array().cloned().unwrap_or_default();
            if !pods.is_empty() {
                return pods;
            }
            assert!(start.elapsed() < deadline, "no pods with {selector}: {}", self.text(&["get", "events"]));
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown = [["get", "pods"], ["get", "events"]].map(|arguments| self.kubectl(&arguments).stdout);
            eprintln!("{}", shown.map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n"));
        }
        self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
    }
}

/// A pod of one container `app`, with labels, annotations, and more in its spec.
pub fn pod(labels: &[(&str, &str)], annotations: &[(&str, &str)], spec: &Value) -> Value {
    let map = |pairs: &[(&str, &str)]| -> Value {
        pairs.iter().map(|&(key, value)| (key.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
    };
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "shop"},
        "spec": {"containers": [{"name": "app", "image": "registry.example.com/shop:1.0"}]},
    });
    if !labels.is_empty() {
        pod["metadata"]["labels"] = map(labels);
    }
    if !annotations.is_empty() {
        pod["metadata"]["annotations"] = map(annotations);
    }
    for (key, value) in spec.as_object().expect("an object") {
        pod["spec"][key] = value.clone();
    }
    pod
}

/// The project's folder.
pub fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
