pub mod template;
use template::Template;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding { Json, Raw }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventId { Off, Field, Header }
/// From the Downward API.
#[derive(Clone, Debug, Default)]
pub struct Pod { pub name: Option<String>, pub namespace: Option<String>, pub uid: Option<String>, pub ip: Option<String>, pub node: Option<String>, pub container: Option<String>, pub labels_file: Option<std::path::PathBuf> }
#[derive(Clone, Debug)]
pub struct Config { pub encoding: Encoding, pub event_id: EventId, pub fields: Vec<(String, Template)>, pub pod: Pod }
