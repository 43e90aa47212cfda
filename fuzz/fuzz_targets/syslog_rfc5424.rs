//! Any line becomes a message that a strict parser of RFC 5424 reads back: `cargo +nightly fuzz run syslog_rfc5424`.
//!
//! The first byte chooses the framing and whether there is a byte order mark; the rest is the line.
#![no_main]

#[path = "../../src/encode/syslog/tests/strict.rs"]
mod strict;

use std::cell::RefCell;
use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use logskiff::encode::syslog::{Config, Format, Framing, Message};
use logskiff::encode::{self, Encoder, Encoding, Envelope, EventId, Pod, Source};
use logskiff::parse::{self, Parser};
use logskiff::record::{Boundary, Span};
use logskiff::redact::{self, Carry, Redactor, Scratch};

/// Everything that is made once.
struct Tools {
    parser: Parser,
    redactor: Redactor,
    config: encode::Config,
}

thread_local! {
    static TOOLS: RefCell<Tools> = RefCell::new(tools());
}

fn tools() -> Tools {
    let parse = parse::Config {
        format: parse::Format::Auto,
        patterns: Vec::new(),
        types: Vec::new(),
        time_field: None,
        time_formats: Vec::new(),
        time_zone: "UTC".into(),
        level_field: None,
        drop_failures: false,
    };
    let rules = redact::Config { select: vec!["none".into()], rules: Vec::new(), fields: Vec::new() };
    let syslog = Config {
        format: Format::Rfc5424,
        facility: 16,
        hostname: "{pod}".parse().expect("a template"),
        app_name: "app".parse().expect("a template"),
        proc_id: None,
        msg_id: Some("{field.id}".parse().expect("a template")),
        message: Message::Raw,
        structured_data: Some(32473),
        bom: true,
        bytes_max: 1 << 24,
        framing: Framing::None,
        zone: jiff::tz::TimeZone::UTC,
    };
    let config = encode::Config {
        encoding: Encoding::Raw,
        event_id: EventId::Field,
        fields: Vec::new(),
        pod: Pod::default(),
        syslog: Some(syslog),
    };
    Tools {
        parser: Parser::new(&parse).expect("a parser"),
        redactor: Redactor::new(&rules).expect("rules"),
        config,
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, line)) = input.split_first() else { return };
    TOOLS.with_borrow_mut(|tools| {
        let framing = [Framing::None, Framing::OctetCounting, Framing::Newline][usize::from(choice >> 1) % 3];
        let bom = choice & 1 == 1;
        if let Some(syslog) = &mut tools.config.syslog {
            (syslog.framing, syslog.bom) = (framing, bom);
        }
        let labels = BTreeMap::new();
        let source = Source { input: "default", path: "/log/app.log", origin: "00ff", labels: &labels };
        let envelope = Envelope::new(&tools.config, &source, str::to_owned);
        let mut parsed = tools.parser.parsed();
        tools.parser.parse(line, &mut parsed);
        let mut scratch = Scratch::default();
        let redacted = tools.redactor.redact(line, line.len(), &parsed, true, &mut Carry::default(), &mut scratch);
        let span = Span { start: 7, end: 7 + line.len() as u64 };
        let mut out = Vec::new();
        Encoder::new(&tools.config).syslog(&redacted, &envelope, (span, Boundary::Line), 0, &mut out);
        if let Err(reason) = strict::reads_back(&out, strict::Frame::of(framing), line, bom) {
            panic!("{reason}");
        }
    });
});
