//! What the first lines of an input tell of its configuration.
//!
//! Input: each new line, and what was parsed of it. Output: a [`Finding`], if most lines do not have the asked format, or
//! none has a time. It holds numbers, never content.

use std::time::{Duration, Instant};

use event::Parsed;

use super::parse::{Config, Format, Parser};

/// So many lines decide.
const LINES_MAX: u64 = 1_000;
/// Fewer lines tell too little: a banner and the warnings of a runtime come before many logs.
const LINES_MIN: u64 = 10;
/// Quiet logs are judged after this time, if all of their lines so far are alike.
const EARLY_AFTER: Duration = Duration::from_secs(60);

/// Numbers of lines. A record of several lines counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All lines.
    pub lines: u64,
    /// Lines that do not have the asked format.
    pub failed: u64,
    /// Lines with a time, their own or that of a container's runtime.
    pub with_time: u64,
    /// Lines with a level.
    pub with_level: u64,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// More than half of the lines do not have the asked format.
    Format,
    /// No line has a time.
    Time,
}

/// What the first lines show to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The lines that it rests on.
    pub counts: Counts,
    /// What is wrong.
    pub problem: Problem,
    /// A setting that may help.
    pub proposal: &'static str,
}

/// Counts the first lines of an input.
pub struct FirstLines {
    lines_max: u64,
    /// Whether a time is looked for, and its lack matters.
    wants_time: bool,
    config: Config,
    counts: Counts,
    /// Lines with a stamp that could not be read.
    unread_stamps: u64,
    /// Lines with fields.
    with_fields: u64,
    /// Failed lines in which [`Format::Auto`] finds something.
    read_by_auto: u64,
    /// Made for the first line that fails.
    auto: Option<(Parser, Parsed)>,
    /// When the first line was seen.
    since: Option<Instant>,
}

impl FirstLines {
    /// `is_timed`: records have a time.
    #[must_use]
    pub fn new(config: &Config, is_timed: bool) -> Self {
        let is_asked = !config.time_fields.is_empty() || !config.time_formats.is_empty();
        Self {
            lines_max: LINES_MAX,
            wants_time: config.formats != [Format::None] && (is_timed || is_asked),
            config: config.clone(),
            counts: Counts::default(),
            unread_stamps: 0,
            with_fields: 0,
            read_by_auto: 0,
            auto: None,
            since: None,
        }
    }

    /// Counts all lines, not only the first ones.
    #[must_use]
    pub fn of_all(self) -> Self {
        Self { lines_max: u64::MAX, ..self }
    }

    /// Counts a line. `has_time`: a container's runtime says when it was printed.
    pub fn count(&mut self, text: &[u8], parsed: &Parsed, has_time: bool) {
        if self.counts.lines == self.lines_max {
            return;
        }
        let counts = &mut self.counts;
        counts.lines += 1;
        counts.failed += u64::from(parsed.failure.is_some());
        counts.with_time += u64::from(has_time || parsed.time_ns.is_some());
        counts.with_level += u64::from(parsed.level.is_some());
        self.unread_stamps += u64::from(parsed.time_failed);
        self.with_fields += u64::from(has_fields(parsed));
        if parsed.failure.is_some() && counts.failed <= LINES_MAX {
            self.try_auto(text);
        }
    }

    /// Counts whether the automatic format finds fields, a time or a level in a line.
    fn try_auto(&mut self, text: &[u8]) {
        if self.auto.is_none() {
            let config = Config {
                formats: vec![Format::Auto],
                patterns: Vec::new(),
                columns: Vec::new(),
                ..self.config.clone()
            };
            self.auto = Parser::new(&config).ok().map(|parser| {
                let parsed = parser.parsed();
                (parser, parsed)
            });
        }
        if let Some((parser, parsed)) = &mut self.auto {
            parser.parse(text, parsed);
            let is_read = has_fields(parsed) || parsed.time_ns.is_some() || parsed.level.is_some();
            self.read_by_auto += u64::from(is_read);
        }
    }

    /// The numbers so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the lines so far are enough. `is_over`: no more come.
    pub fn are_enough(&mut self, now: Instant, is_over: bool) -> bool {
        let Counts { lines, failed, .. } = self.counts;
        if lines == 0 {
            return false;
        }
        let since = *self.since.get_or_insert(now);
        if lines >= self.lines_max {
            return true;
        }
        if lines < LINES_MIN {
            return false;
        }
        let are_alike = |finding: Finding| finding.problem == Problem::Time || failed == lines;
        is_over || now.saturating_duration_since(since) >= EARLY_AFTER && self.finding().is_some_and(are_alike)
    }

    /// What the lines so far show to be wrong.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let Counts { lines, failed, with_time, .. } = self.counts;
        let (problem, proposal) = if failed > lines / 2 {
            (Problem::Format, self.proposed_format())
        } else if self.wants_time && with_time == 0 && lines > 0 {
            (Problem::Time, self.proposed_time())
        } else {
            return None;
        };
        Some(Finding { counts: self.counts, problem, proposal })
    }

    fn proposed_format(&self) -> &'static str {
        let is_read = self.read_by_auto > self.counts.failed.min(LINES_MAX) / 2;
        match (is_read, self.config.patterns.is_empty()) {
            (true, true) => "LOGSKIFF_PARSE=auto",
            (true, false) => "LOGSKIFF_PARSE=auto, or another LOGSKIFF_PARSE_PATTERN",
            (false, true) => "LOGSKIFF_PARSE=regex with a LOGSKIFF_PARSE_PATTERN for these lines",
            (false, false) => "another LOGSKIFF_PARSE_PATTERN",
        }
    }

    fn proposed_time(&self) -> &'static str {
        if self.unread_stamps > 0 {
            "LOGSKIFF_TIME_FORMAT with the format of their stamps"
        } else if self.with_fields > self.counts.lines / 2 {
            "LOGSKIFF_TIME_FIELD with the field that holds their time"
        } else {
            "if they have one: LOGSKIFF_PARSE=regex and a LOGSKIFF_PARSE_PATTERN with (?<time>...)"
        }
    }
}

/// Whether a line has fields, or a message that was taken from one.
fn has_fields(parsed: &Parsed) -> bool {
    !parsed.nodes.is_empty() || !parsed.taken.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::parse::Preset;

    fn config(format: Format, patterns: &[&str]) -> Config {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Config { formats: vec![format], patterns, ..Config::default() }
    }

    fn counted(config: &Config, lines: &[(&str, usize)]) -> FirstLines {
        let mut parser = Parser::new(config).unwrap();
        let mut parsed = parser.parsed();
        let mut first = FirstLines::new(config, true);
        for (line, times) in lines {
            for _ in 0..*times {
                parser.parse(line.as_bytes(), &mut parsed);
                first.count(line.as_bytes(), &parsed, false);
            }
        }
        first
    }

    #[track_caller]
    fn check(config: &Config, lines: &[(&str, usize)], expected: Option<(Problem, &str)>) {
        let found = counted(config, lines).finding();
        assert_eq!(found.map(|finding| (finding.problem, finding.proposal)), expected, "{lines:?}");
    }

    const STAMPED: &str = "2026-11-28T10:15:02Z INFO started";
    const OBJECT: &str = r#"{"time":"2026-11-28T10:15:02Z","msg":"a"}"#;

    #[test]
    fn a_format_that_most_lines_lack_is_found() {
        let json = config(Format::Json, &[]);
        let auto = Some((Problem::Format, "LOGSKIFF_PARSE=auto"));
        check(&json, &[], None);
        check(&json, &[(STAMPED, 6), (OBJECT, 5)], auto);
        check(&json, &[(STAMPED, 5), (OBJECT, 5)], None);
        // A list of lines is cut at a thousand: those that follow change nothing.
        check(&json, &[(STAMPED, 501), (OBJECT, 9_000)], auto);
        check(&json, &[(OBJECT, 600), (STAMPED, 9_000)], None);
        check(&config(Format::Preset(Preset::from_name("nginx").unwrap()), &[]), &[(r#"{"msg":"a"}"#, 3)], auto);
        let regex = Some((Problem::Format, "LOGSKIFF_PARSE=regex with a LOGSKIFF_PARSE_PATTERN for these lines"));
        check(&json, &[("hello", 3)], regex);
        let pattern = config(Format::Regex, &["^(?<n>[0-9]+)$"]);
        check(&pattern, &[("hello", 3)], Some((Problem::Format, "another LOGSKIFF_PARSE_PATTERN")));
        let both = "LOGSKIFF_PARSE=auto, or another LOGSKIFF_PARSE_PATTERN";
        check(&pattern, &[("level=info a=b", 3)], Some((Problem::Format, both)));
    }

    #[test]
    fn lines_without_a_time_are_found() {
        let auto = config(Format::Auto, &[]);
        let text = "if they have one: LOGSKIFF_PARSE=regex and a LOGSKIFF_PARSE_PATTERN with (?<time>...)";
        check(&auto, &[("hello", 20)], Some((Problem::Time, text)));
        check(&auto, &[("hello", 20), (STAMPED, 1)], None);
        let field = "LOGSKIFF_TIME_FIELD with the field that holds their time";
        check(&auto, &[(r#"{"when":"now"}"#, 2), ("hello", 1)], Some((Problem::Time, field)));
        let format = "LOGSKIFF_TIME_FORMAT with the format of their stamps";
        check(&auto, &[(r#"{"time":"half past ten"}"#, 1), ("hello", 5)], Some((Problem::Time, format)));
        check(&config(Format::None, &[]), &[("hello", 20)], None);
        assert_eq!(FirstLines::new(&auto, false).finding(), None);
        // The time of a container's runtime is one.
        let mut first = FirstLines::new(&auto, true);
        first.count(b"hello", &Parsed::default(), true);
        assert_eq!(first.finding(), None);
    }

    #[test]
    fn quiet_logs_are_judged_after_a_while() {
        #[track_caller]
        fn check(lines: &[(&str, usize)], [at_once, later, at_the_end]: [bool; 3]) {
            let mut first = counted(&config(Format::Json, &[]), lines);
            let now = Instant::now();
            assert_eq!(first.are_enough(now, false), at_once, "{lines:?}");
            assert!(at_once || !first.are_enough(now + EARLY_AFTER / 2, false), "{lines:?}");
            assert_eq!(first.are_enough(now + EARLY_AFTER, false), later, "{lines:?}");
            assert_eq!(first.are_enough(now, true), at_the_end, "{lines:?}");
        }
        check(&[], [false; 3]);
        check(&[("hello", 9)], [false; 3]);
        check(&[("hello", 10)], [false, true, true]);
        check(&[(r#"{"msg":"a"}"#, 10)], [false, true, true]);
        // They may still be the lines of a start.
        check(&[("hello", 10), (OBJECT, 1)], [false, false, true]);
        check(&[(OBJECT, 999)], [false, false, true]);
        check(&[(OBJECT, 1_000)], [true; 3]);
    }
}
