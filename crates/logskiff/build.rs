//! Has the linker pack the program's relocations where the C library can read that: a megabyte less of file and of
//! memory.

use std::env;
use std::process::Command;

/// The first glibc that knows them (`DT_RELR`).
const GLIBC: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let here = env::var_os("TARGET") == env::var_os("HOST");
    let glibc = env::var_os("CARGO_CFG_TARGET_ENV").is_some_and(|env| env == "gnu");
    if here && glibc && version().is_some_and(|version| version >= GLIBC) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// This machine's glibc.
fn version() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) = std::str::from_utf8(&said.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
