//! The corpora through the grammar alone: which lines begin a record, and which join the one before.

use std::collections::BTreeMap;

use logskiff::pipeline::frame::multiline::{Config, Grammar, Next, State, Verdict};

use super::{MARKER, RUNTIMES, corpus};

/// Of the events of several lines, so many per hundred have to be whole in each runtime.
const RIGHT_PERCENT_MIN: usize = 95;
/// Changes of what is learned of a file, each of which costs an entry of the checkpoint.
const CHANGES_MAX: usize = 100;

/// A line of a log that is not blank.
#[derive(Clone, Copy)]
struct LogLine<'t> {
    text: &'t [u8],
    /// The number of its event.
    event: usize,
    /// Blank lines before it.
    blank_lines: u32,
}

/// A log without its markers.
fn log_lines(text: &str) -> Vec<LogLine<'_>> {
    let (mut lines, mut event, mut blank_lines) = (Vec::new(), 0, 0);
    for line in text.lines() {
        if line == MARKER {
            event += 1;
        } else if line.trim_ascii().is_empty() {
            blank_lines += 1;
        } else {
            lines.push(LogLine { text: line.as_bytes(), event, blank_lines });
            blank_lines = 0;
        }
    }
    lines
}

/// Every line is an event.
fn single_lines(text: &str) -> Vec<LogLine<'_>> {
    let mut lines = log_lines(text);
    for (event, line) in lines.iter_mut().enumerate() {
        line.event = event;
    }
    lines
}

fn next_of<'t>(lines: &[LogLine<'t>], at: usize) -> Next<'t> {
    lines.get(at + 1).map_or(Next::End, |line| Next::Line(line.text))
}

/// Whether each line begins a record. As a caller does, it looks at the next line only if it must.
fn starts(grammar: &Grammar, lines: &[LogLine<'_>]) -> Vec<bool> {
    let mut state = State::default();
    let step = |state: &mut State, at: usize, next: Next<'_>| {
        let line: &LogLine<'_> = &lines[at];
        grammar.step(state, line.text, line.blank_lines, next)
    };
    let start = |at: usize| {
        let before = state;
        let mut verdict = step(&mut state, at, Next::Unknown);
        if verdict == Verdict::NeedsNext {
            assert_eq!(state, before, "the state changed without a verdict");
            verdict = step(&mut state, at, next_of(lines, at));
        }
        assert_ne!(verdict, Verdict::NeedsNext, "{}", String::from_utf8_lossy(lines[at].text));
        verdict == Verdict::Start
    };
    (0..lines.len()).map(start).collect()
}

/// What became of the events of some logs.
#[derive(Default)]
struct Outcome {
    several: usize,
    several_right: usize,
    /// Descriptions of records with lines of two events.
    merged: Vec<String>,
}

impl Outcome {
    fn add(&mut self, name: &str, lines: &[LogLine<'_>], starts: &[bool]) {
        let mut events: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
        for (at, (line, start)) in lines.iter().zip(starts).enumerate() {
            events.entry(line.event).or_default().push(*start);
            let begins_event = at == 0 || lines[at - 1].event != line.event;
            if begins_event && !start {
                self.merged.push(format!("{name}: {}", String::from_utf8_lossy(line.text)));
            }
        }
        let several = events.values().filter(|starts| starts.len() > 1);
        for starts in several {
            self.several += 1;
            self.several_right += usize::from(starts[0] && !starts[1..].contains(&true));
        }
    }
}

fn auto() -> Grammar {
    Grammar::new(&Config::Auto).unwrap()
}

/// The lines of every log of several lines, and of every log of single ones.
fn for_all_logs(mut check: impl FnMut(&str, &[LogLine<'_>])) {
    for folder in RUNTIMES.into_iter().chain(["system", "single"]) {
        for (name, text) in corpus(folder) {
            let lines = if folder == "single" { single_lines(&text) } else { log_lines(&text) };
            check(&format!("{folder}/{name}"), &lines);
        }
    }
}

#[test]
fn events_are_whole_and_none_are_merged() {
    let grammar = auto();
    for folder in RUNTIMES.into_iter().chain(["system"]) {
        let mut outcome = Outcome::default();
        for (name, text) in corpus(folder) {
            let lines = log_lines(&text);
            outcome.add(&name, &lines, &starts(&grammar, &lines));
        }
        let Outcome { several, several_right, merged } = outcome;
        println!("{folder}: {several_right} of {several} events of several lines are whole");
        assert!(merged.is_empty(), "{folder}: merged with the event before:\n{}", merged.join("\n"));
        assert!(several_right * 100 >= several * RIGHT_PERCENT_MIN, "{folder}: only {several_right} of {several}");
    }
}

#[test]
fn single_lines_stay_single() {
    let grammar = auto();
    for (name, text) in corpus("single") {
        let lines = single_lines(&text);
        let mut outcome = Outcome::default();
        outcome.add(&name, &lines, &starts(&grammar, &lines));
        assert!(outcome.merged.is_empty(), "{}", outcome.merged.join("\n"));
    }
}

#[test]
fn a_preset_groups_the_logs_of_its_runtime_as_auto_does() {
    use logskiff::pipeline::frame::multiline::Preset;

    for preset in Preset::ALL {
        let grammar = Grammar::new(&Config::Presets(vec![preset])).unwrap();
        let mut outcome = Outcome::default();
        for (name, text) in corpus(preset.name()) {
            let lines = log_lines(&text);
            outcome.add(&name, &lines, &starts(&grammar, &lines));
        }
        let Outcome { several, several_right, merged } = outcome;
        assert!(merged.is_empty(), "{}: merged:\n{}", preset.name(), merged.join("\n"));
        assert!(several_right * 100 >= several * RIGHT_PERCENT_MIN, "{}: {several_right} of {several}", preset.name());
    }
}

/// Blank lines decide nothing about what was learned, and a re-read does not know how many there were.
fn assert_reread_alike(grammar: &Grammar, name: &str, lines: &[LogLine<'_>]) {
    let mut state = State::default();
    for (at, line) in lines.iter().enumerate() {
        let (before, next) = (state, next_of(lines, at));
        if grammar.step(&mut state, line.text, line.blank_lines, next) == Verdict::Start {
            let mut again = before.closed();
            assert_eq!(grammar.step(&mut again, line.text, 0, next), Verdict::Start, "{name}");
            assert_eq!(again, state, "{name}: {}", String::from_utf8_lossy(line.text));
        }
    }
}

#[test]
fn a_read_that_begins_at_a_record_groups_alike() {
    let grammar = auto();
    for_all_logs(|name, lines| assert_reread_alike(&grammar, name, lines));
}

#[test]
fn carriage_returns_at_line_ends_change_nothing() {
    let grammar = auto();
    for_all_logs(|name, lines| {
        let texts: Vec<Vec<u8>> = lines.iter().map(|line| [line.text, b"\r"].concat()).collect();
        let with: Vec<_> = lines.iter().zip(&texts).map(|(line, text)| LogLine { text, ..*line }).collect();
        assert_eq!(starts(&grammar, &with), starts(&grammar, lines), "{name}");
        assert_reread_alike(&grammar, name, &with);
    });
}

/// A line's verdict is the same whether the next line was in the same read or not.
#[test]
fn reads_of_any_size_group_alike() {
    let grammar = auto();
    for_all_logs(|name, lines| {
        let mut state = State::default();
        let known = |at: usize| {
            let line: &LogLine<'_> = &lines[at];
            grammar.step(&mut state, line.text, line.blank_lines, next_of(lines, at)) == Verdict::Start
        };
        let known: Vec<bool> = (0..lines.len()).map(known).collect();
        assert_eq!(known, starts(&grammar, lines), "{name}");
    });
}

#[test]
fn what_is_learned_of_a_file_settles() {
    let grammar = auto();
    for_all_logs(|name, lines| {
        let (mut state, mut changes, mut late) = (State::default(), 0, 0);
        for round in 0..30 {
            for (at, line) in lines.iter().enumerate() {
                let before = state.closed();
                let _ = grammar.step(&mut state, line.text, line.blank_lines, next_of(lines, at));
                let change = usize::from(state.closed() != before);
                changes += change;
                late += if round > 20 { change } else { 0 };
            }
        }
        assert!(changes <= CHANGES_MAX, "{name}: {changes} changes");
        assert_eq!(late, 0, "{name} still changes");
    });
}

#[test]
fn a_state_is_small_and_survives_as_text() {
    assert!(size_of::<State>() <= 32, "{}", size_of::<State>());
    let grammar = auto();
    for_all_logs(|name, lines| {
        let mut state = State::default();
        for (at, line) in lines.iter().enumerate() {
            let _ = grammar.step(&mut state, line.text, line.blank_lines, next_of(lines, at));
            assert_eq!(State::from_text(&state.to_text()), Some(state), "{name}");
        }
    });
}
