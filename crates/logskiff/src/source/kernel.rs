//! File systems of the kernel, such as procfs: they hold no logs, and their files describe this process. And file
//! systems in memory.
//!
//! Input: a handle. Output: whether it is on one of them.

use std::os::fd::AsFd;

use rustix::fs::fstatfs;
use rustix::io::Errno;

/// Their type numbers (statfs(2), and Linux's `include/uapi/linux/magic.h`).
const MAGIC: [i64; 24] = [
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
    0x0000_1cd1, // devpts
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0xcafe_4a11, // bpf
    0x7363_6673, // securityfs
    0xf97c_ff8c, // selinux
    0x4341_5d53, // smackfs
    0x6265_6570, // configfs
    0xde5e_81e4, // efivarfs
    0x6165_676c, // pstore
    0x4249_4e4d, // binfmt_misc
    0x1980_0202, // mqueue
    0x6e73_6673, // namespaces
    0x0765_5821, // resctrl
    0x6573_5543, // fusectl
    0x6759_6969, // rpc_pipefs
    0x6e66_7364, // nfsd
    0xabba_1974, // xenfs
    0x6c6f_6f70, // binder
    0x0904_1934, // anonymous inodes
];

/// The type number of a file system in memory.
pub(super) const TMPFS: i64 = 0x0102_1994;

/// The size in bytes of a file's volume, where that is in memory; 0 where it has no size.
pub(super) fn memory_volume_bytes(handle: impl AsFd) -> Option<u64> {
    let volume = fstatfs(handle).ok().filter(|volume| type_number(volume.f_type) == TMPFS)?;
    Some(volume.f_blocks.saturating_mul(u64::try_from(volume.f_bsize).unwrap_or_default()))
}

/// Whether a file or directory is on a file system of the kernel. Those always answer the call. A file system in user
/// space may not support it, and is none. Where the call is forbidden, the answer is yes.
pub(super) fn is_kernel_file_system(handle: impl AsFd) -> bool {
    fstatfs(handle).map_or_else(|error| error == Errno::PERM, |found| is_magic(found.f_type))
}

/// A file system's type number: it has 32 bits. On some machines the field is signed or wider.
pub(super) fn type_number(field: impl TryInto<i64>) -> i64 {
    field.try_into().unwrap_or_default() & 0xffff_ffff
}

fn is_magic(field: impl TryInto<i64>) -> bool {
    MAGIC.contains(&type_number(field))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn kernel_file_systems_are_distinguished_from_others() {
        for path in ["/proc", "/proc/self/environ", "/sys", "/dev/pts"] {
            let Ok(handle) = File::open(path) else { continue };
            assert!(is_kernel_file_system(&handle), "{path}");
        }
        assert!(!is_kernel_file_system(tempfile::tempfile().unwrap()));
        assert!(is_magic(-889_304_559_i32), "bpf, as a signed number");
    }
}
