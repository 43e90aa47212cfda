//! Takes over the values of one text.
//!
//! Input: the values that a layout finds, and what each becomes. Output: nodes, and what the text says besides its fields.
//! A value that is none of its kind means that the text has another layout.

use event::{Key, Kind, Level, Node, TextRange};

use super::super::csv::Values;
use super::super::level::{self, Levels, Scale};
use super::super::{Type, nginx, number};
use super::target::{self, Convert, Target};
use super::{monolog, structured_data};

/// As many columns as version 8.3 of the database wrote; later ones add some.
const COLUMNS_MIN: usize = 22;

/// A field of the access log.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) name: u16,
    pub(super) kind: Option<Type>,
}

/// What a text says besides its fields.
#[derive(Default)]
pub(super) struct Said<'t> {
    pub(super) time: Option<&'t [u8]>,
    pub(super) level: Option<Level>,
    pub(super) message: Option<(TextRange, Kind)>,
    pub(super) trace_id: Option<TextRange>,
    pub(super) span_id: Option<TextRange>,
}

/// A text while it is read.
pub(super) struct Reading<'t, 'p> {
    text: &'t [u8],
    levels: &'p Levels,
    nodes: &'p mut Vec<Node>,
    said: Said<'t>,
}

impl<'t, 'p> Reading<'t, 'p> {
    /// `nodes` must be empty.
    pub(super) fn new(text: &'t [u8], levels: &'p Levels, nodes: &'p mut Vec<Node>) -> Self {
        Self { text, levels, nodes, said: Said::default() }
    }

    /// What the text says besides its fields.
    pub(super) fn said(self) -> Said<'t> {
        self.said
    }

    /// Reads the first line as an access log.
    pub(super) fn access(&mut self, columns: &[Column]) -> Option<()> {
        let text = self.text;
        let end = memchr::memchr(b'\n', text);
        let line = end.map_or(text, |end| text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]));
        self.said.time = Some(nginx::read(line, self.nodes)?);
        for node in &mut *self.nodes {
            if let Node::Value { key: Key::Name(name), at, kind } = node {
                let column = columns[usize::from(*name)];
                *name = column.name;
                if let Some(number) = column.kind.and_then(|wanted| number::convert(line, *at, *kind, wanted)) {
                    (*at, *kind) = number;
                }
            }
        }
        Some(())
    }

    /// Reads comma-separated values; `targets`: what each column becomes.
    pub(super) fn csv(&mut self, targets: &[Option<Target>]) -> Option<()> {
        let mut targets = targets.iter();
        let mut count = 0;
        for value in Values::new(self.text) {
            let (at, kind) = value?;
            let target = targets.next()?;
            if !target.as_ref().is_none_or(|target| self.take(target, at, kind)) {
                return None;
            }
            count += 1;
        }
        (count >= COLUMNS_MIN).then_some(())
    }

    /// Takes over one value; `false` if it is none of its kind.
    pub(super) fn take(&mut self, target: &Target, at: TextRange, kind: Kind) -> bool {
        let value = &self.text[at.indices()];
        let is_empty = matches!(value, b"" | b"-");
        let said = &mut self.said;
        match target {
            Target::Time => said.time = Some(value),
            Target::FallbackTime => said.time = said.time.or(Some(value)),
            Target::Level => {
                said.level = self.levels.read(value, Scale::Common);
                return said.level.is_some() || level::is_no_level(value);
            }
            // Syslog's priority, which comes first, counts before a word of the message.
            Target::MaybeLevel => said.level = said.level.or_else(|| self.levels.read(value, Scale::Common)),
            Target::RedisLevel => said.level = target::level_of_redis(value),
            Target::Message => said.message = Some((at, kind)),
            Target::Monolog { context, extra } => {
                said.message = Some((monolog::read(self.text, at, [*context, *extra], self.nodes), Kind::Text));
            }
            Target::TraceId if !is_empty => said.trace_id = Some(at),
            Target::SpanId if !is_empty => said.span_id = Some(at),
            Target::StructuredData(name) if !is_empty => {
                return structured_data::read(self.text, at, *name, self.nodes).is_some();
            }
            Target::Priority { priority, facility, severity } => {
                let Some(number) = target::priority(value) else { return false };
                said.level = Scale::Syslog.level(u32::from(number % 8));
                for (name, code) in [(priority, number), (facility, number / 8), (severity, number % 8)] {
                    self.add(*name, at, Kind::Code(code));
                }
            }
            Target::Severity(name) => {
                let Some(number) = target::priority(value).filter(|number| *number < 8) else { return false };
                said.level = Scale::Syslog.level(number.into());
                self.add(*name, at, Kind::Code(number));
            }
            Target::HostPort(address, port) if !is_empty => {
                let (host, number) = target::host_and_port(self.text, at);
                self.add(*address, host, Kind::Text);
                if let Some(at) = number {
                    self.add(*port, at, Kind::Number);
                }
            }
            // A layout may say one thing twice.
            Target::Field(name, convert) if !is_empty && !self.has(*name) => {
                let Some((at, number)) = convert.apply(self.text, at) else { return *convert == Convert::Known };
                self.add(*name, at, number.unwrap_or(kind));
            }
            _ => {}
        }
        true
    }

    fn add(&mut self, name: u16, at: TextRange, kind: Kind) {
        self.nodes.push(Node::Value { key: Key::Name(name), at, kind });
    }

    fn has(&self, name: u16) -> bool {
        self.nodes.iter().any(|node| matches!(node, Node::Value { key: Key::Name(known), .. } if *known == name))
    }
}
