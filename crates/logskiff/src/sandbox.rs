//! What this process gives up before it reads the first line: rights to files that it does not need.

pub mod landlock;
mod stable_parent;
