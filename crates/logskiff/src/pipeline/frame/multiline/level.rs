//! Levels: words that tell how severe an event is.

use super::text::Text;

/// Words for levels that tell of no failure, in lower case.
const LOW: [u64; 17] = packed([
    "info", "debug", "trace", "notice", "config", "fine", "finer", "finest", "trce", "dbug", "debu", "trac", "inf",
    "dbg", "trc", "vrb", "verbose",
]);
/// Words for levels that tell of a failure, in lower case.
const HIGH: [u64; 16] = packed([
    "error", "warn", "warning", "fatal", "critical", "severe", "fail", "crit", "err", "erro", "fata", "pani", "wrn",
    "ftl", "alert", "emerg",
]);

const fn packed<const N: usize>(words: [&str; N]) -> [u64; N] {
    let (mut all, mut at) = ([0; N], 0);
    while at < N {
        all[at] = pack(words[at].as_bytes());
        at += 1;
    }
    all
}

/// A word of at most eight letters as a number, in lower case.
const fn pack(word: &[u8]) -> u64 {
    let (mut number, mut at) = (0, 0);
    while at < word.len() {
        number = number << 8 | (word[at] | 0x20) as u64;
        at += 1;
    }
    number
}

/// Whether the word is a level, and one of a failure.
pub(super) fn level(word: &[u8]) -> Option<bool> {
    if !(3..=8).contains(&word.len()) {
        return None;
    }
    let word = pack(word);
    if HIGH.contains(&word) {
        return Some(true);
    }
    LOW.contains(&word).then_some(false)
}

/// Levels that are words as well, unless they are in upper case.
pub(super) fn is_word(word: &[u8]) -> bool {
    [&b"config"[..], b"fine", b"finer", b"finest", b"severe"].contains(&word)
}

/// What the head and the words after it tell of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Unknown,
    Low,
    High,
}

/// The severity that a headed line names: by its first word that is a level, else by words for failures.
pub(super) fn severity(text: &Text<'_>) -> Severity {
    let start = text.start();
    if ["panic", "recover"].iter().any(|word| text.has(word)) {
        return Severity::High;
    }
    let words = start.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    for word in words.take(12) {
        let cased = word.iter().all(u8::is_ascii_uppercase) || word.iter().all(u8::is_ascii_lowercase);
        if let Some(fails) = level(word).filter(|_| cased) {
            return if fails { Severity::High } else { Severity::Low };
        }
    }
    if let Some(severity) = severity_letter(start) {
        return severity;
    }
    let fails = |word: &str| text.has(word);
    let words = ["fail", "Fail", "rror", "xception", "panic", "abort", "crash", "not be "];
    if words.iter().any(|word| fails(word)) { Severity::High } else { Severity::Unknown }
}

/// `E1129 09:00:00.000000` of klog, `E 09:00:00` of others.
fn severity_letter(start: &[u8]) -> Option<Severity> {
    let after = start.get(1).filter(|byte| byte.is_ascii_digit() || **byte == b' ' || **byte == b',');
    after.and(match start[0] {
        b'I' | b'D' | b'V' | b'T' => Some(Severity::Low),
        b'W' | b'E' | b'F' | b'C' => Some(Severity::High),
        _ => None,
    })
}
