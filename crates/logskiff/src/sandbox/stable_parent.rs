//! Finds a directory that will contain a path's files, whatever is replaced while the process runs.
//!
//! Input: a path, which need not exist yet. Output: an existing directory at or above it. A Landlock rule applies to an
//! existing directory, not to its name: a directory that is removed and created again would be inaccessible. So the
//! rule is for a directory that is never replaced: the mount point of the path's volume, or on the root file system the
//! lowest directory that only root can replace, and never the path's last component.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

/// System directories: they contain much more than logs, and are never replaced (Filesystem Hierarchy Standard 3.0,
/// 3.2).
const SYSTEM_DIRECTORIES: [&str; 17] = [
    "/", "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp",
    "/usr", "/var", "/var/tmp",
];
/// This directory is not replaced either, but as a volume it contains only logs.
const LOGS: &str = "/var/log";

/// Mode bits: group or others can create entries in a directory.
const SHARED: u32 = 0o022;
/// Mode bit: only owners can remove entries.
const STICKY: u32 = 0o1000;

/// A directory that will contain the files below `directory`.
pub(super) fn stable_parent(directory: &Path) -> PathBuf {
    let root = Path::new("/");
    let there = directory.ancestors().find(|above| above.is_dir()).unwrap_or(root);
    let Ok(real) = there.canonicalize() else { return root.to_path_buf() };
    let mut place = unreplaced(&real, there == directory);
    // A link may be changed, most likely to a neighbour of its target.
    for link in there.ancestors().filter(|above| above.is_symlink()) {
        let Some(Ok(holder)) = link.parent().map(Path::canonicalize) else { continue };
        if place.starts_with(&holder) && !is_system_directory(&holder) {
            place = holder;
        }
    }
    place
}

/// The directories that will contain a file, or its link and its target, if it is replaced under the same name.
pub(super) fn stable_parents_of_file(file: &Path) -> Vec<PathBuf> {
    if file.is_dir() {
        return vec![stable_parent(file)];
    }
    if is_mounted(file) {
        // A file that is itself a mount point is never replaced.
        return vec![file.to_path_buf()];
    }
    let real = file.canonicalize().ok();
    let mut places: Vec<PathBuf> = [Some(file), real.as_deref()].into_iter().flatten().map(directory_of).collect();
    places.dedup();
    places
}

fn directory_of(file: &Path) -> PathBuf {
    stable_parent(file.parent().unwrap_or(file))
}

/// [`stable_parent`] of an existing directory without links in its path; `whole`: it is the complete path.
fn unreplaced(real: &Path, whole: bool) -> PathBuf {
    let mount = real.ancestors().find(|above| is_mounted(above)).filter(|mount| !is_system_directory(mount));
    if let Some(mount) = mount {
        return mount.to_path_buf();
    }
    let may_be_replaced = whole && !is_system_directory(real) && real != Path::new(LOGS);
    let lowest = real.parent().filter(|_| may_be_replaced).unwrap_or(real);
    let mut way: Vec<&Path> = lowest.ancestors().collect();
    way.reverse();
    let shared = way.windows(2).find(|pair| may_replace(pair[0], pair[1])).map(|pair| pair[0]);
    shared.unwrap_or(lowest).to_path_buf()
}

fn is_system_directory(directory: &Path) -> bool {
    SYSTEM_DIRECTORIES.iter().any(|known| Path::new(known) == directory)
}

/// Whether the path is a mount point, which nobody in this container can replace.
fn is_mounted(path: &Path) -> bool {
    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Whether anybody but root can replace `entry` in the directory `holder`.
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
        assert_eq!(stable_parent(path), place, "{}", path.display());
    }

    /// Goal: the rule is for the parent directory, whether the directory exists or not.
    #[test]
    fn a_directory_may_be_removed_and_created_again() {
        let dir = tempfile::tempdir().unwrap();
        let here = stable_parent(&dir.path().join("missing"));
        assert!(dir.path().canonicalize().unwrap().starts_with(&here), "{here:?}");
        fs::create_dir_all(dir.path().join("logs/app")).unwrap();
        check(&dir.path().join("logs"), &here);
        check(&dir.path().join("missing/deep/below"), &here);
        assert!(stable_parent(&dir.path().join("logs/app")).starts_with(&here));
    }

    /// Goal: if others can replace a directory, the rule is for a directory above it.
    #[test]
    fn the_parent_is_above_all_that_others_can_replace() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir_all(real.join("shared/by/whom/ever")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(real.join("shared"), mode).unwrap();
        let place = stable_parent(&real.join("shared/by/whom/ever"));
        assert!(real.join("shared").starts_with(&place), "{place:?}");
    }

    #[test]
    fn a_link_may_be_changed_to_a_neighbour_of_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir_all(real.join("app/releases/5/logs")).unwrap();
        symlink("releases/5", real.join("app/current")).unwrap();
        let place = stable_parent(&real.join("app/current/logs"));
        assert!(real.join("app").starts_with(&place), "{place:?}");
        assert!(place.parent().is_some(), "not everything");
    }

    #[test]
    fn system_directories_are_stable() {
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
        let places = stable_parents_of_file(&real.join("live/shop/ca.pem"));
        for directory in ["live/shop", "archive/shop"] {
            let covered = places.iter().any(|place| real.join(directory).starts_with(place));
            assert!(covered, "{directory} is beneath none of {places:?}");
        }
        assert!(!places.contains(&PathBuf::from("/")), "{places:?}");
    }
}
