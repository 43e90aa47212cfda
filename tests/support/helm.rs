//! The project's charts, rendered by a real Helm, and the tools that check the result.
//!
//! Input: a folder that `.ci/helm-install DIR` has filled, named by `LOGSKIFF_TEST_HELM`. The charts are copied to a
//! temporary folder, because `helm dependency update` writes into them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::installed;

/// The tools and a copy of the charts.
pub struct Helm {
    tools: PathBuf,
    folder: TempDir,
}

impl Helm {
    /// Copies the charts and adds the library to those that use it; `None`, and a message on stderr, without tools.
    ///
    /// # Panics
    /// If `LOGSKIFF_TEST_REAL=1` and there are none, or Helm fails.
    pub fn prepare() -> Option<Self> {
        let tools = installed("LOGSKIFF_TEST_HELM", ".ci/helm-install")?;
        let folder = tempfile::Builder::new().prefix("logskiff-charts-").tempdir().expect("a folder");
        let charts = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("charts");
        // The links to the examples' files become files.
        let copied = Command::new("cp").arg("-rL").arg(charts).arg(folder.path()).status();
        assert!(copied.is_ok_and(|status| status.success()), "the charts are copied");
        let helm = Self { tools, folder };
        let done = helm.run(&["dependency", "update", helm.chart("demo-app").to_str().expect("UTF-8")]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(helm)
    }

    /// The path of a chart.
    pub fn chart(&self, name: &str) -> PathBuf {
        self.folder.path().join("charts").join(name)
    }

    /// A path for files next to the charts.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the schemas of Kubernetes' objects.
    pub fn schemas(&self) -> PathBuf {
        self.tools.join("schemas")
    }

    /// The folder of the Prometheus operator's and KEDA's definitions, each by its name.
    pub fn definitions(&self) -> PathBuf {
        self.tools.join("crds")
    }

    /// The folder of the tools themselves.
    pub fn programs(&self) -> PathBuf {
        self.tools.join("bin")
    }

    /// One of the tools.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs().join(name));
        // Without the machine's own settings.
        let home = self.folder.path().join("helm");
        command.env("HELM_CACHE_HOME", &home).env("HELM_CONFIG_HOME", &home).env("HELM_DATA_HOME", &home);
        command
    }

    /// Runs Helm.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.tool("helm").args(arguments).output().expect("helm runs")
    }

    /// `helm template`, as text.
    ///
    /// # Errors
    /// Helm's error message.
    pub fn template(&self, chart: &str, arguments: &[&str]) -> Result<String, String> {
        let done = self
            .tool("helm")
            .args(["template", "demo"])
            .arg(self.chart(chart))
            .args(arguments)
            .output()
            .expect("helm runs");
        if done.status.success() {
            Ok(String::from_utf8(done.stdout).expect("UTF-8"))
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }

    /// `helm template`, its objects.
    ///
    /// # Panics
    /// When Helm fails.
    #[track_caller]
    pub fn objects(&self, chart: &str, arguments: &[&str]) -> Vec<Value> {
        objects(&self.template(chart, arguments).unwrap_or_else(|error| panic!("{error}")))
    }

    /// The pod template of the demo application.
    ///
    /// # Panics
    /// As [`Helm::objects`].
    #[track_caller]
    pub fn pod(&self, arguments: &[&str]) -> Value {
        let mut objects = self.objects("demo-app", arguments);
        objects[0]["spec"]["template"].take()
    }
}

/// The objects in a text of YAML.
pub fn objects(text: &str) -> Vec<Value> {
    serde_norway::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).expect("YAML"))
        .filter(|object| !object.is_null())
        .collect()
}

/// The logskiff container of a pod template, in any list of containers.
///
/// # Panics
/// If there is none, or more than one.
#[track_caller]
pub fn sidecar(pod: &Value) -> &Value {
    let found = sidecars(pod);
    assert_eq!(found.len(), 1, "one sidecar in {pod:#}");
    found[0]
}

/// All containers with that name.
pub fn sidecars(pod: &Value) -> Vec<&Value> {
    let lists = ["initContainers", "containers"].map(|list| pod["spec"][list].as_array());
    lists.into_iter().flatten().flatten().filter(|container| container["name"] == "logskiff").collect()
}

/// A container's environment as the kubelet sets it (`$$` becomes `$`); values of the Downward API or a Secret are `x`.
pub fn environment(container: &Value) -> Vec<(String, String)> {
    let entry = |entry: &Value| {
        let name = entry["name"].as_str().expect("a name").to_owned();
        (name, entry["value"].as_str().unwrap_or("x").replace("$$", "$"))
    };
    container["env"].as_array().expect("an environment").iter().map(entry).collect()
}
