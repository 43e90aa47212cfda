#[derive(Clone, Debug)]
pub struct Config {
    /// as said: groups, detector names, `-name`
    pub select: Vec<String>,
    /// own rules: lower-case name and pattern
    pub rules: Vec<(String, String)>,
    /// field names or dotted paths with `*`
    pub fields: Vec<String>,
}
