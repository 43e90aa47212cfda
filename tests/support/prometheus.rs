//! A real Prometheus on loopback that scrapes one address every second, and promtool.
//!
//! Input: a folder that `.ci/prometheus-install DIR` has filled, named by `LOGSKIFF_TEST_PROMETHEUS`. Its data is in a
//! temporary folder, and it ends with its value.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{KillOnDrop, http, installed, wait_until};

/// It starts in a second or two.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// The folder of the programs; `None`, and a message on stderr, without one.
///
/// # Panics
/// If `LOGSKIFF_TEST_REAL=1` and there is none.
pub fn programs() -> Option<PathBuf> {
    installed("LOGSKIFF_TEST_PROMETHEUS", ".ci/prometheus-install")
}

/// One Prometheus.
pub struct Prometheus {
    process: KillOnDrop,
    address: String,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts scraping `target` every second, with the project's alert rules.
    pub fn start(programs: &Path, target: &str) -> Self {
        let rules = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples/prometheus/alerts.yaml");
        Self::configured(
            programs,
            &format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [\"{}\"]\nscrape_configs:\n  - job_name: logskiff\n    static_configs:\n      - targets: [{target:?}]\n        labels: {{pod: shop, namespace: demo}}\n",
                rules.display()
            ),
        )
    }

    /// Starts with a configuration of the caller's.
    pub fn configured(programs: &Path, config: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-prometheus-").tempdir().expect("a folder");
        let path = folder.path().join("prometheus.yml");
        fs::write(&path, config).expect("a file");
        let address = free_address();
        let process = Command::new(programs.join("prometheus"))
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .spawn()
            .expect("prometheus starts");
        let prometheus = Self { process: KillOnDrop(process), address, _folder: folder };
        wait_until("Prometheus", READY_DEADLINE, || {
            http::get(&prometheus.address, "/-/ready").is_some_and(|(status, _)| status == 200)
        });
        prometheus
    }

    /// Its own address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The present value of an expression: the series, each with its labels and its value.
    #[track_caller]
    pub fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let series = self.request(&format!("/api/v1/query?query={}", encoded(expression)));
        let series = series["result"].as_array().expect("a list").clone();
        let value = |series: &Value| series["value"][1].as_str().and_then(|value| value.parse().ok()).expect("a value");
        series.iter().map(|series| (series["metric"].clone(), value(series))).collect()
    }

    /// The `data` of an answer.
    #[track_caller]
    pub fn request(&self, path: &str) -> Value {
        let (status, text) = http::get(&self.address, path).expect("Prometheus answers");
        let answer: Value = serde_json::from_str(&text).expect("its answer is JSON");
        assert!(status == 200 && answer["status"] == "success", "{path}: {text}");
        answer["data"].clone()
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
