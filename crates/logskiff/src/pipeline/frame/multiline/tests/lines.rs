use super::*;

#[test]
fn what_always_begins_a_record() {
    for line in [
        "{\"a\":1}",
        "{ \"a\": {\"b\": []} }\r",
        "{}",
        "2026-11-29 23:24:43 next",
        "ERROR text",
        "<13>text",
        "192.0.2.7 - - [29/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
        "Exception in thread \"main\" java.lang.Error",
        "thread 'main' panicked at src/main.rs:3:7:",
    ] {
        let text = format!("2026-11-29 23:24:42 upstream wrote:\n{line}");
        assert_eq!(starts_of(&auto(), &text), [true, true], "{line:?}");
    }
}

#[test]
fn what_is_whole_leaves_at_once() {
    let grammar = auto();
    let complete = |line: &str| {
        let mut state = State::default();
        let _ = grammar.step(&mut state, line.as_bytes(), 0, Next::Unknown);
        state.is_complete()
    };
    assert!(complete("{\"a\":1}"));
    assert!(complete("192.0.2.7 - - [29/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1"));
    assert!(!complete("{\"a\":1"));
    assert!(!complete("2026-11-29 23:24:42 text"));
    check("> {\"a\":1}\n> \tat a.B.c(B.java:3)");
}

#[test]
fn an_object_over_several_lines_ends_at_its_bracket() {
    check("> {\n|   \"note\": \"brace } in text\",\n|   \"items\": [\n|     \"{\"\n|   ]\n| }\n> next");
    check("> 2026-11-29 23:24:42 body: {\n|   \"a\": 1\n| }\n> {\n|   \"b\": 2\n| }");
    check("> order: array (\n|   'id' => 17,\n|   0 => '(',\n| )\n>   indented");
    check("> {\n> \tno, it is not\n".replace('\t', "").as_str());
    let mut state = State::default();
    verdicts_after(&auto(), &mut state, "{\n  \"a\": [");
    assert!(state.is_unfinished() && !state.is_complete());
    verdicts_after(&auto(), &mut state, "  ]\n}");
    assert!(state.is_complete() && !state.is_unfinished());
}

#[test]
fn a_line_without_a_head_joins_if_the_one_before_calls_for_it() {
    check("> 2026-11-29 23:24:42 statement:\n| SELECT 1\n| FROM a\n> 2026-11-29 23:24:43 next");
    check("> 2026-11-29 23:24:42 open() \"/a\n| b\" failed\n> 2026-11-29 23:24:43 next");
    check("> # Time: 2026-11-29T23:24:42.123456Z\n| # User@Host: shop");
    check("> 2026-11-29 23:24:42 text\r\n> step 1");
}

#[test]
fn a_line_below_a_failure_joins_unless_it_looks_like_a_print() {
    let before = "> 2026-11-29 23:24:41 INFO a\n> 2026-11-29 23:24:42 ERROR b failed\n";
    check(&format!("{before}| the upstream did not answer in time"));
    check(&format!("{before}> step 2"));
    check(&format!("{before}> total = 17 of 20"));
    check("> 2026-11-29 23:24:41 INFO a\n> 2026-11-29 23:24:42 INFO b\n> the upstream did not answer in time");
}

#[test]
fn blank_lines_decide_nothing() {
    check("> 2026-11-29 23:24:42 a\n\n> 2026-11-29 23:24:43 b");
    check(
        "> 2026-11-29 23:24:42 A notice.\n\n| The second paragraph of the notice.\n\n\n| Another one.\n> 2026-11-29 23:24:43 b",
    );
    check("> a print\n\n> The second print of the file.");
}

#[test]
fn an_indented_line_below_a_head_joins() {
    check("> 2026-11-29 23:24:42 a\n| \tb\n> c\n> 2026-11-29 23:24:43 next");
    check("> [23:24:42.123] INFO (1): a\n|     order: 17\n> [23:24:43.123] INFO (1): b\n|     order: 17");
    check("> info: Cat[0]\n|       text\n> info: Cat[0]\n|       text");
    check(
        ">   2026-11-29T23:55:04Z  INFO a: b\n|     at src/main.rs:68\n|     in order\n\n>   2026-11-29T23:55:04Z  INFO a: b",
    );
    // The file's lines are all indented, or have no head.
    check(">   a\n>   b\n>     c");
    check("> a\n>   b\n> \tc");
}

#[test]
fn a_cause_without_frames_has_the_name_of_an_exception() {
    check("> org.example.ShopException: no stock\n| Caused by: java.io.IOException: gone");
    check("> org.example.ShopException: no stock\n> Caused by: 444 rows without a key");
    check("> org.example.ShopException: no stock\n> Caused by: nobody");
}

/// `PostgreSQL` puts a tab before what continues a statement.
#[test]
fn a_stamp_behind_a_tab_joins_where_lines_go_on() {
    let head = "2026-11-29 23:24:42.123 UTC [17] LOG:  ";
    let long = format!("> {head}statement: SELECT 1,\n| \t2");
    check(&format!("{long}\n> {head}statement: SELECT 'two\n| \t{head}looks like a head'\n> {head}ready"));
    check(&format!("> {head}ready\n> \t{head}ready\n> {head}ready"));
}

/// `ps` aligns numbers to the right.
#[test]
fn a_row_of_a_table_joins_no_other_row() {
    let rows = ["    PID TTY          TIME CMD", "  18006 ?        09:00:06 nginx", "    679 tty1     09:00:07 java"];
    let rows = rows.map(|row| format!("> {row}")).join("\n");
    check(&rows);
    check(&format!("{rows}\n> 32570 ?        00:00:00 kworker\n{rows}"));
    let long = ">   18006 pts/0    09:00:06 nginx\n".repeat(4);
    check(&format!("{long}>     679 tty1     09:00:07 java"));
}

#[test]
fn prints_between_heads_stay_alone() {
    let group = |line| format!("> 2026-11-29 23:24:{line:02} INFO accepted\n> step {line}\n>   a -> b");
    let text = (0..40).map(group).collect::<Vec<_>>().join("\n");
    check(&text);
}

#[test]
fn a_trace_joins_the_line_of_a_logger_only_if_that_tells_of_a_failure() {
    let trace = "Traceback (most recent call last):\n|   File \"a.py\", line 3, in f\n|     f()\n| KeyError: 'a'";
    check(&format!("> ERROR:shop:order 17\n| {trace}"));
    check(&format!("> INFO:shop:order 17\n> {trace}"));
    check(&format!("> INFO:shop:order 17 failed:\n| {trace}"));
    check(&format!("> 2026-11-29 23:24:42 worker starts\n> {trace}"));
    check(&format!("> 2026-11-29 23:24:42 worker failed\n| {trace}"));
    let trace = "org.example.ShopException: text\n| \tat a.B.c(B.java:3)";
    check(&format!("> 2026-11-29 23:24:42 ERROR a\n\n| {trace}\n\n> 2026-11-29 23:24:43 INFO b"));
    check(&format!("> 2026-11-29 23:24:42 INFO a\n> {trace}"));
    check(&format!("> accepted\n> {trace}\n> {trace}\n> accepted"));
}

#[test]
fn java_util_logging_has_two_lines() {
    check(
        "> Nov 29, 2026 11:33:40 PM org.example.Shop accept\n| INFO: a\n> Nov 29, 2026 11:33:41 PM org.example.Shop accept\n| SEVERE: b\n| java.lang.Error: c\n| \tat a.B.c(B.java:3)",
    );
    check("> Nov 29, 2026 11:33:40 PM order 17 was accepted\n> INFO: a");
}

#[test]
fn a_trace_that_waits_is_unfinished() {
    let unfinished = |text: &str| {
        let mut state = State::default();
        verdicts_after(&auto(), &mut state, text);
        state.is_unfinished()
    };
    assert!(unfinished("Traceback (most recent call last):\n  File \"a.py\", line 3, in f"));
    assert!(!unfinished("Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nKeyError: 'a'"));
    assert!(unfinished("/srv/app/shop.js:3\n  throw text;\n  ^"));
    assert!(!unfinished("java.lang.Error\n\tat a.B.c(B.java:3)"));
    assert!(!unfinished("2026-11-29 23:24:42 text:"));
}

#[test]
fn the_next_line_is_asked_for_only_where_it_decides() {
    let grammar = auto();
    let mut state = State::default();
    assert_eq!(grammar.step(&mut state, b"2026-11-29 23:24:42 INFO a", 0, Next::Unknown), Verdict::Start);
    let before = state;
    assert_eq!(grammar.step(&mut state, b"  a -> b", 0, Next::Unknown), Verdict::NeedsNext);
    assert_eq!(state, before);
    assert_eq!(grammar.step(&mut state, b"panic: text", 0, Next::Unknown), Verdict::NeedsNext);
    assert_eq!(grammar.step(&mut state, b"2026-11-29 23:24:43 INFO b", 0, Next::Unknown), Verdict::Start);
}

#[test]
fn a_line_of_any_size_is_looked_at_once() {
    let grammar = auto();
    let long = |unit: &str| unit.repeat((1 << 20) / unit.len());
    for unit in ["a", " ", "\"", "[", "{\"a", "\x1b[", "0", "at (", "(: ", "Error: "] {
        let line = long(unit);
        let mut state = State::default();
        let started = std::time::Instant::now();
        for before in ["2026-11-29 23:24:42 ERROR a:", "{", "Traceback (most recent call last):"] {
            let _ = grammar.step(&mut state, before.as_bytes(), 0, Next::Line(line.as_bytes()));
            let _ = grammar.step(&mut state, line.as_bytes(), 0, Next::Line(line.as_bytes()));
        }
        // Some milliseconds each; quadratic work would take minutes.
        assert!(started.elapsed().as_secs() < 5, "{unit:?}");
    }
}

/// Goal: plain lines behind the start of a banner are not of it.
#[test]
fn a_banner_takes_no_plain_lines() {
    check(
        "
>   .   ____          _            __ _ _
|  /\\\\ / ___'_ __ _ _(_)_ __  __ _ \\ \\ \\ \\
| ( ( )\\___ | '_ | '_| | '_ \\/ _` | \\ \\ \\ \\
|  :: Spring Boot ::                (v3.3.5)
> a line
>   .   ____          _            __ _ _
|  /\\\\ / ___'_ __ _ _(_)_ __  __ _ \\ \\ \\ \\
> a plain line
> and another
",
    );
}
