//! A name and its value with only blanks between, behind a command that sets it: `setenv DB_PASSWORD …`, `git config user.password …`.
//!
//! In: a name and where the word behind it begins. Out: the value.

use std::ops::Range;

use super::add;
use super::named::{Name, before_quote};
use super::place::{behind, behind_blanks, ends_with};
use super::prose::{is_state, is_word};
use super::structure::string;

/// Options may stand between the command and the name, so many.
const OPTIONS_MAX: usize = 3;
/// A word of a command is no longer.
const WORD_BYTES_MAX: usize = 64;

/// Commands that are followed by a name and its value and by nothing else.
const SETS: [&[u8]; 5] = [b"setx", b"setenv", b"putenv", b"fastcgi_param", b"#define"];

/// What sets a value of what stands before it: `config set`, `kv put`.
const VERBS: [&[u8]; 8] = [b"set", b"put", b"add", b"create", b"update", b"config", b"setsecret", b"write"];

/// What holds values by their names, or a program that does.
const STORES: [&[u8]; 19] = [
    b"config",
    b"secret",
    b"secrets",
    b"user-secrets",
    b"kv",
    b"env",
    b"variable",
    b"variables",
    b"params",
    b"parameter",
    b"etcdctl",
    b"git",
    b"npm",
    b"yarn",
    b"pnpm",
    b"composer",
    b"poetry",
    b"conda",
    b"crudini",
];

/// Settings of files that have no sign: those of LDAP's clients and servers, and of Kickstart.
const LINES: [&[u8]; 6] = [b"bindpw", b"rootpw", b"rootbindpw", b"pre-shared-key", b"wpa-psk", b"auth_pass"];

/// What goes on with a sentence.
const SENTENCE: [&[u8]; 15] = [
    b"for", b"from", b"with", b"without", b"in", b"on", b"of", b"at", b"as", b"by", b"into", b"when", b"if", b"before",
    b"after",
];

/// Masks the value at `at`, which is behind the blanks.
pub(super) fn setting(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b":/");
    if text.get(start) == Some(&b'-') {
        return;
    }
    let start = before_quote(&text[..start]).len();
    let (found, is_quoted) = match string(text, at) {
        Some((inside, true)) => (inside, true),
        _ => (at..behind(text, at, |byte| !byte.is_ascii_whitespace() && !b"\"'`<>(){}[]".contains(&byte)), false),
    };
    let value = &text[found.clone()];
    let goes_on = |word: &[&[u8]]| word.iter().any(|known| value.eq_ignore_ascii_case(known));
    let is_prose = is_word(value) || is_state(value) || goes_on(&SENTENCE) || value.ends_with(b":");
    let is_value = is_quoted || !is_prose && !value.starts_with(b"-") && !value.starts_with(b"=");
    if is_value && (is_set(name, start, value) || is_line(name, start, &found)) {
        add(found, mask);
    }
}

/// `config set --secret dbPassword …`, where the option that is called `name` begins at `start` and has no value of its own, and the
/// name of a setting is at `at`; whether it is one.
pub(super) fn set_as_flag(name: &Name<'_>, start: usize, at: usize, mask: &mut dyn FnMut(Range<usize>)) -> bool {
    let text = name.text;
    let sets = &text[start..name.end] == b"--secret" && word_before(&text[..start]).0 == b"set";
    if sets {
        let in_word = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'');
        let value = behind_blanks(text, behind(text, at, in_word));
        add(string(text, value).map_or(value..behind(text, value, in_word), |(inside, _)| inside), mask);
    }
    sets
}

/// Whether the words before a name say that its value follows.
fn is_set(name: &Name<'_>, start: usize, value: &[u8]) -> bool {
    let (mut word, mut before) = word_before(&name.text[..start]);
    let mut options = 0;
    while word.starts_with(b"-") && options < OPTIONS_MAX {
        (word, before) = word_before(before);
        options += 1;
    }
    // `config:set` is one word.
    let (store, word) =
        word.iter().rposition(|byte| *byte == b':').map_or((None, word), |at| (Some(&word[..at]), &word[at + 1..]));
    let is = |words: &[&[u8]], word: &[u8]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&SETS, word) || word == b"ENV" {
        return true;
    }
    if !is(&VERBS, word) {
        return false;
    }
    let (holder, _) = word_before(before);
    options > 0 || store.is_some() || is(&STORES, holder) || is_made(value)
}

/// The last word of a text, and what stands before it.
fn word_before(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_end();
    let length = text.iter().rev().take(WORD_BYTES_MAX).take_while(|byte| !byte.is_ascii_whitespace()).count();
    let (before, word) = text.split_at(text.len() - length);
    let around = |byte: &&u8| b"\"'`$>([".contains(*byte);
    let word = &word[word.iter().take_while(around).count()..];
    (&word[..word.len() - word.iter().rev().take_while(around).count()], before)
}

/// Whether no word of a sentence is written so.
fn is_made(value: &[u8]) -> bool {
    value.len() >= 6 && value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a line of a configuration has the name and one word behind it.
fn is_line(name: &Name<'_>, start: usize, value: &Range<usize>) -> bool {
    let text = name.text;
    let whole = &text[start..name.end];
    let next = text.get(behind_blanks(text, value.end));
    let ends = next.is_none_or(|byte| matches!(byte, b'"' | b'\\' | b'#' | b'\r' | b'\n'));
    // What stands alone in its line with a value that no sentence has is one of a file or a table.
    let is_alone = text[..start].trim_ascii_start().is_empty() && is_made(&text[value.clone()]);
    ends && (is_alone || LINES.iter().any(|line| ends_with(whole, line) && whole.len() == line.len()))
}
