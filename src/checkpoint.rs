use std::path::PathBuf;
#[derive(Clone, Debug)]
pub struct Config { /** `None`: keep no state */ pub dir: Option<PathBuf> }
