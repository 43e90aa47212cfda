//! A name and its value with only blanks between, after a command that sets it: `setenv DB_PASSWORD …`, `git config
//! user.password …`.
//!
//! Input: a name and the position where the next word begins. Output: the value.

use std::ops::Range;

use super::add;
use super::named::{Name, before_quote};
use super::place::{after_blanks, ends_with, skip_while};
use super::prose::{is_state, is_word};
use super::structure::string;

/// Maximum number of options between the command and the name.
const OPTIONS_MAX: usize = 3;
/// Maximum length of a word of a command.
const WORD_BYTES_MAX: usize = 64;

/// Commands that are followed by a name and its value only.
const SETS: [&[u8]; 5] = [b"setx", b"setenv", b"putenv", b"fastcgi_param", b"#define"];

/// Verbs that set a value in the store before them: `config set`, `kv put`.
const VERBS: [&[u8]; 8] = [b"set", b"put", b"add", b"create", b"update", b"config", b"setsecret", b"write"];

/// Stores of named values, and their programs.
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

/// Settings of files without an operator: those of LDAP clients and servers, and of Kickstart.
const LINES: [&[u8]; 6] = [b"bindpw", b"rootpw", b"rootbindpw", b"pre-shared-key", b"wpa-psk", b"auth_pass"];

/// Words that continue a sentence.
const SENTENCE: [&[u8]; 15] = [
    b"for", b"from", b"with", b"without", b"in", b"on", b"of", b"at", b"as", b"by", b"into", b"when", b"if", b"before",
    b"after",
];

/// Masks the value at `at`, which is after the blanks.
pub(super) fn setting(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b":/");
    if text.get(start) == Some(&b'-') {
        return;
    }
    let start = before_quote(&text[..start]).len();
    let (found, is_quoted) = match string(text, at) {
        Some((inside, true)) => (inside, true),
        _ => (at..skip_while(text, at, |byte| !byte.is_ascii_whitespace() && !b"\"'`<>(){}[]".contains(&byte)), false),
    };
    let value = &text[found.clone()];
    let goes_on = |word: &[&[u8]]| word.iter().any(|known| value.eq_ignore_ascii_case(known));
    let is_prose = is_word(value) || is_state(value) || goes_on(&SENTENCE) || value.ends_with(b":");
    let is_value = is_quoted || !is_prose && !value.starts_with(b"-") && !value.starts_with(b"=");
    if is_value && (is_set(name, start, value) || is_line(name, start, &found)) {
        add(found, mask);
    }
}

/// `config set --secret dbPassword …`: the option `name` begins at `start` and has no value itself; the name of a
/// setting is at `at`. Returns whether it is one.
pub(super) fn set_as_flag(name: &Name<'_>, start: usize, at: usize, mask: &mut dyn FnMut(Range<usize>)) -> bool {
    let text = name.text;
    let sets = &text[start..name.end] == b"--secret" && word_before(&text[..start]).0 == b"set";
    if sets {
        let in_word = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'');
        let value = after_blanks(text, skip_while(text, at, in_word));
        add(string(text, value).map_or(value..skip_while(text, value, in_word), |(inside, _)| inside), mask);
    }
    sets
}

/// Whether the words before a name announce its value.
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
    options > 0 || store.is_some() || is(&STORES, holder) || looks_generated(value)
}

/// The last word of a text, and the text before it.
fn word_before(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_end();
    let length = text.iter().rev().take(WORD_BYTES_MAX).take_while(|byte| !byte.is_ascii_whitespace()).count();
    let (before, word) = text.split_at(text.len() - length);
    let around = |byte: &&u8| b"\"'`$>([".contains(*byte);
    let word = &word[word.iter().take_while(around).count()..];
    (&word[..word.len() - word.iter().rev().take_while(around).count()], before)
}

/// Whether the value looks generated: no word of a sentence is written like it.
fn looks_generated(value: &[u8]) -> bool {
    value.len() >= 6 && value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a line of a configuration has the name and one word after it.
fn is_line(name: &Name<'_>, start: usize, value: &Range<usize>) -> bool {
    let text = name.text;
    let whole = &text[start..name.end];
    let next = text.get(after_blanks(text, value.end));
    let ends = next.is_none_or(|byte| matches!(byte, b'"' | b'\\' | b'#' | b'\r' | b'\n'));
    // A name alone in its line with a value that is no word of a sentence belongs to a file or a table.
    let is_alone = text[..start].trim_ascii_start().is_empty() && looks_generated(&text[value.clone()]);
    ends && (is_alone || LINES.iter().any(|line| ends_with(whole, line) && whole.len() == line.len()))
}
