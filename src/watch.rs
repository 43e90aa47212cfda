use std::time::Duration;
/// What wakes the shipper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode { Auto, Inotify, Poll }
#[derive(Clone, Debug)]
pub struct Config { pub mode: Mode, pub poll: Duration }
