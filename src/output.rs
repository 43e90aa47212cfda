pub mod kafka;
#[derive(Clone, Debug)]
pub struct Config { pub stdout: bool, pub kafka: Option<kafka::Config> }
