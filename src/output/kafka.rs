use std::path::PathBuf;
use std::time::Duration;
use crate::encode::template::Template;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversize { Split, Drop }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message { Record, Batch }
#[derive(Clone, Debug)]
pub struct Config {
    pub topic: Template,
    pub key: Option<Template>,
    pub topics_max: usize,
    pub oversize: Oversize,
    pub message: Message,
    /// name -> value for librdkafka, complete: bootstrap, TLS, SASL, compression, own properties last. Values may be secrets: never printed.
    pub properties: Vec<(String, String)>,
    /// SASL token file (oauthbearer)
    pub token_file: Option<PathBuf>,
}
