//! Records of several lines: what is masked in a line alone is masked in a record, and what reaches over a line's end is
//! masked as well.

use std::ops::Range;

use proptest::prelude::*;

use super::properties::example_lines;
use super::*;
use crate::lines::lines;

/// Custom rules that look at a line's start and end, and that have no trigger.
const RULES: [(&str, &str); 4] =
    [("start", "^ ?[a-z]{3}"), ("end", r"\d$"), ("all", "^[^=]*7[^=]*$"), ("text", r"\Alogin")];

/// All detectors, custom rules and fields.
static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| redactor(&["secrets", "pii"], &RULES, &["pin", "user.name"]));

/// The masked ranges of a record.
fn masked(redactor: &Redactor, record: &[u8], pem_state: &mut PemState) -> Vec<Range<usize>> {
    let mut hits = Hits::default();
    redactor.scan(record, &mut hits);
    let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
    let prefilter_hit = hits.touch(0, record.len());
    let redacted = redactor.redact(record, record.len(), &parsed, prefilter_hit, pem_state, &mut scratch);
    redacted.masked().map(|mask| mask.at.indices()).collect()
}

/// The masked bytes of a text whose line ends are record boundaries where `ends` says so, and the state after it.
fn masked_bytes(redactor: &Redactor, text: &[u8], ends: impl Fn(usize) -> bool) -> (Vec<bool>, PemState) {
    let mut is_masked = vec![false; text.len()];
    let mut pem_state = PemState::default();
    let mut start = 0;
    for (number, line) in lines(text).enumerate() {
        let newline = memchr::memchr(b'\n', &text[line.end..]).map(|length| line.end + length);
        if newline.is_some() && !ends(number) {
            continue;
        }
        for mask in masked(redactor, &text[start..line.end], &mut pem_state) {
            is_masked[start + mask.start..start + mask.end].fill(true);
        }
        start = newline.map_or(text.len(), |newline| newline + 1);
    }
    (is_masked, pem_state)
}

/// Checks that no byte that is masked line by line is left in records; returns whether more is masked.
#[track_caller]
fn assert_no_less(redactor: &Redactor, text: &[u8], ends: &[bool]) {
    let (alone, state_alone) = masked_bytes(redactor, text, |_| true);
    let (joined, state) = masked_bytes(redactor, text, |number| ends.get(number).copied().unwrap_or_default());
    for (at, (alone, joined)) in alone.iter().zip(&joined).enumerate() {
        assert!(!alone || *joined, "byte {at} is left in {:?}", String::from_utf8_lossy(text));
    }
    assert_eq!(state, state_alone, "{:?}", String::from_utf8_lossy(text));
    // A restart reads past the same lines.
    let mut resumed = PemState::default();
    resumed.resume(PemState::default(), text);
    assert_eq!(resumed, state, "resumed after {:?}", String::from_utf8_lossy(text));
}

/// A key as loggers write it, one line each, and lines around and within it.
fn lines_of_keys() -> impl Strategy<Value = Vec<String>> {
    const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    const LAST: &str = "qzMoSfm76oqFvAp8Gy0iz5sxjZ==";
    const COLOURED: &str = "MIIEvQIBADANBgkqhki\x1b[32mG9w0BAQEFAASCBKcw\x1b[0mggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let line = prop::sample::select(vec![
        "-----BEGIN RSA PRIVATE KEY-----",
        r"\u002d----BEGIN PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "Proc-Type: 4,ENCRYPTED",
        "Private-Lines: 14",
        "Private-MAC: 0a1b",
        BODY,
        BODY,
        LAST,
        COLOURED,
        "",
        "order 7 shipped",
        "password=hunter2",
        r#"{"m":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"}"#,
    ]);
    let form = prop::sample::select(vec![("", ""), ("  ", "\r"), ("INFO [main] k - ", ""), ("\x1b[36m", "\x1b[0m")]);
    (form, prop::collection::vec(line, 1..24))
        .prop_map(|((before, after), lines)| lines.iter().map(|line| format!("{before}{line}{after}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    /// Goal: whatever stands in a record, nothing is left that is masked if its lines are records.
    #[test]
    fn a_record_is_masked_where_its_lines_are(
        chosen in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..12),
        ends in prop::collection::vec(prop::bool::weighted(0.3), 12),
    ) {
        let examples = example_lines();
        let text: Vec<_> = chosen.iter().map(|(at, returns)| {
            examples[at.index(examples.len())].clone() + if *returns { "\r\n" } else { "\n" }
        }).collect();
        assert_no_less(&REDACTOR, text.concat().as_bytes(), &ends);
    }

    /// Goal: a key is masked alike however its lines are grouped, also where it begins in one record and ends in another.
    #[test]
    fn keys_are_masked_however_lines_are_grouped(
        lines in lines_of_keys(),
        ends in prop::collection::vec(any::<bool>(), 24),
    ) {
        assert_no_less(all_on(), lines.join("\n").as_bytes(), &ends);
    }

    #[test]
    fn records_of_any_bytes_are_accepted(
        text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(0), Just(0x1b), any::<u8>()], 0..120),
        ends in prop::collection::vec(any::<bool>(), 24),
    ) {
        assert_no_less(&REDACTOR, &text, &ends);
    }
}
