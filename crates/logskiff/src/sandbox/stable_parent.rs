//! Which directory a path's files will lie beneath, whatever is replaced while the process runs.
//!
//! Enters: a path, which need not exist yet. Leaves: an existing place at or above it. A rule of the kernel's is for the
//! directory that is there now, not for its name: one that is removed and made again would be out of reach. So a rule is made
//! for a directory that nobody replaces: the volume that the path lies on, or on the machine's own the lowest directory that
//! nobody but root can replace, and never the path's last component itself.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

/// A volume that is mounted at one of these is the machine's, and holds much besides; so does a directory of the name. None of
/// them is ever replaced (Filesystem Hierarchy Standard 3.0, 3.2).
const OF_THE_MACHINE: [&str; 17] = [
    "/", "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp",
    "/usr", "/var", "/var/tmp",
];
/// A directory that nobody replaces either, though as a volume it holds nothing but logs.
const LOGS: &str = "/var/log";

/// Bits of a mode: others than the owner may give names in a directory …
const SHARED: u32 = 0o022;
/// … and none may take away what is another's.
const STICKY: u32 = 0o1000;

/// Where files beneath `directory` will lie.
pub(super) fn lasting(directory: &Path) -> PathBuf {
    let root = Path::new("/");
    let there = directory.ancestors().find(|above| above.is_dir()).unwrap_or(root);
    let Ok(real) = there.canonicalize() else { return root.to_path_buf() };
    let mut place = unreplaced(&real, there == directory);
    // A link is there to be pointed elsewhere, most likely at its target's neighbour.
    for link in there.ancestors().filter(|above| above.is_symlink()) {
        let Some(Ok(holder)) = link.parent().map(Path::canonicalize) else { continue };
        if place.starts_with(&holder) && !is_of_the_machine(&holder) {
            place = holder;
        }
    }
    place
}

/// Where a file will lie that is replaced by one of its name, or a directory if it is one.
pub(super) fn lasting_of_file(file: &Path) -> Vec<PathBuf> {
    if file.is_dir() {
        return vec![lasting(file)];
    }
    if is_mounted(file) {
        // A single file that was mounted is never another one.
        return vec![file.to_path_buf()];
    }
    let real = file.canonicalize().ok();
    let mut places: Vec<PathBuf> = [Some(file), real.as_deref()].into_iter().flatten().map(directory_of).collect();
    places.dedup();
    places
}

fn directory_of(file: &Path) -> PathBuf {
    lasting(file.parent().unwrap_or(file))
}

/// The same of a directory that exists, without any link; `whole`: the path goes no further.
fn unreplaced(real: &Path, whole: bool) -> PathBuf {
    let mount = real.ancestors().find(|above| is_mounted(above)).filter(|mount| !is_of_the_machine(mount));
    if let Some(mount) = mount {
        return mount.to_path_buf();
    }
    let may_be_replaced = whole && !is_of_the_machine(real) && real != Path::new(LOGS);
    let lowest = real.parent().filter(|_| may_be_replaced).unwrap_or(real);
    let mut way: Vec<&Path> = lowest.ancestors().collect();
    way.reverse();
    let shared = way.windows(2).find(|pair| may_replace(pair[0], pair[1])).map(|pair| pair[0]);
    shared.unwrap_or(lowest).to_path_buf()
}

fn is_of_the_machine(directory: &Path) -> bool {
    OF_THE_MACHINE.iter().any(|known| Path::new(known) == directory)
}

/// Whether a volume, or a part of one, is mounted here: then nobody in this container can replace it.
fn is_mounted(path: &Path) -> bool {
    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Whether anybody but root may put something else in an entry's place.
fn may_replace(holder: &Path, entry: &Path) -> bool {
    let (Ok(holder), Ok(entry)) = (holder.metadata(), entry.metadata()) else { return true };
    let by_root_alone =
        holder.uid() == 0 && (holder.mode() & SHARED == 0 || (holder.mode() & STICKY != 0 && entry.uid() == 0));
    !by_root_alone
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn check(path: &Path, place: &Path) {
        assert_eq!(lasting(path), place, "{}", path.display());
    }

    /// Goal: what a directory lies in is allowed, not the directory, whether it exists or not.
    #[test]
    fn a_directory_may_be_removed_and_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let here = lasting(&dir.path().join("missing"));
        assert!(dir.path().canonicalize().unwrap().starts_with(&here), "{here:?}");
        fs::create_dir_all(dir.path().join("logs/app")).unwrap();
        check(&dir.path().join("logs"), &here);
        check(&dir.path().join("missing/deep/below"), &here);
        assert!(lasting(&dir.path().join("logs/app")).starts_with(&here));
    }

    /// Goal: where anybody may replace a directory, what holds that directory is allowed.
    #[test]
    fn the_place_is_above_all_that_others_may_replace() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir_all(real.join("shared/by/whom/ever")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(real.join("shared"), mode).unwrap();
        let place = lasting(&real.join("shared/by/whom/ever"));
        assert!(real.join("shared").starts_with(&place), "{place:?}");
    }

    #[test]
    fn a_link_may_be_pointed_at_its_target_s_neighbour() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir_all(real.join("app/releases/5/logs")).unwrap();
        symlink("releases/5", real.join("app/current")).unwrap();
        let place = lasting(&real.join("app/current/logs"));
        assert!(real.join("app").starts_with(&place), "{place:?}");
        assert!(place.parent().is_some(), "not everything");
    }

    #[test]
    fn the_machine_s_own_directories_stay_what_they_are() {
        for path in ["/etc", "/usr", "/"] {
            check(Path::new(path), Path::new(path));
        }
        check(Path::new("/no/such/directory"), Path::new("/"));
    }

    #[test]
    fn a_linked_file_may_be_replaced_at_both_ends() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir_all(real.join("live/shop")).unwrap();
        fs::create_dir_all(real.join("archive/shop")).unwrap();
        fs::write(real.join("archive/shop/ca5.pem"), "x").unwrap();
        symlink("../../archive/shop/ca5.pem", real.join("live/shop/ca.pem")).unwrap();
        let places = lasting_of_file(&real.join("live/shop/ca.pem"));
        for directory in ["live/shop", "archive/shop"] {
            let covered = places.iter().any(|place| real.join(directory).starts_with(place));
            assert!(covered, "{directory} is beneath none of {places:?}");
        }
        assert!(!places.contains(&PathBuf::from("/")), "{places:?}");
    }
}
