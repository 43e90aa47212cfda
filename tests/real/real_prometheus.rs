//! A real Prometheus scrapes a real logskiff for two minutes under traffic, faults and a drain.
//!
//! `.ci/prometheus-install DIR`, then `LOGSKIFF_TEST_PROMETHEUS=DIR cargo test --test real real_prometheus:: --
//! --nocapture`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::mock::Mock;
use crate::support::prometheus::{Prometheus, programs};
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::Settings;
use crate::support::{Random, http};

const PATIENCE: Duration = Duration::from_secs(40);
/// Duration of the traffic.
const TRAFFIC: Duration = Duration::from_secs(110);

/// Writes for a while: valid lines, secrets, garbage; rotations, truncations, an outage in between.
fn traffic(folder: &Path, kafka: &Mock) {
    let mut random = Random::new(7);
    let (start, mut step, mut down) = (Instant::now(), 0_u64, false);
    while start.elapsed() < TRAFFIC {
        step += 1;
        for name in ["access", "app"] {
            let path = folder.join(format!("logs/{name}.log"));
            let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
            for _ in 0..random.between(5, 40) {
                let line = match random.between(0, 20) {
                    0 => "\n".to_owned(),
                    1 => "{\"cut\": \n".to_owned(),
                    2 => format!("{}\n", "long ".repeat(600)),
                    3 => "{\"time\":\"no time\",\"n\":\"no number\",\"status\":\"ok\"}\n".to_owned(),
                    _ => format!(
                        "{{\"level\":\"info\",\"n\":{},\"password\":\"x\",\"m\":\"mail a@example.org token=s3cr3t\"}}\n",
                        random.roll() % 1000
                    ),
                };
                file.write_all(line.as_bytes()).unwrap();
            }
            if step.is_multiple_of(300) {
                _ = fs::rename(folder.join(format!("logs/{name}.log.1")), folder.join(format!("logs/{name}.log.2")));
                fs::rename(&path, folder.join(format!("logs/{name}.log.1"))).unwrap();
            } else if step.is_multiple_of(450) {
                OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
            }
        }
        let outage = (40..55).contains(&start.elapsed().as_secs());
        if outage != down {
            down = outage;
            if outage { kafka.down() } else { kafka.up() }
        }
        sleep(Duration::from_millis(50));
    }
}

/// A panel's expressions with the dashboard's variables filled in.
fn expressions() -> Vec<(String, String)> {
    let dashboard = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples/grafana/logskiff.json");
    let dashboard: Value = serde_json::from_slice(&fs::read(dashboard).unwrap()).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let expression = ["$job", "$namespace", "$pod"]
                .iter()
                .fold(expression.to_owned(), |text, name| text.replace(name, ".*"));
            found.push((panel["title"].as_str().unwrap().to_owned(), expression.replace("$__rate_interval", "100s")));
        }
    }
    found
}

#[track_caller]
fn run(mut command: Command, input: Option<&str>) -> String {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    process.stdin.take().unwrap().write_all(input.unwrap_or_default().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {printed}");
    printed
}

/// Goal: the rules are valid for promtool, and each alert fires and stays silent as expected.
#[test]
fn every_alert_fires_and_stays_silent() {
    let Some(programs) = programs() else { return };
    let examples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples/prometheus");
    for arguments in [
        ["check", "rules", "cost.yaml"],
        ["check", "rules", "alerts.yaml"],
        ["test", "rules", "alerts.test.yaml"],
        ["check", "rules", "alerts-node.yaml"],
        ["test", "rules", "alerts-node.test.yaml"],
    ] {
        let mut promtool = Command::new(programs.join("promtool"));
        promtool.args(arguments).current_dir(&examples);
        run(promtool, None);
    }
    for rules in ["alerts", "alerts-node"] {
        let tests = fs::read_to_string(examples.join(format!("{rules}.test.yaml"))).unwrap();
        let rules = fs::read_to_string(examples.join(format!("{rules}.yaml"))).unwrap();
        for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
            assert!(tests.matches(&format!("\"{alert}\"")).count() >= 2, "{alert} is not tried");
        }
    }
}

/// KEDA scales by what the application writes, also while the broker is away and during the catch-up.
#[test]
fn written_bytes_are_measured_during_an_outage() {
    const RATE: u32 = 40_000;
    let Some(programs) = programs() else { return };
    let scene = Scene::new();
    let kafka = scene.kafka();
    let settings = Settings::new(scene.folder(), &kafka.bootstrap(), TOPIC)
        .with("LOGSKIFF_LINE_BYTES_MAX", "1KiB")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "64KiB")
        .with("LOGSKIFF_BATCH_BYTES", "16KiB")
        .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200")
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    let sidecar = scene.start(&settings);
    let prometheus = Prometheus::start(&programs, &http::address(&sidecar));
    let mut file = OpenOptions::new().create(true).append(true).open(scene.log("app.log")).unwrap();
    let (start, line) = (Instant::now(), "x".repeat(199) + "\n");
    let mut written = 0;
    let mut write_until = |second: u64| {
        while start.elapsed().as_secs() < second {
            // By the clock, to make up for a pause of the machine.
            while written < u64::from(RATE) * u64::try_from(start.elapsed().as_millis()).unwrap() / 1000 {
                file.write_all(line.as_bytes()).unwrap();
                written += line.len() as u64;
            }
            sleep(Duration::from_millis(20));
        }
    };
    write_until(16);
    kafka.down();
    write_until(28);
    kafka.up();
    write_until(40);

    // The example's query, with seconds instead of minutes; from the end of its first window.
    let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples/kubernetes/keda.yaml");
    let scaler: Value = serde_norway::from_str(&fs::read_to_string(example).unwrap()).unwrap();
    let query = scaler["spec"]["triggers"][0]["metadata"]["query"].as_str().unwrap();
    let query = query.replace("\"shop\"", "\"demo\"").replace("shop-.*", "shop").replace("\"access\"", "\"default\"");
    let query = query.replace("[2m]", "[8s]").replace("/ 120", "/ 8");
    let ends = |function: &str, query: &str| prometheus.query(&format!("{function}(({query})[24s:1s])"))[0].1;
    let (least, most) = (ends("min_over_time", &query), ends("max_over_time", &query));
    let by_reading = "sum(rate(logskiff_read_bytes_total[8s]))";
    let (read_least, read_most) = (ends("min_over_time", by_reading), ends("max_over_time", by_reading));
    eprintln!("written: {least:.0} to {most:.0} B/s, read: {read_least:.0} to {read_most:.0} B/s, of {RATE}");
    let rate = f64::from(RATE);
    assert!(least > 0.6 * rate && most < 1.5 * rate, "{least} to {most}");
    assert!(read_least < 0.3 * rate && read_most > 1.5 * rate, "the outage is one: {read_least} to {read_most}");
    sidecar.drain(PATIENCE);
}

/// Goal: in two busy minutes, the byte accounting balances at every scrape, and every panel of the dashboard has data.
#[test]
fn prometheus_sees_what_happens() {
    let Some(programs) = programs() else { return };
    let scene = Scene::new();
    let kafka = scene.kafka();
    let at = |name: &str| scene.path(name).display().to_string();
    let settings = Settings::new(scene.folder(), &kafka.bootstrap(), TOPIC)
        .without("LOGSKIFF_PATHS")
        .with("LOGSKIFF_INPUT_ACCESS_PATHS", &at("logs/access.log*"))
        .with("LOGSKIFF_INPUT_APP_PATHS", &at("logs/app.log*"))
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_PARSE_TYPES", "n:int")
        .with("LOGSKIFF_INPUT_APP_PARSE_ON_ERROR", "drop")
        .with("LOGSKIFF_REDACT", "secrets,pii")
        .with("LOGSKIFF_LINE_BYTES_MAX", "1KiB")
        .with("LOGSKIFF_BATCH_BYTES", "16KiB")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "128KiB")
        .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200")
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    let prometheus = Prometheus::start(&programs, &address);
    traffic(scene.folder(), kafka);

    let (_, text) = http::get(&address, "/metrics").expect("an answer");
    let mut promtool = Command::new(programs.join("promtool"));
    promtool.args(["check", "metrics"]);
    // promtool reads the older format, which clients get unless they request the newer one.
    let older = http::get_plain(&address, "/metrics").expect("an answer");
    assert_eq!(run(promtool, Some(&older)), "", "promtool has something to say");
    assert!(text.ends_with("# EOF\n"));

    for (panel, expression) in expressions() {
        let series = prometheus.query(&expression);
        // Only a container with a memory limit has one.
        let may_be_empty = expression.contains("memory_limit");
        assert!(may_be_empty || !series.is_empty(), "{panel}: {expression} gives nothing");
        let may_be_infinite = expression.contains("time_to_loss");
        for (labels, value) in series {
            assert!(may_be_infinite || value.is_finite(), "{panel}: {expression} gives {value} for {labels}");
        }
    }

    if let Some(picture) = std::env::var_os("LOGSKIFF_TEST_PICTURE") {
        let mut draw =
            Command::new(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("bench/dashboard-picture"));
        draw.arg(format!("http://{}", prometheus.address())).arg(picture);
        run(draw, None);
    }

    sidecar.drain(PATIENCE);
    let books = "logskiff_read_bytes_total - on(input) logskiff_acknowledged_bytes_total \
                 - on(input) sum by (input) (logskiff_dropped_bytes_total) - on(input) logskiff_pending_bytes";
    for (what, expression, expected) in [
        ("the largest difference in the books", format!("max_over_time(max(abs({books}))[3m:1s])"), 0.0),
        ("the connection during the outage", "min_over_time(min(logskiff_output_connected)[3m:1s])".to_owned(), 0.0),
    ] {
        let found = prometheus.query(&expression);
        assert_eq!(found.first().map(|(_, value)| *value), Some(expected), "{what}: {expression}");
    }
    let names = prometheus.request("/api/v1/label/__name__/values");
    let counters = names.as_array().unwrap().iter().filter_map(Value::as_str).filter(|name| name.ends_with("_total"));
    for counter in counters {
        for (labels, resets) in prometheus.query(&format!("resets({counter}[3m])")) {
            assert!(resets == 0.0, "{counter}{labels} went down");
        }
    }
    let scrapes = prometheus.query("max(count_over_time(logskiff_build_info[3m]))")[0].1;
    let lag = prometheus.query("max(max_over_time(logskiff_lag_seconds[3m]))")[0].1;
    assert!(scrapes > 90.0 && lag > 5.0, "{scrapes} scrapes, a lag of {lag} s at most");
    let groups = prometheus.request("/api/v1/rules");
    for rule in groups["groups"][0]["rules"].as_array().unwrap() {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    eprintln!("{scrapes} scrapes, all in balance; the outage made a lag of {lag:.1} s");
}
