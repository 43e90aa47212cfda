//! Tests of the grammar's parts. The corpora are in `tests/it/multiline`.

mod heads;
mod learning;
mod lines;
mod patterns;
mod tables;

use super::*;

fn auto() -> Grammar {
    Grammar::new(&Config::Auto).unwrap()
}

/// For each line of a text, whether it begins a record (`true`). Blank lines only count.
fn starts_of(grammar: &Grammar, text: &str) -> Vec<bool> {
    verdicts_of(grammar, text).into_iter().map(|verdict| verdict == Verdict::Start).collect()
}

fn verdicts_of(grammar: &Grammar, text: &str) -> Vec<Verdict> {
    let mut state = State::default();
    verdicts_after(grammar, &mut state, text)
}

fn verdicts_after(grammar: &Grammar, state: &mut State, text: &str) -> Vec<Verdict> {
    let lines: Vec<&str> = text.split('\n').collect();
    let (mut verdicts, mut blank_lines) = (Vec::new(), 0);
    for (at, line) in lines.iter().enumerate() {
        if line.trim_ascii().is_empty() {
            blank_lines += 1;
            continue;
        }
        let next = lines[at + 1..].iter().find(|line| !line.trim_ascii().is_empty());
        let next = next.map_or(Next::End, |line| Next::Line(line.as_bytes()));
        verdicts.push(grammar.step(state, line.as_bytes(), blank_lines, next));
        blank_lines = 0;
    }
    verdicts
}

/// Checks a text whose records are marked: `> ` begins a record, `| ` joins it.
#[track_caller]
fn check(marked: &str) {
    check_with(&auto(), marked);
}

#[track_caller]
fn check_with(grammar: &Grammar, marked: &str) {
    let marked: Vec<&str> = marked.trim_matches('\n').split('\n').collect();
    let text: Vec<&str> = marked.iter().map(|line| line.get(2..).unwrap_or("")).collect();
    let expected = marked.iter().filter(|line| line.len() > 2).map(|line| line.starts_with("> "));
    let got = starts_of(grammar, &text.join("\n"));
    let shown = marked.iter().filter(|line| line.len() > 2).zip(&got);
    let shown: Vec<_> =
        shown.map(|(line, start)| format!("{} {line}", if *start { "starts" } else { "joins " })).collect();
    assert_eq!(expected.collect::<Vec<_>>(), got, "\n{}", shown.join("\n"));
}
