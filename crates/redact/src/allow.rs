//! Values that the user allows: an allowlist for all rules, and fields that no detector masks.
//!
//! Input: the list, and single matches. Output: whether a match is allowed. A match is allowed only as a whole, so an
//! entry reveals nothing next to a value that it names. The mask of another rule over the same text stays.

use std::collections::HashSet;
use std::net::IpAddr;

use regex_automata::Anchored;
use regex_automata::Input;
use regex_automata::meta::Regex;
use regex_syntax::hir::{Hir, Look};
use regex_syntax::{ParserBuilder, ast};

use super::decode::base64;
use super::encoded::open_base64;
use super::fields::{Fields, Walk};
use super::masks::{Masks, RuleRef};
use super::replacement::Made;
use super::rule::{CACHE_BYTES_MAX, PATTERN_BYTES_MAX};
use super::{Config, Error, Redactor};
use event::Parsed;

/// From this length on, a number is the same with blanks and hyphens between its digits: the length of the shortest
/// card number.
const NUMBER_DIGITS_MIN: usize = 12;

/// Samples that have no character in common: a pattern that takes one of each kind takes any secret of that length.
const SAMPLES: [&[u8]; 2] = [b"qzgxkwvjmp", b"7401962835"];

/// How many lengths are tried, from the shortest that the pattern takes: more than a usual token has.
const LENGTHS: usize = 64;

/// What the user allows; empty for most users.
#[derive(Debug, Default)]
pub(super) struct Allow {
    /// Values that no rule masks.
    values: Option<Values>,
    /// Fields whose values no detector masks.
    pub(super) exempt: Fields,
    /// How many of the rules, from the first, are detectors.
    detectors: usize,
    /// Whether lines stay as they are, and what would be masked is only noted.
    pub(super) audits: bool,
}

/// The entries of the allowlist.
#[derive(Debug, Default)]
struct Values {
    literals: HashSet<Box<[u8]>>,
    /// Long numbers without blanks and hyphens.
    numbers: HashSet<Box<[u8]>>,
    networks: Vec<Network>,
    /// The patterns, from a value's start to its end.
    patterns: Option<Regex>,
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Allow {
    /// Reads both lists, and records all mistakes.
    pub(super) fn new(config: &Config, detectors: usize, errors: &mut Vec<Error>) -> Self {
        let exempt = Fields::new(&config.exempt_fields).unwrap_or_else(|bad| {
            errors.extend(bad.into_iter().map(|field| Error::ExemptField { field }));
            Fields::default()
        });
        let same = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
        for field in &config.exempt_fields {
            if field.split('.').all(|step| step.trim() == "*") {
                errors.push(Error::ExemptAll { field: field.clone() });
            } else if config.fields.iter().any(|masked| same(masked, field)) {
                errors.push(Error::ExemptAndMasked { field: field.clone() });
            }
        }
        Self { values: Values::new(&config.allow, errors), exempt, detectors, audits: config.audit }
    }
}

impl Redactor {
    /// The same match, marked as allowed if the allowlist has its value. A private key, and a value that could not be
    /// searched, are never allowed.
    pub(super) fn permit(&self, value: &[u8], by: RuleRef) -> RuleRef {
        let Some(values) = &self.allow.values else { return by };
        let rule = by.rule as usize;
        let is_rule = rule <= self.rules.len() && Some(rule) != self.private_key;
        RuleRef { is_allowed: is_rule && values.name(value), ..by }
    }

    /// Whether a rule masks nothing in exempt fields: a detector, but not that of private keys.
    pub(super) fn is_exempting(&self, rule: usize) -> bool {
        !self.allow.exempt.is_empty() && rule < self.allow.detectors && Some(rule) != self.private_key
    }

    /// Finds the values of exempt fields.
    pub(super) fn find_exempt(&self, text: &[u8], parsed: &Parsed, walk: &mut Walk, masks: &mut Masks) {
        let exempt = &mut masks.allowed.exempt;
        self.allow.exempt.mark(text, parsed, walk, |at, _| exempt.push(at));
        exempt.sort_unstable_by_key(|at| (at.start, at.end));
    }
}

impl Values {
    /// `None` if there is no entry.
    fn new(list: &str, errors: &mut Vec<Error>) -> Option<Self> {
        let mut values = Self::default();
        let (mut patterns, mut count, mut of_pattern) = (Vec::new(), 0, 1);
        for (line, entry) in (1..).zip(list.lines()).map(|(line, entry)| (line, entry.trim())) {
            if entry.is_empty() {
                continue;
            }
            count += 1;
            match values.add(entry) {
                Ok(Some(pattern)) => {
                    patterns.push(pattern);
                    of_pattern = line;
                }
                Ok(None) => {}
                Err(reason) => errors.push(Error::Allow { line, reason }),
            }
        }
        if !patterns.is_empty() {
            match compile(&patterns) {
                Ok(regex) => values.patterns = Some(regex),
                Err(reason) => errors.push(Error::Allow { line: of_pattern, reason }),
            }
        }
        (count > 0).then_some(values)
    }

    /// Adds an entry; returns it if it is a pattern.
    fn add(&mut self, entry: &str) -> Result<Option<Hir>, String> {
        let inside = entry.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        if let Some(pattern) = inside.filter(|inside| !inside.is_empty()) {
            return parse(pattern).map(Some);
        }
        if entry == "/" || entry == "//" {
            return Err("the pattern is empty, so it names no value; write /PATTERN/".to_owned());
        }
        if entry.contains(',') {
            return Err(format!(
                "{entry:?} has a comma; write each entry on its own line, or {} if the comma belongs to the value",
                suggestion(entry)
            ));
        }
        if let Some(network) = Network::parse(entry)? {
            self.networks.push(network);
            return Ok(None);
        }
        if entry.starts_with('@') || entry.contains('*') {
            return Err(format!(
                "{entry:?} would be compared as it stands, and with whole values only; write a pattern: {}",
                suggestion(entry)
            ));
        }
        if ['"', '\''].iter().any(|quote| entry.starts_with(*quote) && entry.ends_with(*quote)) {
            return Err(format!("{entry:?} has quotes, which would have to be in the value; leave them out"));
        }
        self.numbers.extend(number(entry.as_bytes()));
        self.literals.insert(entry.as_bytes().into());
        Ok(None)
    }

    /// Whether the list names this value, as it is written or decoded.
    fn name(&self, value: &[u8]) -> bool {
        if self.name_as_is(value) {
            return true;
        }
        let mut decoded = Vec::new();
        if open_base64(value, &mut decoded) && base64::is_whole(value, decoded.len()) && self.name_as_is(&decoded) {
            return true;
        }
        let mut made = Made::default();
        let read = made.read(value);
        read != value && self.name_as_is(read)
    }

    fn name_as_is(&self, value: &[u8]) -> bool {
        let has_number =
            || !self.numbers.is_empty() && number(value).is_some_and(|number| self.numbers.contains(&number));
        let is_in_network = || {
            let address = || std::str::from_utf8(value).ok()?.parse().ok();
            !self.networks.is_empty() && address().is_some_and(|at| self.networks.iter().any(|net| net.has(at)))
        };
        self.literals.contains(value)
            || has_number()
            || is_in_network()
            || self.patterns.as_ref().is_some_and(|patterns| patterns.is_match(value))
    }
}

impl Network {
    /// `None` if the text does not begin with an address and a slash.
    fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some((address, prefix)) = text.split_once('/') else { return Ok(None) };
        let Ok(base) = address.parse::<IpAddr>() else { return Ok(None) };
        let bits = if base.is_ipv4() { 32 } else { 128 };
        let Some(prefix) = prefix.parse().ok().filter(|prefix| *prefix <= bits) else {
            return Err(format!("the network {text:?} needs a prefix length from 1 to {bits}; example: 10.0.0.0/8"));
        };
        let first = mask(base, prefix);
        if prefix == 0 {
            return Err(format!("the network {text:?} holds all addresses; example: 10.0.0.0/8"));
        }
        if first != base {
            return Err(format!(
                "{text:?} is not the start of a network; write {first}/{prefix}, or the address alone"
            ));
        }
        Ok(Some(Self { base, prefix }))
    }

    /// Whether the address lies in it; an IPv4 address that is written as IPv6 too.
    fn has(self, address: IpAddr) -> bool {
        [address, address.to_canonical()]
            .into_iter()
            .any(|at| at.is_ipv4() == self.base.is_ipv4() && mask(at, self.prefix) == self.base)
    }
}

/// The first address of the network.
fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(at) => {
            let bits = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((at.to_bits() & bits).into())
        }
        IpAddr::V6(at) => {
            let bits = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((at.to_bits() & bits).into())
        }
    }
}

/// The digits of a long number, if the value is nothing else.
fn number(value: &[u8]) -> Option<Box<[u8]>> {
    let digits: Box<[u8]> = value.iter().copied().filter(u8::is_ascii_digit).collect();
    let ends = [value.first(), value.last()];
    let is_number = ends.into_iter().flatten().all(u8::is_ascii_digit)
        && value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
    (is_number && digits.len() >= NUMBER_DIGITS_MIN).then_some(digits)
}

/// The pattern that a user may have meant.
fn suggestion(entry: &str) -> String {
    let escaped = |part: &str| regex_syntax::escape(part).replace(r"\-", "-");
    let parts: Vec<String> = entry.split('*').map(escaped).collect();
    let any = if entry.contains('@') { "[^@]+" } else { ".+" };
    let start = if entry.starts_with('@') { any } else { "" };
    format!("/{start}{}/", parts.join(any))
}

/// Reads a pattern, and refuses one that takes any value.
fn parse(pattern: &str) -> Result<Hir, String> {
    let hir = ParserBuilder::new().utf8(false).build().parse(pattern).map_err(|error| match &error {
        regex_syntax::Error::Parse(parse) if matches!(parse.kind(), ast::ErrorKind::UnsupportedLookAround) => {
            "the pattern uses look-around, which is not supported; it always has to match a whole value".to_owned()
        }
        _ => format!("the pattern is not a valid regular expression: {error}"),
    })?;
    let whole = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
    let regex = compile(std::slice::from_ref(&whole))?;
    let (least, most) = (whole.properties().minimum_len().unwrap_or(1), whole.properties().maximum_len());
    let is_match = |text: &[u8]| regex.is_match(Input::new(text).anchored(Anchored::Yes));
    let takes_any = |bytes: usize| {
        SAMPLES.iter().all(|sample| is_match(&sample.iter().copied().cycle().take(bytes).collect::<Vec<_>>()))
    };
    let lengths = least..=most.unwrap_or(usize::MAX).min(least.saturating_add(LENGTHS));
    if is_match(b"") || lengths.into_iter().any(takes_any) {
        return Err(format!(
            r"the pattern /{pattern}/ takes any value, so nothing would be masked; name what all such values have in common: /[^@]+@example\.com/, /test-[a-z0-9]+/"
        ));
    }
    Ok(whole)
}

fn compile(patterns: &[Hir]) -> Result<Regex, String> {
    let config = Regex::config().nfa_size_limit(Some(PATTERN_BYTES_MAX)).hybrid_cache_capacity(CACHE_BYTES_MAX);
    let config = config.utf8_empty(false);
    Regex::builder().configure(config).build_many_from_hir(patterns).map_err(|error| match error.size_limit() {
        Some(limit) => {
            format!("the patterns compile to more than {limit} bytes; use smaller bounds, or fewer patterns")
        }
        None => format!("the pattern is not a valid regular expression: {error}"),
    })
}
