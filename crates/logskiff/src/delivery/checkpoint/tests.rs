//! Every saved checkpoint is loaded or detected as damaged, whatever happens to the files.

use super::*;
use event::{
    Ahead, Boundary, FileTime, Fingerprint, Hash, Inode, Quiet, RecordMemory, Span, TimeSource, WriteStep, Writes,
    name_hash,
};

/// The seed of the random damage; use it to repeat a failure.
const SEED: u64 = 2026;
/// Timeout for an action that normally takes a moment.
const LONG: Duration = Duration::from_secs(20);

fn entry(offset: u64) -> CheckpointEntry {
    CheckpointEntry {
        path: "/var/log/app/app.log".into(),
        real: None,
        inode: Inode { device: 1, inode: 2 },
        origin: "00ff".into(),
        incarnation: 3,
        offset,
        boundary: Boundary::MidLine,
        read_from_start: true,
        writes: Writes { size: 99, steps: vec![WriteStep { end: 99, time_ns: 7, source: TimeSource::Write }] },
        fingerprint: Fingerprint { offset, head_bytes: 4, head: Hash(5), before_bytes: 6, before: Hash(u64::MAX) },
        ahead: None,
        records: RecordMemory::default(),
    }
}

fn saved(dir: &Path, offsets: &[u64]) {
    let mut store = opened(dir);
    for offset in offsets {
        store.save(vec![entry(*offset)], Instant::now()).unwrap();
    }
}

fn load(dir: &Path) -> Option<u64> {
    opened(dir).load().files.map(|files| files[0].offset)
}

#[test]
fn saved_entries_are_loaded() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load(dir.path()), None);
    saved(dir.path(), &[1, 2]);
    assert_eq!(opened(dir.path()).load().files, Some(vec![entry(2)]));
}

#[test]
fn a_damaged_newest_generation_is_set_aside_and_the_older_one_used() {
    for damage in [&b""[..], b"\0\0\0\0", b"{}", b"cut"] {
        let dir = tempfile::tempdir().unwrap();
        saved(dir.path(), &[1, 2]);
        let newest = dir.path().join(NEWEST);
        let bytes = std::fs::read(&newest).unwrap();
        std::fs::write(&newest, if damage == b"cut" { &bytes[..bytes.len() - 9] } else { damage }).unwrap();
        assert_eq!(load(dir.path()), Some(1));
        assert!(dir.path().join("checkpoint.json.damaged").exists());
    }
}

#[test]
fn every_flipped_digit_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    saved(dir.path(), &[7]);
    let bytes = std::fs::read(dir.path().join(NEWEST)).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let same = decode(&flipped).is_ok_and(|files| files == [entry(7)]) || decode(&flipped).is_err();
        assert!(same, "byte {at}");
    }
}

#[test]
fn with_both_generations_damaged_there_are_no_entries() {
    let dir = tempfile::tempdir().unwrap();
    saved(dir.path(), &[1]);
    std::fs::write(dir.path().join(NEWEST), "x").unwrap();
    std::fs::write(dir.path().join(SYNCED), "x").unwrap();
    let loaded = opened(dir.path()).load();
    assert_eq!((loaded.files, loaded.damaged.len()), (None, 2));
}

#[test]
fn one_directory_has_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let held = opened(dir.path());
    assert!(matches!(Store::open(dir.path()), Err(CheckpointError::InUse(_))));
    drop(held);
    assert!(Store::open(dir.path()).is_ok());
}

#[test]
fn a_directory_that_cannot_be_created_is_reported() {
    let error = Store::open(Path::new("/proc/logskiff")).unwrap_err();
    assert!(error.to_string().contains("/proc/logskiff"), "{error}");
}

#[test]
fn the_writer_saves_the_newest_checkpoint_and_reports_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let writer = CheckpointWriter::start(opened(dir.path())).unwrap();
    (1..=50).for_each(|offset| writer.save(vec![entry(offset)]));
    writer.wait_until_saved(LONG).unwrap();
    drop(writer);
    assert_eq!(load(dir.path()), Some(50));
    let writer = CheckpointWriter::start(opened(dir.path())).unwrap();
    std::fs::create_dir(dir.path().join("checkpoint.json.new")).unwrap();
    writer.save(vec![entry(51)]);
    writer.wait_until_saved(LONG).unwrap_err();
}

/// Goal: a hanging volume delays the caller once, is reported, gets the newest checkpoint once it responds, and does
/// not block shutdown.
#[test]
fn a_hanging_volume_delays_the_caller_once() {
    const PATIENCE: Duration = Duration::from_millis(50);
    let (answer, answers) = std::sync::mpsc::channel();
    let (done, offsets) = std::sync::mpsc::channel();
    let save = move |checkpoint: Checkpoint| {
        answers.recv().map_err(io::Error::other)?;
        done.send(checkpoint.files[0].offset).map_err(io::Error::other)?;
        Ok(false)
    };
    let writer = CheckpointWriter::with_save_function(save).unwrap();
    writer.save(vec![entry(1)]);
    assert_eq!(writer.wait_until_saved(PATIENCE).unwrap_err().kind(), io::ErrorKind::TimedOut);
    let start = Instant::now();
    for offset in 2..100 {
        writer.save(vec![entry(offset)]);
        writer.wait_until_saved(PATIENCE).unwrap_err();
    }
    assert!(start.elapsed() < 20 * PATIENCE, "{:?}", start.elapsed());
    let (before, after) = (start + HANGS_AFTER / 2, start + HANGS_AFTER);
    assert!(writer.error(before).is_none() && writer.error(after).is_some() && writer.error(after).is_none());
    assert!(writer.error(after + HANGS_AFTER).is_some(), "reported again");
    answer.send(()).unwrap();
    answer.send(()).unwrap();
    writer.wait_until_saved(LONG).unwrap();
    assert_eq!([offsets.recv().unwrap(), offsets.recv().unwrap()], [1, 99]);
    assert!(writer.error(after + 3 * HANGS_AFTER).is_none(), "it responds");
    writer.save(vec![entry(100)]);
    let start = Instant::now();
    drop(writer);
    assert!(start.elapsed() < 3 * SAVE_PATIENCE, "{:?}", start.elapsed());
    drop(answer);
}

/// Opens the store of a directory whose lock may still be held for a moment by a process that another test starts: it
/// inherits all open files until it executes its program.
fn opened(dir: &Path) -> Store {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Store::open(dir) {
            Err(CheckpointError::InUse(_)) if Instant::now() < deadline => std::thread::yield_now(),
            store => return store.unwrap(),
        }
    }
}

/// Two files each, so that more than one entry can be damaged.
fn generation(offset: u64) -> Vec<CheckpointEntry> {
    let other = CheckpointEntry {
        path: "/var/log/app/\"ö\"\n.log".into(),
        real: Some("/srv/ö\n.log".into()),
        incarnation: 0,
        ..entry(offset / 2)
    };
    vec![entry(offset), other]
}

/// Writes both generations, the older one and the newest; returns the bytes of the newest.
fn two_generations(dir: &Path) -> Vec<u8> {
    let mut store = opened(dir);
    let start = Instant::now();
    store.save(generation(1_000), start).unwrap();
    store.save(generation(2_000), start + SYNC_EVERY / 2).unwrap();
    std::fs::read(dir.join(NEWEST)).unwrap()
}

/// Replaces the newest generation by `damaged`. The damage must be detected, the file set aside, and the older
/// generation used; or, if it `may_be_harmless`, the saved content must be unchanged. Returns whether it was detected.
#[track_caller]
fn check_damage(dir: &Path, damaged: &[u8], may_be_harmless: bool, what: &str) -> bool {
    let (newest, aside) = (dir.join(NEWEST), dir.join("checkpoint.json.damaged"));
    _ = std::fs::remove_file(&aside);
    std::fs::write(&newest, damaged).unwrap();
    assert!(
        read_only(dir).is_some_and(|checkpoint| [generation(1_000), generation(2_000)].contains(&checkpoint.files)),
        "{what}"
    );
    let loaded = opened(dir).load();
    if may_be_harmless && loaded.damaged.is_empty() {
        assert_eq!(loaded.files, Some(generation(2_000)), "{what}");
        return false;
    }
    assert_eq!(loaded.files, Some(generation(1_000)), "{what}");
    assert_eq!(loaded.damaged.iter().map(|(path, _)| path).collect::<Vec<_>>(), [&aside], "{what}");
    assert!(!newest.exists() && std::fs::read(&aside).unwrap() == damaged, "{what}");
    true
}

/// Goal: a newest generation truncated at any byte is detected, and the older one is used.
#[test]
fn a_generation_cut_at_any_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = two_generations(dir.path());
    for length in 0..bytes.len() {
        check_damage(dir.path(), &bytes[..length], false, &format!("truncated to {length} bytes"));
    }
}

/// Goal: no flipped bit changes an offset or a file of the saved content.
#[test]
fn flipped_bits_are_noticed_or_change_nothing() {
    const FLIPS: usize = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let bytes = two_generations(dir.path());
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut detected = 0;
    for flip in 0..FLIPS {
        let (at, bit) = (random.usize(..bytes.len()), random.u32(..8));
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << bit;
        let what = format!("flip {flip} of seed {SEED}: bit {bit} of byte {at}");
        detected += usize::from(check_damage(dir.path(), &damaged, true, &what));
    }
    println!("seed {SEED}: {detected} of {FLIPS} flips detected, the others changed nothing");
    assert!(detected > FLIPS * 9 / 10, "{detected}");
}

/// Goal: zeros as after the death of a machine, garbage, another version, and unreadable files are detected.
#[test]
fn other_content_is_detected() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = two_generations(dir.path());
    let other_version = String::from_utf8(bytes.clone()).unwrap().replace("\"version\":1", "\"version\":2");
    let twice = [&bytes[..], &bytes[..]].concat();
    for damaged in [&vec![0; bytes.len()][..], b"", b"null", b"[]", other_version.as_bytes(), &twice] {
        check_damage(dir.path(), damaged, false, &String::from_utf8_lossy(damaged));
    }
    let newest = dir.path().join(NEWEST);
    _ = std::fs::remove_file(dir.path().join("checkpoint.json.damaged"));
    std::fs::create_dir(&newest).unwrap();
    let loaded = opened(dir.path()).load();
    assert_eq!((loaded.files, loaded.damaged.len()), (Some(generation(1_000)), 1), "a directory");
    assert!(!newest.exists(), "it does not obstruct the next save");
}

/// Goal: two damaged generations are distinguished from a first start.
#[test]
fn both_generations_damaged_is_not_a_first_start() {
    for (newest, synced) in [(true, true), (true, false), (false, true)] {
        let dir = tempfile::tempdir().unwrap();
        assert!(!opened(dir.path()).load().is_lost(), "a first start");
        let bytes = two_generations(dir.path());
        for (name, is_there) in [(NEWEST, newest), (SYNCED, synced)] {
            let path = dir.path().join(name);
            if is_there { std::fs::write(path, vec![0; bytes.len()]) } else { std::fs::remove_file(path) }.unwrap();
        }
        let loaded = opened(dir.path()).load();
        assert!(loaded.is_lost() && loaded.damaged.len() == usize::from(newest) + usize::from(synced), "{loaded:?}");
        assert_eq!(read_only(dir.path()), None);
    }
}

/// Goal: an unfinished save is neither loaded nor in the way of the next one.
#[test]
fn an_unfinished_save_leaves_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = two_generations(dir.path());
    for name in ["checkpoint.json.new", "checkpoint.synced.json.new"] {
        std::fs::write(dir.path().join(name), &bytes[..bytes.len() / 2]).unwrap();
    }
    let mut store = opened(dir.path());
    let loaded = store.load();
    assert!(loaded.saved_at.is_some());
    assert_eq!(loaded, Loaded { files: Some(generation(2_000)), saved_at: loaded.saved_at, ..Loaded::default() });
    store.save(generation(3_000), Instant::now()).unwrap();
    assert_eq!(store.load().files, Some(generation(3_000)));
}

/// Goal: files, lock or the whole directory are created again after their removal, and the lock is still held.
#[test]
fn removed_files_are_created_again_and_locked() {
    let saved_anew = |remove: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("state");
        let (mut store, start) = (opened(&dir), Instant::now());
        assert!(!store.save(generation(1_000), start).unwrap());
        remove(&dir);
        let recreated = store.save(generation(2_000), start + SYNC_EVERY / 2).unwrap();
        assert!(matches!(Store::open(&dir), Err(CheckpointError::InUse(_))), "held");
        assert_eq!(store.load().files, Some(generation(2_000)));
        if recreated {
            assert!(dir.join(SYNCED).exists(), "a new directory has both generations at once");
        }
        assert!(!store.save(generation(3_000), start + SYNC_EVERY / 2).unwrap(), "once");
        drop(store);
        opened(&dir);
        recreated
    };
    assert!(!saved_anew(&|dir| std::fs::remove_file(dir.join(NEWEST)).unwrap()));
    assert!(saved_anew(&|dir| std::fs::remove_file(dir.join(LOCK)).unwrap()));
    assert!(saved_anew(&|dir| std::fs::remove_dir_all(dir).unwrap()));
    assert!(saved_anew(&|dir| std::fs::rename(dir, dir.with_extension("away")).unwrap()));
}

/// Goal: two processes never write to one directory: a process that lost its directory to another one writes nothing
/// there.
#[test]
fn a_directory_of_another_process_is_not_written() {
    for only_the_lock in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("state");
        let mut displaced = opened(&dir);
        displaced.save(generation(1_000), Instant::now()).unwrap();
        if only_the_lock { std::fs::remove_file(dir.join(LOCK)) } else { std::fs::remove_dir_all(&dir) }.unwrap();
        let mut other = opened(&dir);
        other.save(generation(5_000), Instant::now()).unwrap();
        let error = displaced.save(generation(2_000), Instant::now()).unwrap_err();
        assert!(error.to_string().contains("in use by another logskiff"), "{error}");
        assert_eq!(other.load().files, Some(generation(5_000)));
        drop(other);
        assert!(displaced.save(generation(3_000), Instant::now()).unwrap(), "free again, it is locked again");
        assert_eq!(displaced.load().files, Some(generation(3_000)));
    }
}

/// The first version of the format, and the present one.
#[test]
fn every_checkpoint_of_this_format_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let written = include_bytes!("first.json");
    std::fs::write(dir.path().join(NEWEST), written).unwrap();
    let loaded = opened(dir.path()).load();
    let files = loaded.files.unwrap();
    let offsets: Vec<(u64, u16, bool)> =
        files.iter().map(|file| (file.offset, file.fingerprint.before_bytes, file.read_from_start)).collect();
    assert_eq!((offsets, loaded.damaged.len()), (vec![(2840, 64, true), (19, 19, true)], 0));

    let spans = vec![Span { start: 10, end: 20 }, Span { start: 30, end: 99 }];
    let ahead = Some(Ahead { spans, fingerprint: entry(99).fingerprint });
    let mut store = opened(dir.path());
    let files = vec![CheckpointEntry { ahead, ..entry(5) }];
    store.save(files.clone(), Instant::now()).unwrap();
    assert_eq!(store.load().files, Some(files));
}

/// Goal: after a downgrade, the log reports the newer format, and the process starts.
#[test]
fn a_newer_format_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(NEWEST), r#"{"version":7,"checksum":"new","files":{"of":"another shape"}}"#)
        .unwrap();
    let loaded = opened(dir.path()).load();
    assert!(loaded.is_lost());
    let (path, why) = &loaded.damaged[0];
    assert_eq!((path, why), (&dir.path().join("checkpoint.json.damaged"), &Damage::Version(7)));
    assert!(why.to_string().contains("format 7"), "{why}");
}

fn quiet_files(count: u64) -> Arc<QuietFiles> {
    let file = |number: u64| {
        let fingerprint =
            Fingerprint { offset: 9, head_bytes: 9, head: Hash(number), before_bytes: 9, before: Hash(7) };
        let name = name_hash(format!("/var/log/app/{number}.log").as_bytes());
        let quiet = Quiet {
            fingerprint,
            changed: FileTime { seconds: number.cast_signed(), nanoseconds: 5 },
            name,
            incarnation: 0,
            whole: true,
        };
        (Inode { device: 1, inode: number }, quiet)
    };
    let mut files = QuietFiles::default();
    files.insert((0..count).map(file));
    Arc::new(files)
}

#[test]
fn quiet_files_are_written_when_they_change_and_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    let checkpoint = |count, offset| Checkpoint { files: vec![entry(offset)], quiet: quiet_files(count) };
    store.save(checkpoint(1_000, 1), Instant::now()).unwrap();
    let path = dir.path().join(QUIET);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 1_000 * 48 + 200, "{size}");
    std::fs::remove_file(&path).unwrap();
    store.save(checkpoint(1_000, 2), Instant::now()).unwrap();
    assert!(!path.exists(), "nothing has changed");
    let mut more = (*quiet_files(1_000)).clone();
    more.drop_unfound();
    more.mark_found(|place| place != 3);
    more.drop_unfound();
    store.save(Checkpoint { quiet: Arc::new(more.clone()), ..checkpoint(0, 3) }, Instant::now()).unwrap();
    let loaded = store.load();
    assert_eq!((loaded.quiet.len(), loaded.files), (999, Some(vec![entry(3)])));
    assert!(loaded.quiet.iter().eq(more.iter()));
    assert_eq!(read_only(dir.path()).map(|checkpoint| checkpoint.quiet.len()), Some(999));
}

/// Goal: damage to the quiet files is detected, and has no further effect.
#[test]
fn damaged_quiet_files_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    store.save(Checkpoint { files: generation(1_000), quiet: quiet_files(20) }, Instant::now()).unwrap();
    let path = dir.path().join(QUIET);
    let bytes = std::fs::read(&path).unwrap();
    let mut damages: Vec<Vec<u8>> = (0..bytes.len()).map(|length| bytes[..length].to_vec()).collect();
    damages.extend((0..bytes.len()).map(|at| bytes.iter().enumerate().map(|(i, b)| b ^ u8::from(i == at)).collect()));
    for damaged in damages {
        std::fs::write(&path, &damaged).unwrap();
        let loaded = store.load();
        assert_eq!((loaded.files, loaded.quiet.len()), (Some(generation(1_000)), 0));
        assert_eq!(loaded.damaged, [(dir.path().join("checkpoint.quiet.damaged"), Damage::Damaged)]);
    }
    std::fs::write(&path, &bytes).unwrap();
    std::fs::remove_file(dir.path().join(NEWEST)).unwrap();
    std::fs::remove_file(dir.path().join(SYNCED)).unwrap();
    assert!(store.load().quiet.is_empty(), "without a checkpoint it is a first start");
}
