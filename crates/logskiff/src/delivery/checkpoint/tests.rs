//! What is saved is loaded, or noticed to be damaged, whatever happens to the files.

use super::*;
use event::{Ahead, Boundary, Fingerprint, Hash, Inode, Quiet, Span, name_hash};

/// What the random damage begins with; a failure is repeated with it.
const SEED: u64 = 2026;
/// For what takes a moment when all is well.
const LONG: Duration = Duration::from_secs(20);

fn bookmark(offset: u64) -> CheckpointEntry {
    CheckpointEntry {
        path: "/var/log/app/app.log".into(),
        real: None,
        inode: Inode { device: 1, inode: 2 },
        origin: "00ff".into(),
        incarnation: 3,
        offset,
        boundary: Boundary::MidLine,
        read_from_start: true,
        size: 99,
        fingerprint: Fingerprint { offset, head_bytes: 4, head: Hash(5), before_bytes: 6, before: Hash(u64::MAX) },
        ahead: None,
    }
}

fn saved(dir: &Path, offsets: &[u64]) {
    let mut store = opened(dir);
    for offset in offsets {
        store.save(vec![bookmark(*offset)], Instant::now()).unwrap();
    }
}

fn load(dir: &Path) -> Option<u64> {
    opened(dir).load().files.map(|files| files[0].offset)
}

#[test]
fn what_was_saved_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load(dir.path()), None);
    saved(dir.path(), &[1, 2]);
    assert_eq!(opened(dir.path()).load().files, Some(vec![bookmark(2)]));
}

#[test]
fn a_damaged_newest_generation_falls_back_to_the_one_before_and_is_set_aside() {
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
        let same = decode(&flipped).is_ok_and(|files| files == [bookmark(7)]) || decode(&flipped).is_err();
        assert!(same, "byte {at}");
    }
}

#[test]
fn with_both_generations_damaged_reading_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    saved(dir.path(), &[1]);
    std::fs::write(dir.path().join(NEWEST), "x").unwrap();
    std::fs::write(dir.path().join(SYNCED), "x").unwrap();
    let loaded = opened(dir.path()).load();
    assert_eq!((loaded.files, loaded.damaged.len()), (None, 2));
}

#[test]
fn two_on_one_directory_is_one_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let held = opened(dir.path());
    assert!(matches!(Store::open(dir.path()), Err(CheckpointError::InUse(_))));
    drop(held);
    assert!(Store::open(dir.path()).is_ok());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let error = Store::open(Path::new("/proc/logskiff")).unwrap_err();
    assert!(error.to_string().contains("/proc/logskiff"), "{error}");
}

#[test]
fn the_saver_writes_the_newest_and_tells_of_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let saver = CheckpointWriter::start(opened(dir.path())).unwrap();
    (1..=50).for_each(|offset| saver.save(vec![bookmark(offset)]));
    saver.settle(LONG).unwrap();
    drop(saver);
    assert_eq!(load(dir.path()), Some(50));
    let saver = CheckpointWriter::start(opened(dir.path())).unwrap();
    std::fs::create_dir(dir.path().join("checkpoint.json.new")).unwrap();
    saver.save(vec![bookmark(51)]);
    saver.settle(LONG).unwrap_err();
}

/// Goal: a volume that hangs is waited for once, told, and neither keeps the newest bookmarks from it once it answers nor the end.
#[test]
fn a_volume_that_hangs_is_waited_for_once() {
    const PATIENCE: Duration = Duration::from_millis(50);
    let (answer, answers) = std::sync::mpsc::channel();
    let (done, offsets) = std::sync::mpsc::channel();
    let save = move |marks: Marks| {
        answers.recv().map_err(io::Error::other)?;
        done.send(marks.files[0].offset).map_err(io::Error::other)?;
        Ok(false)
    };
    let saver = CheckpointWriter::saving(save).unwrap();
    saver.save(vec![bookmark(1)]);
    assert_eq!(saver.settle(PATIENCE).unwrap_err().kind(), io::ErrorKind::TimedOut);
    let start = Instant::now();
    for offset in 2..100 {
        saver.save(vec![bookmark(offset)]);
        saver.settle(PATIENCE).unwrap_err();
    }
    assert!(start.elapsed() < 20 * PATIENCE, "{:?}", start.elapsed());
    let (before, after) = (start + HANGS_AFTER / 2, start + HANGS_AFTER);
    assert!(saver.error(before).is_none() && saver.error(after).is_some() && saver.error(after).is_none());
    assert!(saver.error(after + HANGS_AFTER).is_some(), "told again");
    answer.send(()).unwrap();
    answer.send(()).unwrap();
    saver.settle(LONG).unwrap();
    assert_eq!([offsets.recv().unwrap(), offsets.recv().unwrap()], [1, 99]);
    assert!(saver.error(after + 3 * HANGS_AFTER).is_none(), "it answers");
    saver.save(vec![bookmark(100)]);
    let start = Instant::now();
    drop(saver);
    assert!(start.elapsed() < 3 * SAVE_PATIENCE, "{:?}", start.elapsed());
    drop(answer);
}

/// The store of a directory whose lock may be held for a moment: by a process that another test starts, which has all that is
/// open until it runs its program.
fn opened(dir: &Path) -> Store {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Store::open(dir) {
            Err(CheckpointError::InUse(_)) if Instant::now() < deadline => std::thread::yield_now(),
            store => return store.unwrap(),
        }
    }
}

/// Two files each, so that there is more to be damaged than one of everything.
fn generation(offset: u64) -> Vec<CheckpointEntry> {
    let other = CheckpointEntry {
        path: "/var/log/app/\"ö\"\n.log".into(),
        real: Some("/srv/ö\n.log".into()),
        incarnation: 0,
        ..bookmark(offset / 2)
    };
    vec![bookmark(offset), other]
}

/// Both generations on disk, the older one and the newest, and the newest one's bytes.
fn two_generations(dir: &Path) -> Vec<u8> {
    let mut store = opened(dir);
    let start = Instant::now();
    store.save(generation(1_000), start).unwrap();
    store.save(generation(2_000), start + SYNC_EVERY / 2).unwrap();
    std::fs::read(dir.join(NEWEST)).unwrap()
}

/// Puts `damaged` in the newest generation's place. It is noticed, set aside, and the older one stands in; or, where that
/// `may_be_harmless`, it is what was saved to the last byte. Returns whether it was noticed.
#[track_caller]
fn check_damage(dir: &Path, damaged: &[u8], may_be_harmless: bool, what: &str) -> bool {
    let (newest, aside) = (dir.join(NEWEST), dir.join("checkpoint.json.damaged"));
    _ = std::fs::remove_file(&aside);
    std::fs::write(&newest, damaged).unwrap();
    assert!(peek(dir).is_some_and(|marks| [generation(1_000), generation(2_000)].contains(&marks.files)), "{what}");
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

/// Goal: the newest generation cut at every byte is noticed, and the older one stands in.
#[test]
fn a_generation_cut_at_any_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = two_generations(dir.path());
    for length in 0..bytes.len() {
        check_damage(dir.path(), &bytes[..length], false, &format!("cut to {length} bytes"));
    }
}

/// Goal: no flipped bit makes another offset, or another file, of what was saved.
#[test]
fn flipped_bits_are_noticed_or_change_nothing() {
    const FLIPS: usize = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let bytes = two_generations(dir.path());
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut noticed = 0;
    for flip in 0..FLIPS {
        let (at, bit) = (dice.usize(..bytes.len()), dice.u32(..8));
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << bit;
        let what = format!("flip {flip} of seed {SEED}: bit {bit} of byte {at}");
        noticed += usize::from(check_damage(dir.path(), &damaged, true, &what));
    }
    println!("seed {SEED}: {noticed} of {FLIPS} flips noticed, the others changed nothing");
    assert!(noticed > FLIPS * 9 / 10, "{noticed}");
}

/// Goal: zeros, as a machine that died leaves them, rubbish, another version and what cannot be read are noticed.
#[test]
fn what_is_no_checkpoint_is_noticed() {
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
    assert!(!newest.exists(), "it is out of the way of the next save");
}

/// Goal: with nothing to be believed left, that is known from there never having been a checkpoint.
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
        assert_eq!(peek(dir.path()), None);
    }
}

/// Goal: what a save did not finish is neither loaded nor in the way.
#[test]
fn a_save_that_was_cut_off_leaves_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = two_generations(dir.path());
    for name in ["checkpoint.json.new", "checkpoint.synced.json.new"] {
        std::fs::write(dir.path().join(name), &bytes[..bytes.len() / 2]).unwrap();
    }
    let mut store = opened(dir.path());
    assert_eq!(store.load(), Loaded { files: Some(generation(2_000)), ..Loaded::default() });
    store.save(generation(3_000), Instant::now()).unwrap();
    assert_eq!(store.load().files, Some(generation(3_000)));
}

/// Goal: files, lock or the whole directory removed under it are made anew, and it is still held.
#[test]
fn what_is_removed_is_made_anew_and_held() {
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

/// Goal: never two on one directory: who was robbed of it, and finds another in its place, writes nothing there.
#[test]
fn a_directory_that_another_has_taken_is_left_to_it() {
    for only_the_lock in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("state");
        let mut robbed = opened(&dir);
        robbed.save(generation(1_000), Instant::now()).unwrap();
        if only_the_lock { std::fs::remove_file(dir.join(LOCK)) } else { std::fs::remove_dir_all(&dir) }.unwrap();
        let mut other = opened(&dir);
        other.save(generation(5_000), Instant::now()).unwrap();
        let error = robbed.save(generation(2_000), Instant::now()).unwrap_err();
        assert!(error.to_string().contains("in use by another logskiff"), "{error}");
        assert_eq!(other.load().files, Some(generation(5_000)));
        drop(other);
        assert!(robbed.save(generation(3_000), Instant::now()).unwrap(), "free again, it is taken back");
        assert_eq!(robbed.load().files, Some(generation(3_000)));
    }
}

/// The format as it was at first, before anything was added to it, and as it is.
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
    let ahead = Some(Ahead { spans, fingerprint: bookmark(99).fingerprint });
    let mut store = opened(dir.path());
    let files = vec![CheckpointEntry { ahead, ..bookmark(5) }];
    store.save(files.clone(), Instant::now()).unwrap();
    assert_eq!(store.load().files, Some(files));
}

/// Goal: after a step back to an older release it is told that the format is another one, and the process starts.
#[test]
fn a_newer_format_is_told_for_what_it_is() {
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
        let quiet = Quiet { fingerprint, changed: (number.cast_signed(), 5), name, incarnation: 0, whole: true };
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
    let marks = |count, offset| Marks { files: vec![bookmark(offset)], quiet: quiet_files(count) };
    store.save(marks(1_000, 1), Instant::now()).unwrap();
    let path = dir.path().join(QUIET);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 1_000 * 48 + 200, "{size}");
    std::fs::remove_file(&path).unwrap();
    store.save(marks(1_000, 2), Instant::now()).unwrap();
    assert!(!path.exists(), "nothing has changed");
    let mut more = (*quiet_files(1_000)).clone();
    more.drop_unmet();
    more.meet(|place| place != 3);
    more.drop_unmet();
    store.save(Marks { quiet: Arc::new(more.clone()), ..marks(0, 3) }, Instant::now()).unwrap();
    let loaded = store.load();
    assert_eq!((loaded.quiet.len(), loaded.files), (999, Some(vec![bookmark(3)])));
    assert!(loaded.quiet.iter().eq(more.iter()));
    assert_eq!(peek(dir.path()).map(|marks| marks.quiet.len()), Some(999));
}

/// Goal: damage to the quiet files is noticed, and costs nothing else.
#[test]
fn damaged_quiet_files_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    store.save(Marks { files: generation(1_000), quiet: quiet_files(20) }, Instant::now()).unwrap();
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
