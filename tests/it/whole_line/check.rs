//! Any bytes through the whole detection, in any mode, as a record of one or several lines: properties of the output.
//!
//! The fuzz target `redact_line` shares this file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use event::{FileId, LineFlags, LineTimes, Span};
use redact::{Action, Config, Hits, PemState, Piece, Redacted, Redactor, Scratch, TextHits, TokenKey};

#[path = "../../../crates/redact/src/tests/meeting.rs"]
pub(crate) mod meeting;

use super::encode::{self, Encoder, Encoding, Envelope, EventId, Pod, RedactedLine, Source};
use super::parse::{self, Parser};

/// Redactors are expensive to create; one for each mode, with all detectors, and one with only fields and custom rules.
static REDACTORS: LazyLock<Vec<Redactor>> = LazyLock::new(|| {
    let every = Action::ALL.map(|mode| config(mode, &["secrets", "pii"], &["pin", "user.*.name"]));
    let few = Config { modes: vec![("digits".into(), Action::Partial)], ..config(Action::Token, &[], &["pin"]) };
    every.into_iter().chain([few]).map(|config| Redactor::new(&config).unwrap()).collect()
});

/// How a record is processed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// The index of the redactor.
    pub(crate) redactor: u8,
    /// The format that it is parsed as.
    pub(crate) format: u8,
    /// How many bytes may be output; a larger number means all.
    pub(crate) keep: usize,
}

fn config(mode: Action, select: &[&str], fields: &[&str]) -> Config {
    let own = |text: &&str| (*text).to_owned();
    let rules = [("digits", "field:order ~ [0-9]+"), ("who", "field:by,a.*"), ("word", r"qz\w+"), ("start", "^ ?zz")];
    Config {
        select: select.iter().map(own).collect(),
        rules: rules.iter().map(|(name, pattern)| (own(name), own(pattern))).collect(),
        fields: fields.iter().map(own).collect(),
        mode,
        key: Some(TokenKey::new("0123456789abcdef0123456789abcdef", Some("k1")).unwrap()),
        ..Config::default()
    }
}

/// Checks one record.
///
/// # Errors
/// The violated property.
pub(crate) fn check(choice: Choice, line: &[u8]) -> Result<(), String> {
    let redactor = &REDACTORS[usize::from(choice.redactor) % REDACTORS.len()];
    let keep = choice.keep.min(line.len());
    let format = [parse::Format::Auto, parse::Format::Json, parse::Format::None][usize::from(choice.format) % 3];
    let mut parser = parser(format);
    let mut parsed = parser.parsed();
    parser.parse(&line[..keep], &mut parsed);
    let (mut hits, mut scratch) = (Hits::default(), Scratch::default());
    redactor.scan(&[line, b"\n"].concat(), &mut hits);
    let found = hits.of(0, line.len() + 1);
    let as_scanned = redactor.redact(line, keep, &parsed, found, &mut PemState::default(), &mut scratch);
    let (cold, dropped) = (left(&as_scanned), as_scanned.is_dropped());
    let redacted = redactor.redact(line, keep, &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    if cold != left(&redacted) || dropped != redacted.is_dropped() {
        return Err("stage one missed something".into());
    }
    masks_hold(redactor, &redacted, &line[..keep])?;
    record_holds(&redacted)
}

/// The output for a line without structure.
fn left(redacted: &Redacted<'_>) -> Vec<u8> {
    let mut left = Vec::new();
    for piece in redacted.pieces(redacted.whole()) {
        left.extend_from_slice(match piece {
            Piece::Text(text) => text,
            Piece::Mask(label) => label.as_bytes(),
        });
    }
    left
}

/// The masks are disjoint and in order, the text between them is the line's, and each label matches its mode.
fn masks_hold(redactor: &Redactor, redacted: &Redacted<'_>, line: &[u8]) -> Result<(), String> {
    let names: Vec<&str> = redactor.rules().collect();
    let mut pieces = redacted.pieces(redacted.whole());
    let mut at = 0;
    for mask in redacted.masked() {
        let place = mask.at.indices();
        text_holds(&mut pieces, line.get(at..place.start))?;
        at = place.end;
        let Some(Piece::Mask(label)) = pieces.next() else { return Err(format!("no mask at {}", place.start)) };
        if !fits(label, names[mask.rule], mask.mode) {
            return Err(format!("{label:?} stands for a mask of the mode {}", mask.mode.name()));
        }
        let leads = line.get(place.start).is_some_and(|byte| byte & 0xc0 == 0x80);
        if leads && std::str::from_utf8(line).is_ok() {
            return Err(format!("a character is cut at {}", place.start));
        }
    }
    text_holds(&mut pieces, line.get(at..))?;
    if pieces.next().is_some() { Err("more than the line".into()) } else { Ok(()) }
}

/// The next piece is the line's own text, unless there is none between two masks.
fn text_holds<'p>(pieces: &mut impl Iterator<Item = Piece<'p>>, text: Option<&[u8]>) -> Result<(), String> {
    let text = text.ok_or("masks overlap")?;
    let right = text.is_empty() || matches!(pieces.next(), Some(Piece::Text(piece)) if piece == text);
    if right { Ok(()) } else { Err("not the line's own bytes between masks".into()) }
}

/// Whether a label shows as much as its mode allows, and no more.
fn fits(label: &str, name: &str, mode: Action) -> bool {
    let Some(inside) = label.strip_prefix("<redacted:").and_then(|rest| rest.strip_suffix('>')) else {
        return mode == Action::Remove && label.is_empty();
    };
    let shown = inside.strip_prefix(name);
    match mode {
        Action::Mask => shown == Some(""),
        // The masks of a dropped record are not output.
        Action::Drop => shown.is_some(),
        Action::Remove => false,
        Action::Partial => shown.is_some_and(|shown| shown.starts_with(':') && shown.len() == 5),
        Action::Token => shown.and_then(|shown| shown.strip_prefix(":k1:")).is_some_and(|token| token.len() == 16),
    }
}

/// The record is JSON.
fn record_holds(redacted: &Redacted<'_>) -> Result<(), String> {
    let config = encode::Config {
        encoding: Encoding::Json,
        event_id: EventId::Off,
        fields: Vec::new(),
        pod: Pod::default(),
        syslog: None,
    };
    let labels = BTreeMap::new();
    let source = Source { input: "default", path: "/log/app.log", origin: "00ff", labels: &labels, attrs: None };
    let envelope = Envelope::new(&config, &source, |_, value| value.to_owned());
    let mut record = Vec::new();
    let (span, flags) = (Span { start: 0, end: 1 }, LineFlags::NONE);
    let line = RedactedLine {
        redacted,
        envelope: &envelope,
        file: FileId(0),
        span,
        flags,
        printed: None,
        times: LineTimes::read(0),
        is_new: true,
    };
    Encoder::new(&config).encode(&line, &mut record);
    // Half of a surrogate pair is valid JSON, but not text.
    let read = serde_json::from_slice::<&serde_json::value::RawValue>(&record);
    read.map(|_| ()).map_err(|error| format!("the record is no JSON: {error}"))
}

fn parser(format: parse::Format) -> Parser {
    Parser::new(&parse::Config { formats: vec![format], ..parse::Config::default() }).unwrap()
}
