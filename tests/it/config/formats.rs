//! Formats, patterns and columns in the configuration.

use event::Framing;
use logskiff::config::variables::{Kind, VARIABLES};
use logskiff::pipeline::frame::multiline::Config as Multiline;
use logskiff::pipeline::parse::{Format, Preset};

use super::{check_wrong, read};

const PARSE: &str = "LOGSKIFF_PARSE";
const PATTERN: &str = "LOGSKIFF_PARSE_PATTERN";
const COLUMNS: &str = "LOGSKIFF_PARSE_COLUMNS";

#[test]
fn a_list_is_tried_in_its_order() {
    let config = read(&[(PARSE, "json, nginx ,auto")]).unwrap();
    let nginx = Format::Preset(Preset::from_name("nginx").unwrap());
    assert_eq!(config.inputs[0].parse.formats, [Format::Json, nginx, Format::Auto]);
    assert_eq!(read(&[]).unwrap().inputs[0].parse.formats, [Format::Auto]);
}

#[test]
fn every_preset_is_a_word_of_the_configuration() {
    let parse = VARIABLES.iter().find(|variable| variable.name == PARSE).unwrap();
    let Kind::Choices(words) = parse.kind else { panic!("{PARSE} takes no words") };
    for preset in Preset::all() {
        assert!(words.contains(&preset.name()), "{} is not documented", preset.name());
        let config = read(&[(PARSE, preset.name())]).unwrap();
        assert_eq!(config.inputs[0].parse.formats, [Format::Preset(preset)]);
    }
}

#[test]
fn a_preset_brings_its_grouping_unless_one_is_set() {
    let grouping = |variables: &[_]| read(variables).unwrap().inputs.remove(0).grouping.multiline;
    assert!(matches!(grouping(&[(PARSE, "postgres")]), Multiline::ContinueUnless(..)));
    assert!(matches!(grouping(&[(PARSE, "json,mysql_slow")]), Multiline::Heads(..)));
    assert_eq!(grouping(&[(PARSE, "csv"), (COLUMNS, "a,b")]), Multiline::Quotes);
    assert_eq!(grouping(&[(PARSE, "postgres"), ("LOGSKIFF_MULTILINE", "auto")]), Multiline::Auto);
    assert_eq!(grouping(&[(PARSE, "nginx")]), Multiline::Auto);
}

/// Goal: a missing pattern is one mistake.
#[test]
fn patterns_are_needed_by_their_methods() {
    for method in ["start", "continue"] {
        let variables = [("LOGSKIFF_MULTILINE", method)];
        check_wrong(&variables, "LOGSKIFF_MULTILINE_PATTERN", "start and continue need it");
    }
}

#[test]
fn cri_is_a_framing() {
    let framing = |variables: &[_]| read(variables).unwrap().inputs.remove(0).framing;
    assert_eq!(framing(&[(PARSE, "cri")]), Some(Framing::Cri));
    assert_eq!(framing(&[(PARSE, "cri,json")]), Some(Framing::Cri));
    assert_eq!(framing(&[(PARSE, "cri"), ("LOGSKIFF_FRAMING", "lines")]), Some(Framing::Lines));
    assert_eq!(framing(&[(PARSE, "json")]), None);
    assert_eq!(read(&[(PARSE, "cri")]).unwrap().inputs[0].parse.formats, [Format::Auto]);
}

#[test]
fn wrong_lists_are_reported() {
    check_wrong(&[(PARSE, "ngnix")], PARSE, "\"ngnix\" is no format; did you mean nginx?");
    check_wrong(&[(PARSE, "json,postgress")], PARSE, "\"postgress\" is no format; did you mean postgres?");
    check_wrong(&[(PARSE, "auto,json")], PARSE, "\"auto\" reads every line, so that it has to be the last");
    check_wrong(&[(PARSE, "none,json")], PARSE, "\"none\" stands alone");
    check_wrong(&[(PARSE, "json,json")], PARSE, "\"json\" is there twice");
    check_wrong(&[(PARSE, "regex,grok"), (PATTERN, "%{WORD:a}")], PARSE, "\"regex\" and \"grok\" share the variable");
}

#[test]
fn wrong_grok_patterns_are_reported() {
    let wrong = |pattern: &str, reason: &str| check_wrong(&[(PARSE, "grok"), (PATTERN, pattern)], PATTERN, reason);
    wrong("%{NUMBR:x}", "pattern 1 refers to %{NUMBR}, which is unknown; did you mean %{NUMBER}?");
    wrong("%{WORD:a}\n%{QQQQQQ:x}", "pattern 2 refers to %{QQQQQQ}, which is unknown");
    wrong("%{WORD:x:date}", "unknown type \"date\"");
    wrong("%{WORD:a b}", "\"a b\" is no name of a field");
    wrong("%{WORD}", "has no named capture such as");
    wrong("%{WORD:a}(?=x)", "look-around");
    check_wrong(&[(PARSE, "grok")], PATTERN, "at least one pattern");
    check_wrong(&[(PATTERN, "%{WORD:a}")], PATTERN, "patterns need LOGSKIFF_PARSE=regex or grok, which is not set");
}

#[test]
fn wrong_columns_are_reported() {
    let csv = (PARSE, "csv");
    check_wrong(&[csv], COLUMNS, "the format csv needs the names of at least two columns");
    check_wrong(&[csv, (COLUMNS, "time")], COLUMNS, "at least two columns");
    check_wrong(&[csv, (COLUMNS, "time,level,time")], COLUMNS, "\"time\" is there twice");
    check_wrong(&[(COLUMNS, "time,level")], COLUMNS, "columns need LOGSKIFF_PARSE=csv, which is not set");
}
