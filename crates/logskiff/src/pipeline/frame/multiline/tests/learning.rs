use super::*;

/// A state after the lines of a text.
fn learned(text: &str) -> State {
    let mut state = State::default();
    verdicts_after(&auto(), &mut state, text);
    state
}

#[test]
fn learning_ends() {
    let lines: Vec<String> = (0..200).map(|line| format!("2026-11-29 23:24:{:02} INFO a", line % 60)).collect();
    assert_eq!(learned(&lines[..100].join("\n")).closed(), learned(&lines.join("\n")).closed());
}

#[test]
fn heads_of_many_shapes_do_not_change_the_state_for_ever() {
    let grammar = auto();
    let (mut state, mut changes) = (State::default(), 0);
    for line in 0..10_000_usize {
        let stamp = format!("{}2026-11-29 23:24:42 a", "#".repeat(line * 7 % 20));
        let before = state.closed();
        assert_eq!(grammar.step(&mut state, stamp.as_bytes(), 0, Next::End), Verdict::Start);
        changes += usize::from(before != state.closed());
    }
    assert!(changes < 60, "{changes}");
}

#[test]
fn a_weak_head_is_one_after_it_was_seen_often() {
    let lines: Vec<String> = (0..20).map(|line| format!("> [{line}] text number {line}")).collect();
    check(&format!("{}\n> [99] reply:\n| no order\n> [98] text", lines.join("\n")));
    check("> [99] reply:\n> no order");
}

#[test]
fn a_file_of_prints_with_some_levels_is_no_log() {
    let prints: Vec<String> = (0..20).map(|line| format!("> print number {line} of a build that runs")).collect();
    let prints = prints.join("\n");
    check(&format!("{prints}\n> WARNING: careful\n{prints}\n> WARNING: careful\n{prints}"));
}

#[test]
fn another_logger_begins_to_write() {
    let lines =
        |date: &str| (0..30).map(|line| format!("> {date} 23:24:{line:02} INFO a")).collect::<Vec<_>>().join("\n");
    check(&format!("{}\n{}", lines("2026-11-29"), lines("29/11/26")));
}

#[test]
fn a_quoted_stamp_of_another_shape_is_text() {
    check(
        "> 2026-11-29 23:24:41 INFO upstream wrote:\n| 11/29/26 23:24:42 E refused\n| 11/29/26 23:24:43 I retry\n> 2026-11-29 23:24:43 INFO b",
    );
    check("> 2026-11-29 23:24:41 INFO a\n> 11/29/26 23:24:42 E refused");
}

#[test]
fn a_text_of_another_version_is_no_state() {
    let state = learned("2026-11-29 23:24:42 a:\nb");
    assert_eq!(State::default().to_text(), "");
    assert_eq!(State::from_text(""), Some(State::default()));
    assert_eq!(State::from_text(&state.to_text()), Some(state));
    assert_eq!(State::from_text(&state.closed().to_text()), Some(state.closed()));
    for text in ["0:1", "1", "1:0.0", &format!("{}:1", state.to_text()), &state.to_text().replacen('1', "2", 1)] {
        assert_eq!(State::from_text(text), None, "{text:?}");
    }
}

#[test]
fn lines_below_a_colon_belong_to_the_first_record_too() {
    check("> INFO env:\n|   - name: DB_PASSWORD\n|     value: x\n> INFO next");
    check("> INFO env\n>   - name: DB_PASSWORD\n> INFO next");
    check("> a list:\n>   one\n>   two");
}

/// Goal: a configured word begins a record where a known level does.
#[test]
fn a_configured_level_begins_a_record() {
    let levels = ["audit".to_owned()];
    let grammar = Grammar::new(&Config::Auto).unwrap().with_levels(&levels);
    for after in ["AUDIT b", "AUDIT: b", "[AUDIT] b"] {
        let start: Vec<String> = (0..20).map(|line| format!("> INFO order {line}")).collect();
        let start = start.join("\n");
        check(&format!("{start}\n> INFO order:\n| {after}\n> INFO c"));
        check_with(&grammar, &format!("{start}\n> INFO order:\n> {after}\n> INFO c"));
    }
}
