/// What to make of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format { None, Json, Regex, Nginx, Auto }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type { Int, Float, Bool, Text }
#[derive(Clone, Debug)]
pub struct Config {
    pub format: Format,
    /// for `regex`: one pattern an item, tried in order
    pub patterns: Vec<String>,
    pub types: Vec<(String, Type)>,
    pub time_field: Option<String>,
    /// strptime formats or rfc3339 unix unix_ms unix_us unix_ns; empty: guessed
    pub time_formats: Vec<String>,
    /// IANA name
    pub time_zone: String,
    pub level_field: Option<String>,
    /// drop lines that fail (counted) instead of keeping them
    pub drop_failures: bool,
}
