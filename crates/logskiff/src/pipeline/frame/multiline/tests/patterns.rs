use super::*;

fn strings(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
}

#[test]
fn a_start_pattern_begins_a_record_and_all_else_joins() {
    let grammar = Grammar::new(&Config::Start(strings(&[r"^\d{4}-", "^BEGIN"]))).unwrap();
    check_with(
        &grammar,
        "
> text before the first start
| is one group
> 2026-11-29 a
| b

|   c
> BEGIN
| {\"a\":1}
",
    );
}

#[test]
fn a_continue_pattern_joins_and_all_else_begins() {
    let grammar = Grammar::new(&Config::Continue(strings(&[r"^\s"]))).unwrap();
    check_with(
        &grammar,
        "
>   nothing is before it
> a
|   b
> c
",
    );
}

#[test]
fn a_second_head_begins_a_record_unless_it_follows_the_first() {
    let grammar = Grammar::new(&Config::Heads("^# Time: ", "^# User: ")).unwrap();
    check_with(
        &grammar,
        "
> # Time: 1
| # User: a
| SELECT 1;
> # User: b
| SELECT 2;
> # Time: 2
| # User: c
",
    );
}

#[test]
fn an_open_quote_joins() {
    check_with(
        &Grammar::new(&Config::Quotes).unwrap(),
        "
> a,\"b
| c,d

| \"\"e\"\"\",f
> a,5\" disk
> a,\"b\"
> c
",
    );
}

#[test]
fn a_carriage_return_is_no_part_of_the_line() {
    let grammar = Grammar::new(&Config::Start(strings(&["end$"]))).unwrap();
    assert_eq!(starts_of(&grammar, "an end\r\nmore\r\nthe end\r"), [true, false, true]);
}

#[test]
fn a_pattern_that_cannot_be_used_is_named() {
    let errors = Grammar::new(&Config::Start(strings(&["(", "a*", "^a"]))).unwrap_err();
    assert!(matches!(&errors[..], [Error::Syntax { .. }, Error::Empty(_)]), "{errors:?}");
    assert_eq!(Grammar::new(&Config::Continue(Vec::new())).unwrap_err(), [Error::NoPattern]);
    assert_eq!(Grammar::new(&Config::Presets(Vec::new())).unwrap_err(), [Error::NoPreset]);
}

#[test]
fn off_joins_nothing() {
    let grammar = Grammar::new(&Config::Off).unwrap();
    assert!(grammar.is_off() && !auto().is_off());
    assert_eq!(starts_of(&grammar, "java.lang.Error\n\tat a.B.c(B.java:3)"), [true, true]);
    let mut state = State::default();
    let _ = grammar.step(&mut state, b"a", 0, Next::Unknown);
    assert!(state.is_complete());
}

#[test]
fn a_preset_has_the_grammar_of_its_runtime_only() {
    let go = Grammar::new(&Config::Presets(vec![Preset::Go])).unwrap();
    let panic = "panic: text\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/app/main.go:17 +0x25";
    assert_eq!(starts_of(&go, panic), [true, false, false, false]);
    let trace = "java.lang.Error\n\tat a.B.c(B.java:3)";
    assert_eq!(starts_of(&go, trace), [true, true]);
    // Node.js and Java print frames that look alike.
    let node = Grammar::new(&Config::Presets(vec![Preset::Node])).unwrap();
    assert_eq!(starts_of(&node, trace), [true, false]);
    assert_eq!(starts_of(&node, panic), [true, true, true, true]);
}

#[test]
fn names_of_presets_are_read_back() {
    for preset in Preset::ALL {
        assert_eq!(Preset::from_name(preset.name()), Some(preset));
    }
    assert_eq!(Preset::from_name("Java"), None);
}
