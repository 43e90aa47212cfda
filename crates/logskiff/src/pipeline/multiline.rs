//! stub
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State { open: u8 }
impl State {
    pub fn closed(self) -> State { State::default() }
    pub fn is_complete(&self) -> bool { self.open == 2 }
    pub fn is_unfinished(&self) -> bool { false }
    pub fn to_text(&self) -> String { if self.open == 0 { String::new() } else { self.open.to_string() } }
    pub fn from_text(text: &str) -> Option<State> { Some(State { open: text.parse().unwrap_or(0) }) }
}
pub enum Next<'t> { Line(&'t [u8]), Unknown, End }
#[derive(Clone, Copy, Debug)]
pub enum Reason { Indented }
#[derive(Clone, Copy, Debug)]
pub enum Verdict { Start, Join(Reason), NeedsNext }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset { Java }
impl Reason { pub fn name(&self) -> &'static str { "x" } }
impl Preset { pub fn from_name(n: &str) -> Option<Self> { (n == "java").then_some(Self::Java) } }
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config { Off, Auto, Presets(Vec<Preset>), Start(Vec<String>), Continue(Vec<String>) }
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
pub struct Grammar { off: bool }
impl Grammar {
    pub fn new(config: &Config) -> Result<Grammar, Vec<Error>> { Ok(Self { off: matches!(config, Config::Off) }) }
    pub fn is_off(&self) -> bool { self.off }
    pub fn step(&self, state: &mut State, line: &[u8], _blank_lines: u32, _next: Next<'_>) -> Verdict {
        if line.first().is_some_and(|b| *b == b' ' || *b == b'\t') && state.open == 1 { return Verdict::Join(Reason::Indented); }
        state.open = if line.first() == Some(&b'{') { 2 } else { 1 };
        Verdict::Start
    }
}
