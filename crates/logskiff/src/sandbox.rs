//! The sandbox: before it reads the first line, the process gives up access to files that it does not need.

pub mod landlock;
mod stable_parent;
