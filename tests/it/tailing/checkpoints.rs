//! The state directory: full, read-only, emptied and removed while the process runs, and damaged between two runs.
//! Saving may fail; shipping continues, and no line is skipped.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::{PATIENCE, counted, in_full};
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{KillOnDrop, http, wait_until};

const NEWEST: &str = "checkpoint.json";
const SYNCED: &str = "checkpoint.synced.json";
const NOT_SAVED: &str = "cannot save the checkpoint";

/// Lines of one length, by number.
fn lines(numbers: Range<usize>) -> String {
    numbers.map(|number| format!("line {number:05}\n")).collect::<Vec<_>>().concat()
}

/// The length of a file with this many lines.
fn bytes(lines: usize) -> u64 {
    lines as u64 * self::lines(0..1).len() as u64
}

/// The first file's offset in a generation.
fn offset(generation: &Path) -> Option<u64> {
    serde_json::from_slice::<Value>(&fs::read(generation).ok()?).ok()?["files"][0]["offset"].as_u64()
}

/// Checks that every line so far arrived, those before `once` once, and others at most `most` times.
#[track_caller]
fn check_arrived(sidecar: &Sidecar, all: usize, once: usize, most: usize) {
    let counted = counted(sidecar);
    for number in 0..all {
        let times = counted.get(&format!("line {number:05}")).copied().unwrap_or(0);
        let limit = if number < once { 1 } else { most };
        assert!((1..=limit).contains(&times), "line {number} arrived {times} times, at most {limit} are right");
    }
    assert_eq!(counted.len(), all);
}

#[track_caller]
fn wait_for_lines(sidecar: &Sidecar, all: usize) {
    wait_until("the lines", PATIENCE, || counted(sidecar).len() == all);
}

/// A volume for the state, in a mount namespace that outlives the processes in it.
struct Volume {
    /// Keeps the namespace.
    holder: KillOnDrop,
    state: PathBuf,
}

impl Volume {
    /// `None`, with a message, if no mount namespace can be created.
    fn mount(scene: &Scene) -> Option<Self> {
        let state = scene.path("state");
        fs::create_dir(&state).unwrap();
        let script = "mount -t tmpfs -o size=64k tmpfs \"$STATE\" && echo mounted && exec sleep 1000";
        let mut unshare = Command::new("unshare");
        unshare.args(["-m", "sh", "-c", script]).env("STATE", &state).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut holder = KillOnDrop(unshare.spawn().expect("unshare is there"));
        let mut printed = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut printed).unwrap();
        if printed == "mounted\n" {
            return Some(Self { holder, state });
        }
        assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "a mount namespace is needed (unshare -m)");
        eprintln!("skipped: no mount namespace can be made here");
        None
    }

    fn settings(&self, scene: &Scene) -> Settings {
        scene.to_stdout().through(&["nsenter", "-t", &self.holder.id().to_string(), "-m"])
    }

    /// The volume, as seen from outside of the namespace.
    fn path(&self, name: &str) -> PathBuf {
        let inside = self.state.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside).join(name)
    }

    #[track_caller]
    fn run(&self, script: &str) {
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["-t", &self.holder.id().to_string(), "-m", "sh", "-c", script]).env("STATE", &self.state);
        assert!(nsenter.status().unwrap().success(), "{script}");
    }

    fn change(&self, trouble: Trouble, on: bool) {
        match (trouble, on) {
            (Trouble::Full, true) => {
                let mut file = fs::File::create(self.path("filler")).unwrap();
                while file.write_all(&[b'x'; 512]).is_ok() {}
            }
            (Trouble::Full, false) => fs::remove_file(self.path("filler")).unwrap(),
            // On top of the volume, because open files prevent changes to the volume itself.
            (Trouble::ReadOnly, true) => {
                self.run("mount --bind \"$STATE\" \"$STATE\" && mount -o remount,ro,bind \"$STATE\"");
            }
            (Trouble::ReadOnly, false) => self.run("umount \"$STATE\""),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Full,
    ReadOnly,
}

const TROUBLES: [Trouble; 2] = [Trouble::Full, Trouble::ReadOnly];

/// Goal: a state directory that cannot be written at the start is reported as a configuration mistake.
#[test]
fn a_read_only_state_directory_is_refused_at_the_start() {
    let scene = Scene::new();
    let Some(volume) = Volume::mount(&scene) else { return };
    scene.append_log("app.log", lines(0..1));
    for lock_is_there in [false, true] {
        if lock_is_there {
            fs::write(volume.path("lock"), "").unwrap();
        }
        volume.change(Trouble::ReadOnly, true);
        let mut sidecar = scene.start(&volume.settings(&scene));
        let (status, _) = sidecar.wait(PATIENCE);
        let printed = sidecar.stderr();
        assert_eq!(status.code(), Some(78), "{printed}");
        let named = printed.contains("LOGSKIFF_STATE_DIR") && printed.contains(volume.state.to_str().unwrap());
        assert!(named && printed.contains("Read-only"), "{printed}");
        assert_eq!(sidecar.stdout(), "");
        volume.change(Trouble::ReadOnly, false);
    }
}

/// Goal: a state volume that becomes full or read-only blocks nothing, is logged once and counted. Once it is writable
/// again, saving resumes, and a restart ships nothing twice.
#[test]
fn a_temporarily_unwritable_state_volume_loses_nothing() {
    for trouble in TROUBLES {
        let scene = Scene::new();
        let Some(volume) = Volume::mount(&scene) else { return };
        let settings = volume.settings(&scene);
        let sidecar = scene.start(&settings.clone().with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0"));
        let address = http::address(&sidecar);
        let failures = || http::scrape(&address).unwrap()["logskiff_checkpoint_failures_total"];
        let saved = |lines| wait_until("a save", PATIENCE, || offset(&volume.path(NEWEST)) == Some(bytes(lines)));
        scene.append_log("app.log", lines(0..100));
        wait_for_lines(&sidecar, 100);
        saved(100);
        assert!(failures() == 0.0, "{trouble:?}");

        volume.change(trouble, true);
        for turn in 1..10 {
            let before = failures();
            scene.append_log("app.log", lines(turn * 100..turn * 100 + 100));
            wait_for_lines(&sidecar, turn * 100 + 100);
            wait_until("another failure", PATIENCE, || failures() > before);
        }
        assert_eq!(offset(&volume.path(NEWEST)), Some(bytes(100)), "{trouble:?}: the last save stays whole");
        let printed = sidecar.stderr();
        assert_eq!(printed.matches(NOT_SAVED).count(), 1, "{trouble:?}: said once: {printed}");

        volume.change(trouble, false);
        saved(1_000);
        scene.append_log("app.log", lines(1_000..1_100));
        saved(1_100);
        let printed = sidecar.stderr();
        assert_eq!(printed.matches(NOT_SAVED).count(), 1, "{trouble:?}: {printed}");
        sidecar.kill();
        scene.append_log("app.log", lines(1_100..1_200));
        let sidecar = scene.start(&settings);
        wait_for_lines(&sidecar, 1_200);
        check_arrived(&sidecar, 1_200, 1_200, 1);
        sidecar.drain(PATIENCE);
    }
}

/// Goal: a process that ends while its state cannot be saved, killed or drained, causes duplicates since the last save
/// and loses no line. One that starts on a full volume ships.
#[test]
fn a_shutdown_without_saving_skips_nothing() {
    for (trouble, kill) in [(Trouble::Full, true), (Trouble::Full, false), (Trouble::ReadOnly, true)] {
        let scene = Scene::new();
        let Some(volume) = Volume::mount(&scene) else { return };
        let settings = volume.settings(&scene);
        let sidecar = scene.start(&settings);
        scene.append_log("app.log", lines(0..100));
        wait_until("a save", PATIENCE, || offset(&volume.path(NEWEST)) == Some(bytes(100)));
        volume.change(trouble, true);
        scene.append_log("app.log", lines(100..300));
        wait_for_lines(&sidecar, 300);
        wait_until("the word on it", PATIENCE, || sidecar.stderr().contains(NOT_SAVED));
        if kill {
            sidecar.kill();
        } else {
            sidecar.drain(PATIENCE);
        }
        // A start on a full volume works; a start on a read-only one is refused, so that volume is repaired first.
        if matches!(trouble, Trouble::ReadOnly) {
            volume.change(trouble, false);
        }
        scene.append_log("app.log", lines(300..400));
        let sidecar = scene.start(&settings);
        wait_for_lines(&sidecar, 400);
        if matches!(trouble, Trouble::Full) {
            volume.change(trouble, false);
        }
        wait_until("a save", PATIENCE, || offset(&volume.path(NEWEST)) == Some(bytes(400)));
        check_arrived(&sidecar, 400, 100, 2);
        sidecar.drain(PATIENCE);
    }
}

/// Goal: no file is deleted before the checkpoint records it as shipped.
#[test]
fn nothing_is_deleted_while_saving_fails() {
    let scene = Scene::new();
    let Some(volume) = Volume::mount(&scene) else { return };
    let sidecar = scene.start(&volume.settings(&scene).with("LOGSKIFF_DELETE_ROTATED", "acknowledged"));
    scene.append_log("app.log", lines(0..100));
    wait_until("a save", PATIENCE, || offset(&volume.path(NEWEST)) == Some(bytes(100)));
    volume.change(Trouble::Full, true);
    fs::rename(scene.log("app.log"), scene.log("app.log.1")).unwrap();
    scene.append_log("app.log", lines(100..200));
    wait_for_lines(&sidecar, 200);
    // It would be deleted 5 s after the last change.
    sleep(Duration::from_secs(9));
    assert!(scene.log("app.log.1").exists());
    volume.change(Trouble::Full, false);
    wait_until("its end", PATIENCE, || !scene.log("app.log.1").exists());
    check_arrived(&sidecar, 200, 200, 1);
    sidecar.drain(PATIENCE);
}

/// What is removed under a running process, and whether that is logged.
type Removal = (&'static str, fn(&Path), bool);

/// Goal: removed state (files, lock or directory) is created again at the next save. Two processes never hold the
/// directory, and a restart ships nothing twice.
#[test]
fn state_removed_while_running_is_created_again() {
    let generations: fn(&Path) = |state| {
        for name in [NEWEST, SYNCED] {
            fs::remove_file(state.join(name)).unwrap();
        }
    };
    let removals: [Removal; 4] = [
        ("the generations", generations, false),
        ("the lock", |state| fs::remove_file(state.join("lock")).unwrap(), true),
        ("the directory", |state| fs::remove_dir_all(state).unwrap(), true),
        ("the directory, moved away", |state| fs::rename(state, state.with_extension("away")).unwrap(), true),
    ];
    for (what, remove, is_said) in removals {
        let scene = Scene::new();
        let state = scene.path("state");
        // A confined process loses its rights with the directory: see below.
        let settings = scene.to_stdout().with("LOGSKIFF_LANDLOCK", "off");
        let sidecar = scene.start(&settings);
        scene.append_log("app.log", lines(0..100));
        wait_until("a save", PATIENCE, || offset(&state.join(NEWEST)) == Some(bytes(100)));
        remove(&state);
        scene.append_log("app.log", lines(100..200));
        wait_until("a save", PATIENCE, || offset(&state.join(NEWEST)) == Some(bytes(200)));
        wait_for_lines(&sidecar, 200);
        if is_said {
            wait_until("a word on it", PATIENCE, || sidecar.stderr().contains("was removed while in use"));
        }
        let mut second = scene.start(&settings);
        let (status, _) = second.wait(PATIENCE);
        assert!(status.code() == Some(1) && second.stderr().contains("in use"), "{what}: {status} {}", second.stderr());
        assert!(!sidecar.stderr().contains(NOT_SAVED), "{what}: {}", sidecar.stderr());
        sidecar.kill();
        scene.append_log("app.log", lines(200..300));
        let sidecar = scene.start(&scene.to_stdout());
        wait_for_lines(&sidecar, 300);
        check_arrived(&sidecar, 300, 300, 1);
        sidecar.drain(PATIENCE);
    }
}

/// Goal: if the kernel confines the process to its state directory, a removed one cannot be created again. That is
/// logged, shipping continues, and the next start reads from the beginning.
#[test]
fn a_directory_removed_under_a_confined_process_is_reported() {
    let scene = Scene::new();
    let state = scene.path("state");
    let sidecar = scene.start(&scene.to_stdout());
    scene.append_log("app.log", lines(0..100));
    wait_until("a save", PATIENCE, || offset(&state.join(NEWEST)) == Some(bytes(100)));
    if !sidecar.stderr().contains("confined\"") {
        assert!(!in_full(), "this kernel has no Landlock");
        return eprintln!("not tried: this kernel has no Landlock");
    }
    fs::remove_dir_all(&state).unwrap();
    scene.append_log("app.log", lines(100..200));
    wait_until("a word on it", PATIENCE, || sidecar.stderr().contains(NOT_SAVED));
    wait_for_lines(&sidecar, 200);
    check_arrived(&sidecar, 200, 200, 1);
    sidecar.kill();
    let sidecar = scene.start(&scene.to_stdout());
    wait_until("every line again", PATIENCE, || offset(&state.join(NEWEST)) == Some(bytes(200)));
    check_arrived(&sidecar, 200, 0, 2);
    sidecar.drain(PATIENCE);
}

/// Goal: if no generation of a checkpoint is valid, everything is read again, also if the first start would begin at
/// the end, and also files rotated meanwhile. It is logged, and the next restart is an ordinary one.
#[test]
fn a_zeroed_checkpoint_skips_nothing() {
    for start in ["beginning", "end"] {
        let scene = Scene::new();
        let settings = scene.to_stdout().with("LOGSKIFF_START_AT", start);
        scene.append_log("app.log", "");
        let sidecar = scene.start(&settings);
        wait_until("the start", PATIENCE, || scene.path("state").join(NEWEST).exists());
        scene.append_log("app.log", lines(0..100));
        wait_for_lines(&sidecar, 100);
        sidecar.drain(PATIENCE);
        scene.append_log("app.log", lines(100..150));
        fs::rename(scene.log("app.log"), scene.log("app.log.1")).unwrap();
        scene.append_log("app.log", lines(150..200));
        for name in [NEWEST, SYNCED] {
            let path = scene.path("state").join(name);
            let length = fs::metadata(&path).unwrap().len();
            fs::write(path, vec![0; usize::try_from(length).unwrap()]).unwrap();
        }
        let sidecar = scene.start(&settings);
        wait_for_lines(&sidecar, 200);
        assert_eq!(sidecar.stderr().matches("checkpoint is damaged").count(), 2, "{}", sidecar.stderr());
        check_arrived(&sidecar, 200, 0, 2);
        sidecar.drain(PATIENCE);
        scene.append_log("app.log", lines(200..250));
        let sidecar = scene.start(&settings);
        wait_for_lines(&sidecar, 250);
        assert!(!sidecar.stderr().contains("damaged"));
        check_arrived(&sidecar, 250, 0, 2);
        sidecar.drain(PATIENCE);
    }
}

/// Goal: after a truncated newest generation, reading resumes at the older one: exactly the lines in between are
/// duplicates.
#[test]
fn a_truncated_generation_duplicates_lines_after_the_older_one() {
    let scene = Scene::new();
    let (newest, synced) = (scene.path("state").join(NEWEST), scene.path("state").join(SYNCED));
    let sidecar = scene.start(&scene.to_stdout());
    let mut all = 0;
    wait_until("an older generation that knows lines", PATIENCE, || {
        scene.append_log("app.log", lines(all..all + 10));
        all += 10;
        sleep(Duration::from_millis(230));
        offset(&synced) > Some(0)
    });
    scene.append_log("app.log", lines(all..all + 50));
    all += 50;
    wait_until("a save", PATIENCE, || offset(&newest) == Some(bytes(all)));
    let older = offset(&synced).unwrap();
    assert!(older < bytes(all), "{older}");
    sidecar.kill();
    let cut = fs::metadata(&newest).unwrap().len() / 2;
    fs::File::options().write(true).open(&newest).unwrap().set_len(cut).unwrap();
    let sidecar = scene.start(&scene.to_stdout());
    let once = usize::try_from(older / bytes(1)).unwrap();
    wait_until("them again", PATIENCE, || counted(&sidecar)[&format!("line {:05}", all - 1)] == 2);
    assert_eq!(sidecar.stderr().matches("checkpoint is damaged").count(), 1, "{}", sidecar.stderr());
    check_arrived(&sidecar, all, once, 2);
    let duplicates = counted(&sidecar).values().filter(|times| **times == 2).count();
    assert_eq!(duplicates, all - once);
    sidecar.drain(PATIENCE);
    assert!(scene.path("state").join("checkpoint.json.damaged").exists());
}
