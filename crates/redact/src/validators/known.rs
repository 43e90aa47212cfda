//! Names that end like keywords but hold no secret, and values that their names show to be no secret: flags, token
//! kinds, files, directories.
//!
//! Input: a name and a value. Output: whether the value hides nothing.

use super::expression::is_variable;
use super::hidden::is_hidden_in_quotes;
use super::named::Name;
use super::place::{ends_with, starts_with};
use super::prose::{is_filler, is_state, is_word};
use super::sentence::is_sentence;

/// Names that end like keywords but hold no secret, without the separators of their words: .NET assemblies, parser
/// errors, pages, changes, split texts, locks, idempotent requests.
const NO_SECRETS: [&[u8]; 34] = [
    b"publickeytoken",
    b"unexpectedtoken",
    b"expectedtoken",
    b"readingatoken",
    b"neartoken",
    b"nexttoken",
    b"lasttoken",
    b"pagetoken",
    b"continuationtoken",
    b"synctoken",
    b"fencingtoken",
    b"idempotencytoken",
    b"eostoken",
    b"bostoken",
    b"padtoken",
    b"unktoken",
    b"septoken",
    b"clstoken",
    b"masktoken",
    b"stoptoken",
    b"specialtoken",
    b"starttoken",
    b"endtoken",
    b"imagetoken",
    b"offendingtoken",
    b"peektoken",
    b"previoustoken",
    b"resumetoken",
    b"paginationtoken",
    b"startingtoken",
    b"changetoken",
    b"deltatoken",
    b"clientrequesttoken",
    b"cancellationtoken",
];

/// Maximum length of such a name, with the separators of its words.
const NO_SECRET_BYTES_MAX: usize = 32;

/// Kinds of tokens, as lexers name them: `token=NUMBER`.
const KINDS: [&[u8]; 17] = [
    b"NUMBER",
    b"IDENT",
    b"IDENTIFIER",
    b"NAME",
    b"STRING",
    b"INTEGER",
    b"INT",
    b"FLOAT",
    b"EOF",
    b"END",
    b"KEYWORD",
    b"SYMBOL",
    b"OPERATOR",
    b"LITERAL",
    b"COMMENT",
    b"NEWLINE",
    b"WHITESPACE",
];

/// Beginnings of settings about a password that are no password …
const SWITCHES: [&[u8]; 11] =
    [b"update_", b"show_", b"hide_", b"is_", b"has_", b"use_", b"ask_", b"require_", b"no_", b"force_", b"generate_"];

/// … and their values.
const SETTINGS: [&[u8]; 9] = [b"always", b"on_create", b"never", b"on", b"off", b"auto", b"0", b"1", b"optional"];

/// Credentials modes of browsers' fetch: `credentials: same-origin`.
const MODES: [&[u8]; 4] = [b"include", b"omit", b"same-origin", b"default"];

/// Passes of a compiler or a test.
const PASSES: [&[u8]; 13] = [
    b"compiler",
    b"optimizer",
    b"optimization",
    b"analysis",
    b"lowering",
    b"render",
    b"shader",
    b"first",
    b"second",
    b"third",
    b"last",
    b"final",
    b"each",
];

/// Files that hold a key.
const KEY_FILES: [&[u8]; 14] = [
    b".pem", b".key", b".crt", b".cer", b".p12", b".pfx", b".jks", b".json", b".yaml", b".yml", b".txt", b".pub",
    b".ppk", b".der",
];

/// Working directories of shells, and directories of secret files.
const FOLDERS: [&[u8]; 14] = [
    b"/home",
    b"/srv",
    b"/root",
    b"/var",
    b"/tmp",
    b"/usr",
    b"/opt",
    b"/app",
    b"/data",
    b"/etc",
    b"/mnt",
    b"/builds",
    b"/workspace",
    b"/run",
];

/// Whether a name ends like one that holds no secret.
pub(super) fn is_no_secret_name(name: &Name<'_>) -> bool {
    let before = &name.text[name.end.saturating_sub(NO_SECRET_BYTES_MAX)..name.end];
    let mut joined = [0; NO_SECRET_BYTES_MAX];
    let mut length = 0;
    for byte in before.iter().filter(|byte| byte.is_ascii_alphabetic()) {
        joined[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    NO_SECRETS.iter().any(|end| joined[..length].ends_with(end))
}

/// Whether a quoted value is no secret, because of its name or its content.
pub(super) fn is_no_secret_in_quotes(name: &Name<'_>, value: &[u8]) -> bool {
    is_hidden_in_quotes(value)
        || is_sentence(value, 0) && value.contains(&b' ')
        || is_switch(name, value)
        || is_digest(value)
        || is_in_shell(name, value)
        || is_variable(name, value)
        || !is_chosen(name) && is_no_generated_value(name, value)
        || name.begins_with(b"cred") && MODES.contains(&value)
        || value.iter().all(u8::is_ascii_alphabetic) && ends_with(&name.text[..name.end], b"invalid token")
}

/// Whether people choose the value of this name. For other names a word of state is no value.
fn is_chosen(name: &Name<'_>) -> bool {
    let called = name.text[name.start..name.end].to_ascii_lowercase();
    let has = |words: &[&[u8]]| words.iter().any(|word| memchr::memmem::find(&called, word).is_some());
    has(&[b"pass", b"pw", b"wort"]) || !has(&[b"token", b"authorization", b"key", b"cred", b"code"])
}

/// Whether a bare value states what happened to a secret, where it is stored, or what kind of token it is.
pub(super) fn is_state_or_kind(name: &Name<'_>, value: &[u8]) -> bool {
    is_switch(name, value)
        || is_digest(value)
        || is_in_shell(name, value)
        || is_upstream(name, value)
        || !is_chosen(name) && is_no_generated_value(name, value)
        || name.begins_with(b"cred") && MODES.contains(&value)
}

/// Whether the value of a name for generated secrets is no secret: a state, a kind, a file, or the variable that holds
/// it.
fn is_no_generated_value(name: &Name<'_>, value: &[u8]) -> bool {
    is_state(value)
        || is_word(value)
        || is_kind(name, value)
        || is_file(value)
        || value.eq_ignore_ascii_case(&name.text[name.start..name.end])
}

/// Whether the value is a setting about the password: `update_password: always`.
fn is_switch(name: &Name<'_>, value: &[u8]) -> bool {
    let whole = &name.text[name.whole(b"")..name.end];
    SETTINGS.contains(&value) && SWITCHES.iter().any(|switch| starts_with(whole, switch))
}

/// Whether the value is a lexer's token kind, or the number of a request.
fn is_kind(name: &Name<'_>, value: &[u8]) -> bool {
    let made = value.strip_prefix(b"terraform-").is_some_and(|rest| rest.iter().all(u8::is_ascii_digit));
    ends_with(&name.text[name.start..name.end], b"token") && (KINDS.contains(&value) || made || is_filler(value))
}

/// Whether the value is a keyed hash that an audit log writes for a secret: `hmac-sha256:…`.
fn is_digest(value: &[u8]) -> bool {
    let digest = value.strip_prefix(b"hmac-sha256:").or_else(|| value.strip_prefix(b"hmac-sha512:"));
    digest.is_some_and(|digest| digest.iter().all(u8::is_ascii_hexdigit))
}

/// Whether the value is the file of a key.
fn is_file(value: &[u8]) -> bool {
    let in_path = |path: &[u8]| path.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/\\._-~@ ".contains(byte));
    let is_kept = FOLDERS.iter().any(|folder| value.strip_prefix(*folder).is_some_and(|rest| rest.starts_with(b"/")));
    let path = match value {
        [drive, b':', path @ ..] if drive.is_ascii_uppercase() && path.starts_with(b"\\") => path,
        [b'/', ..] | [b'.' | b'~', b'/', ..] => value,
        _ => return false,
    };
    in_path(path) && (is_kept || KEY_FILES.iter().any(|end| ends_with(path, end)))
}

/// Whether the value is a shell's working directory: `pwd: /srv/app`, not `;pwd=/x`.
fn is_in_shell(name: &Name<'_>, value: &[u8]) -> bool {
    let start = name.whole(b"$");
    let own = name.text[start..name.end].eq_ignore_ascii_case(b"pwd")
        && name.text[..start].last().is_none_or(|byte| !b";&?".contains(byte));
    let in_path = value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte));
    own && in_path
        && FOLDERS
            .iter()
            .any(|folder| value.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")))
}

/// Whether the value is an nginx upstream: `proxy_pass=http://…`.
fn is_upstream(name: &Name<'_>, value: &[u8]) -> bool {
    let whole = &name.text[name.whole(b"")..name.end];
    let passes = [&b"proxy_pass"[..], b"fastcgi_pass", b"uwsgi_pass", b"grpc_pass", b"scgi_pass"].contains(&whole);
    passes && (memchr::memmem::find(value, b"://").is_some() || value.starts_with(b"unix:")) && !value.contains(&b'@')
}

/// Whether the value is a compiler pass: `Compiler pass: inline`.
pub(super) fn is_pass(name: &Name<'_>, sign: &[u8], value: &[u8]) -> bool {
    let text = name.text;
    let start = name.whole(b"");
    let before = text[..start].trim_ascii_end();
    let length = before.iter().rev().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &before[before.len() - length..];
    let is_plain = value.iter().all(|byte| byte.is_ascii_lowercase() || b"-_".contains(byte));
    &text[start..name.end] == b"pass"
        && before.len() < start
        && (sign.starts_with(b":") || sign == b"=")
        && is_plain
        && PASSES.iter().any(|pass| word.eq_ignore_ascii_case(pass))
}
