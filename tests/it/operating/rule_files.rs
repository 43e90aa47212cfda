//! Rule files that change while logskiff runs, as Kubernetes changes those of a `ConfigMap`: by a symbolic link.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::sidecar::Sidecar;
use crate::support::{http, wait_until};

/// Files are checked every 5 s, and must stay the same for one check more.
const NOTICED: Duration = Duration::from_secs(30);

/// A folder like that of a `ConfigMap`: `rules.toml` leads through `..data` into a folder that is replaced.
fn publish(scene: &Scene, version: u32, text: &str) {
    let folder = scene.path("rules");
    let own = folder.join(format!("..{version}"));
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("rules.toml"), text).unwrap();
    let fresh = folder.join("..fresh");
    symlink(format!("..{version}"), &fresh).unwrap();
    fs::rename(fresh, folder.join("..data")).unwrap();
    let file = folder.join("rules.toml");
    if version == 1 {
        symlink("..data/rules.toml", file).unwrap();
    } else {
        fs::remove_dir_all(folder.join(format!("..{}", version - 1))).unwrap();
    }
}

fn rule(id: &str) -> String {
    format!("[[rules]]\nid = '{id}'\nregex = '{id}_[0-9]{{4}}'\n")
}

/// Appends a line until what it became is as `expected`.
#[track_caller]
fn check_line(scene: &Scene, sidecar: &Sidecar, expected: &str) {
    wait_until(expected, NOTICED, || {
        scene.append_log("app.log", "acme_1234 hooli_1234\n");
        sleep(Duration::from_millis(200));
        sidecar.stdout().lines().last().is_some_and(|line| line.contains(expected))
    });
}

/// Goal: changed rules are used without a restart; broken ones change nothing, and are logged once, counted, and shown
/// until they are corrected. Masks are counted on.
#[test]
fn a_changed_file_is_used_and_a_broken_one_is_not() {
    let scene = Scene::new();
    publish(&scene, 1, &rule("acme"));
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_REDACT_RULES_FROM", &scene.path("rules/rules.toml").display().to_string())
        .with("LOGSKIFF_ENCODING", "raw");
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    check_line(&scene, &sidecar, "<redacted:acme> hooli_1234");
    let sample = |name: &str| http::scrape(&address).unwrap().get(name).copied();
    let of_acme = || sample(r#"logskiff_redactions_total{input="default",rule="acme",mode="mask"}"#).unwrap();
    assert_eq!(sample("logskiff_rule_files_outdated"), Some(0.0));

    publish(&scene, 2, &format!("{}{}", rule("acme"), rule("hooli")));
    let before = of_acme();
    check_line(&scene, &sidecar, "<redacted:acme> <redacted:hooli>");
    assert!(of_acme() > before, "{before}");

    publish(&scene, 3, &format!("{}[[rules]]\nid = 'hooli'\nregex = '('\n", rule("acme")));
    wait_until("the mistake is shown", NOTICED, || sample("logskiff_rule_files_outdated") == Some(1.0));
    check_line(&scene, &sidecar, "<redacted:acme> <redacted:hooli>");
    sleep(Duration::from_secs(11));
    assert_eq!(sample("logskiff_rule_file_failures_total"), Some(1.0));
    let logged = sidecar.stderr().matches("a changed rule file cannot be used").count();
    assert_eq!(logged, 1, "{}", sidecar.stderr());
    assert!(sidecar.stderr().contains(r#"rule \"hooli\": the pattern"#), "{}", sidecar.stderr());

    publish(&scene, 4, &rule("hooli"));
    check_line(&scene, &sidecar, "acme_1234 <redacted:hooli>");
    assert_eq!(sample("logskiff_rule_files_outdated"), Some(0.0));
    sidecar.drain(PATIENCE);
}
