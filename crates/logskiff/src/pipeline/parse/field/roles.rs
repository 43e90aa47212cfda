//! The fields with a meaning, by their names.
//!
//! Configured names of message, time and level are found in upper and lower case, all others as they are written. A
//! dotted name is found as one name, or as the names of nested objects.

use std::mem::discriminant;

use event::Level;

use super::id::Form;
use super::usual::{self, LEVELS, MESSAGE, MESSAGES, NANOSECONDS, SPANS, TIMES, TRACES};
use crate::pipeline::parse::level::Scale;
use crate::pipeline::parse::{Config, Format, Type};

/// Number of buckets, several times that of the usual names, so that most other names meet none.
const BUCKETS: usize = 1024;

/// Fields that the record has itself.
const RECORD_FIELDS: [&str; 2] = ["@timestamp", "log.level"];

/// What a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Message,
    /// `is_only`: the name has no other meaning, so a value that is not a time is a mistake.
    Time {
        is_only: bool,
    },
    /// The nanoseconds of the time with the same rank.
    Nanoseconds,
    /// With what numbers mean.
    Level(Scale),
    Trace(Form),
    Span(Form),
}

/// One meaning of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) meaning: Meaning,
    /// Among the names of the same meaning; the least one in a line counts.
    pub(super) rank: u16,
}

/// The meanings of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Role {
    /// At most one of each meaning.
    pub(super) uses: Vec<Use>,
    /// The level of a line with this field that has none.
    pub(super) implies: Option<Level>,
    pub(super) kind: Option<Type>,
    /// Whether the record has a field of this name itself.
    pub(super) in_record: bool,
    /// Whether an object of this name can contain a field with a meaning.
    pub(super) is_above: bool,
}

impl Role {
    /// Adds a meaning, unless the name has it already.
    fn add(&mut self, meaning: Meaning, ranks: &mut u16) {
        let rank = *ranks;
        *ranks = ranks.saturating_add(1);
        if !self.has(meaning) {
            self.uses.push(Use { meaning, rank });
        }
    }

    /// Whether it has this meaning, whatever its details.
    fn has(&self, meaning: Meaning) -> bool {
        self.uses.iter().any(|one| discriminant(&one.meaning) == discriminant(&meaning))
    }

    /// Adds the meanings of another spelling, which come before its own.
    fn prefer(&mut self, other: &Self) {
        let own = std::mem::replace(&mut self.uses, other.uses.clone());
        self.uses.extend(own.into_iter().filter(|own| !other.has(own.meaning)));
        self.is_above |= other.is_above;
    }
}

/// One name and its role.
#[derive(Debug)]
struct Entry {
    name: Box<[u8]>,
    any_case: bool,
    role: Role,
}

/// All names with a role.
#[derive(Debug)]
pub(super) struct Roles {
    /// By bucket: the index of its first entry; the last is the number of entries.
    starts: [u16; BUCKETS + 1],
    /// In the order of their buckets, in each the exact names first.
    entries: Vec<Entry>,
}

impl Roles {
    /// Collects the configured names, then the usual ones of the format.
    pub(super) fn new(config: &Config, format: Format) -> Self {
        let mut names = Collected::default();
        names.add_meanings(config, matches!(format, Format::Regex | Format::Grok | Format::Csv));
        for (name, kind) in &config.types {
            names.role(name, false).kind = Some(*kind);
        }
        names.finish()
    }

    /// The role of a name within the objects of `path`, which ends with a dot unless it is empty.
    #[inline]
    pub(super) fn find(&self, path: &[u8], name: &[u8]) -> Option<&Role> {
        let first = *path.first().or(name.first())?;
        let bucket = bucket(path.len() + name.len(), first, *name.last()?);
        let (start, end) = (self.starts[bucket], self.starts[bucket + 1]);
        if start == end {
            return None;
        }
        find_in(&self.entries[usize::from(start)..usize::from(end)], path, name)
    }
}

/// The role of a name among the entries of its bucket.
#[inline(never)]
fn find_in<'r>(entries: &'r [Entry], path: &[u8], name: &[u8]) -> Option<&'r Role> {
    let is = |entry: &&Entry| {
        let Some((above, own)) = entry.name.split_at_checked(path.len()) else { return false };
        if entry.any_case {
            own.eq_ignore_ascii_case(name) && above.eq_ignore_ascii_case(path)
        } else {
            own == name && above == path
        }
    };
    entries.iter().find(is).map(|entry| &entry.role)
}

/// The bucket of a name, the same in upper and lower case.
fn bucket(len: usize, first: u8, last: u8) -> usize {
    (len + 37 * usize::from(first & 0x1f) + 11 * usize::from(last & 0x1f)) % BUCKETS
}

/// Names and roles while they are collected.
#[derive(Debug, Default)]
struct Collected(Vec<Entry>);

impl Collected {
    /// The role of a name, which is added if it is new.
    fn role(&mut self, name: &str, any_case: bool) -> &mut Role {
        let is = |entry: &Entry| entry.any_case == any_case && *entry.name == *name.as_bytes();
        let at = self.0.iter().position(is).unwrap_or_else(|| {
            let role = Role { in_record: RECORD_FIELDS.contains(&name), ..Role::default() };
            self.0.push(Entry { name: name.as_bytes().into(), any_case, role });
            self.0.len() - 1
        });
        &mut self.0[at].role
    }

    /// Adds the names of message, time, level and ids. Captures and columns have only names without another meaning: the
    /// user chose them.
    fn add_meanings(&mut self, config: &Config, is_pattern: bool) {
        self.add_messages(config, is_pattern);
        self.add_times(config, is_pattern);
        self.add_levels(config, is_pattern);
        self.add_ids(is_pattern);
    }

    fn add_messages(&mut self, config: &Config, is_pattern: bool) {
        let mut ranks = 0;
        for name in &config.message_fields {
            self.role(name, true).add(Meaning::Message, &mut ranks);
        }
        for name in MESSAGES.iter().filter(|name| !is_pattern || **name == MESSAGE) {
            self.role(name, false).add(Meaning::Message, &mut ranks);
        }
    }

    fn add_times(&mut self, config: &Config, is_pattern: bool) {
        let mut ranks = 0;
        for name in &config.time_fields {
            self.role(name, true).add(Meaning::Time { is_only: true }, &mut ranks);
        }
        for (name, is_only) in TIMES.iter().copied().filter(|(_, is_only)| !is_pattern || *is_only) {
            let mut rank = ranks;
            self.role(name, false).add(Meaning::Time { is_only }, &mut ranks);
            for (name, _) in NANOSECONDS.iter().filter(|(_, seconds)| *seconds == name) {
                self.role(name, false).add(Meaning::Nanoseconds, &mut rank);
            }
        }
    }

    fn add_levels(&mut self, config: &Config, is_pattern: bool) {
        let mut ranks = 0;
        for name in &config.level_fields {
            let usual = LEVELS.iter().find(|(usual, _, _)| usual.eq_ignore_ascii_case(name));
            let scale = usual.map(|(_, scale, _)| *scale).filter(|scale| *scale != Scale::Words).unwrap_or_default();
            self.role(name, true).add(Meaning::Level(scale), &mut ranks);
        }
        for (name, scale, _) in LEVELS.iter().filter(|(_, _, is_only)| !is_pattern || *is_only) {
            self.role(name, false).add(Meaning::Level(*scale), &mut ranks);
        }
        // Serilog omits the level "Information"; a GELF message without a level is an alert.
        self.role("@t", false).implies = Some(Level::Info);
        self.role("short_message", false).implies = Some(Level::Alert);
    }

    fn add_ids(&mut self, is_pattern: bool) {
        let (mut traces, mut spans) = (0, 0);
        for name in TRACES.iter().take(if is_pattern { 1 } else { TRACES.len() }) {
            let form = match *name {
                usual::TRACE_ID => Form::Own,
                usual::CLOUD_TRACE => Form::Path,
                usual::TRACEPARENT => Form::ParentTrace,
                _ => Form::Plain,
            };
            self.role(name, false).add(Meaning::Trace(form), &mut traces);
        }
        for name in SPANS.iter().take(if is_pattern { 1 } else { SPANS.len() }) {
            let form = match *name {
                usual::SPAN_ID => Form::Own,
                usual::TRACEPARENT => Form::ParentSpan,
                _ => Form::Plain,
            };
            self.role(name, false).add(Meaning::Span(form), &mut spans);
        }
    }

    fn finish(mut self) -> Roles {
        self.add_objects();
        self.merge_spellings();
        let of = |entry: &Entry| {
            let (first, last) = (entry.name.first().copied(), entry.name.last().copied());
            bucket(entry.name.len(), first.unwrap_or_default(), last.unwrap_or_default())
        };
        self.0.sort_by_key(|entry| (of(entry), entry.any_case));
        let mut starts = [0; BUCKETS + 1];
        for (bucket, start) in starts.iter_mut().enumerate() {
            *start = u16::try_from(self.0.partition_point(|entry| of(entry) < bucket)).unwrap_or(u16::MAX);
        }
        Roles { starts, entries: self.0 }
    }

    /// Adds the objects that dotted names are in.
    fn add_objects(&mut self) {
        for at in 0..self.0.len() {
            let Entry { name, any_case, .. } = &self.0[at];
            let (name, any_case) = (String::from_utf8_lossy(name).into_owned(), *any_case);
            for (dot, _) in name.match_indices('.') {
                self.role(&name[..dot], any_case).is_above = true;
            }
        }
    }

    /// Gives exact names what names in any case mean, because the exact ones are found first.
    fn merge_spellings(&mut self) {
        let any = self.0.iter().filter(|entry| entry.any_case);
        let any: Vec<_> = any.map(|entry| (entry.name.clone(), entry.role.clone())).collect();
        for Entry { name, role, .. } in self.0.iter_mut().filter(|entry| !entry.any_case) {
            if let Some((_, other)) = any.iter().find(|(any, _)| any.eq_ignore_ascii_case(name)) {
                role.prefer(other);
            }
        }
    }
}
