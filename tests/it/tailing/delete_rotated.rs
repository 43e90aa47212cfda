//! `LOGSKIFF_DELETE_ROTATED=acknowledged` on a volume that would be too small, and on one that is read-only.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{PATIENCE, counted};
use crate::support::scene::Scene;
use crate::support::wait_until;

/// Goal: rotated files are deleted once they are shipped, the live file never is, and no line is missing.
#[test]
fn rotated_files_are_deleted_and_nothing_is_missing() {
    const TURNS: usize = 8;
    let scene = Scene::new();
    let sidecar = scene.start(&scene.to_stdout().with("LOGSKIFF_DELETE_ROTATED", "acknowledged"));
    let mut lines = 0;
    for turn in 0..TURNS {
        let text = (0..500).map(|line| format!("turn {turn} line {line}\n")).collect::<Vec<_>>().concat();
        scene.append_log("app.log", text);
        lines += 500;
        std::thread::sleep(Duration::from_millis(700));
        fs::rename(scene.log("app.log"), scene.log(&format!("app.log.{turn}"))).unwrap();
    }
    scene.append_log("app.log", "the last\n");
    let names = || fs::read_dir(scene.path("logs")).unwrap().count();
    wait_until("the rotated files to go", PATIENCE, || names() == 1);
    assert!(scene.log("app.log").exists());
    let counted = counted(&sidecar);
    assert_eq!((counted.len(), counted.values().max()), (lines + 1, Some(&1)));
    assert_eq!(sidecar.stderr().matches("deleted a rotated file; all of it was acknowledged").count(), TURNS);
    sidecar.drain(PATIENCE);
}

/// Goal: read-only logs are reported at the start and when a file should be deleted, and shipping continues.
#[test]
fn an_unwritable_volume_is_reported() {
    let scene = Scene::new();
    let logs = scene.path("logs").display().to_string();
    let mount = "mount --bind \"$LOGS\" \"$LOGS\" && mount -o remount,ro,bind \"$LOGS\"";
    let may = Command::new("unshare").args(["-m", "sh", "-c", mount]).env("LOGS", &logs).status();
    if !may.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "a mount namespace is needed (unshare -m)");
        eprintln!("skipped: no mount namespace can be made here");
        return;
    }
    scene.append_log("app.log", "1\n");
    let script = format!("{} && exec \"$0\"", mount.replace("$LOGS", &logs));
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_DELETE_ROTATED", "acknowledged")
        .through(&["unshare", "-m", "sh", "-c", &script]);
    let sidecar = scene.start(&settings);
    wait_until("the first line", PATIENCE, || counted(&sidecar).len() == 1);
    assert!(sidecar.stderr().contains("cannot delete files in this directory"), "{}", sidecar.stderr());
    fs::rename(scene.log("app.log"), scene.log("app.log.1")).unwrap();
    scene.append_log("app.log", "2\n");
    wait_until("the word that it cannot be deleted", PATIENCE, || {
        sidecar.stderr().contains("cannot delete a rotated file")
    });
    assert!(scene.log("app.log.1").exists());
    scene.append_log("app.log", "3\n");
    wait_until("the third line", PATIENCE, || counted(&sidecar).len() == 3);
}
