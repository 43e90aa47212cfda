use super::super::auto;
use super::super::shape::{Class, Shape};
use super::super::table::{HEADS, NextClass, RULES, Rule, Table};
use super::super::text::look_at;
use super::*;

/// An example of a line that matches, from all there are.
fn example_of(shape: Shape) -> Option<&'static str> {
    const OTHERS: [&str; 2] = ["PC=0x408e0e m=0 sigcode=0", "  indented"];
    let matches = |line: &&'static str| shape.matches(&look_at(line.as_bytes(), &mut None));
    examples().map(|example| example.line).chain(OTHERS).find(matches)
}

/// The verdict on a line of a record in `mode`, and the record's mode after it.
fn step(table: &Table, mode: Mode, line: &str, next: Shape) -> (Verdict, Mode) {
    let mut state = State::default();
    state.open.mode = mode;
    let next = example_of(next).filter(|_| !next.is_any());
    let next = next.map_or(Next::Line(b"text that is nothing"), |line| Next::Line(line.as_bytes()));
    let verdict = auto::step(table, &mut state, line.as_bytes(), 0, next);
    (verdict, state.open.mode)
}

#[test]
fn every_head_is_needed_for_its_example() {
    let table = Table::new(&Preset::ALL);
    for (number, head) in HEADS.iter().enumerate() {
        assert!(example_of(head.next).is_some(), "no example of what follows {:?}", head.example);
        let expected = (Verdict::Start, head.mode);
        assert_eq!(step(&table, Mode::Closed, head.example, head.next), expected, "{:?}", head.example);
        let without = step(&Table::without(number), Mode::Closed, head.example, head.next);
        assert!(without != expected || is_general(number), "{:?} is not needed", head.example);
    }
}

/// A line that is its own example of a more general one, whose mode is the same.
fn is_general(number: usize) -> bool {
    HEADS[number].mode == Mode::Text
}

#[test]
fn every_rule_is_needed_for_its_example() {
    let table = Table::new(&Preset::ALL);
    let mut wrong = Vec::new();
    for (number, rule) in RULES.iter().enumerate() {
        assert!(example_of(rule.next).is_some(), "no example of what follows {:?}", rule.example);
        let mut needed = false;
        for mode in rule.after {
            let expected = (Verdict::Join(rule.reason), rule.mode);
            let got = step(&table, *mode, rule.example, rule.next);
            if got != expected {
                wrong.push(format!("{:?} after {mode:?}: {got:?} in place of {expected:?}", rule.example));
            }
            needed |= step(&Table::without(HEADS.len() + number), *mode, rule.example, rule.next) != expected;
        }
        if !needed {
            wrong.push(format!("{:?} is not needed", rule.example));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a line begins with, its indentation, and whether it has a place, rules out no shape that the line has.
#[test]
fn a_class_rules_out_only_what_does_not_match() {
    let table = Table::new(&Preset::ALL);
    let after = |mode| move |rule: &&Rule| rule.after.contains(&mode);
    for mode in Mode::ALL {
        for example in examples() {
            let body = example.line.trim_ascii_start();
            let variants = body.char_indices().take(3).flat_map(|(at, _)| ["", " ", "\t"].map(|indent| (indent, at)));
            for (indent, at) in variants {
                let line = format!("{indent}{}", &body[at..]);
                let mut buffer = None;
                let text = look_at(line.as_bytes(), &mut buffer);
                let candidates = table.candidates(mode, Class::new(&text), NextClass::Unknown);
                let heads = HEADS.iter().filter(|head| head.line.matches(&text)).count();
                let rules = RULES.iter().filter(after(mode)).filter(|rule| rule.line.matches(&text)).count();
                assert_eq!(candidates.heads().filter(|head| head.line.matches(&text)).count(), heads, "{line:?}");
                assert_eq!(candidates.rules().filter(|rule| rule.line.matches(&text)).count(), rules, "{line:?}");
            }
        }
    }
}

/// A word needs its neighbour: none of these lines joins the plain line before it.
#[test]
fn an_example_alone_joins_nothing() {
    let grammar = super::auto();
    let joins_text = |line: &str| {
        let mut of_text = RULES.iter().filter(|rule| rule.after.contains(&Mode::Text));
        of_text.any(|rule| rule.line.matches(&look_at(line.as_bytes(), &mut None)))
    };
    for rule in RULES.iter().filter(|rule| !joins_text(rule.example)) {
        let text = format!("a plain line\n{}\nanother plain line", rule.example);
        assert_eq!(starts_of(&grammar, &text)[..2], [true, true], "{:?}", rule.example);
    }
}
