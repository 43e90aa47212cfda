//! Text in the place of a value that is no secret: words of prose, states, counts, directories, types.

use super::Text;
use super::expression::is_expression;
use super::hidden::is_hidden_in_brackets;
use super::known::{is_pass, is_state_or_kind};
use super::named::Name;
use super::place::{after_blanks, ends_with, starts_with};
use super::reference::reference;
use super::sentence::{is_report, is_sentence, names_object};
use std::ops::Range;

/// After the names `pass` and `pw`, numbers of at most this many digits are counts.
const COUNT_DIGITS_MAX: usize = 3;

/// Maximum number of digits of a limit: `max_token=4096`.
const LIMIT_DIGITS_MAX: usize = 9;

/// Beginnings of the names of limits.
const LIMITS: [&[u8]; 6] = [b"max_", b"min_", b"max-", b"min-", b"num_", b"maxT"];

/// Words that continue an error or a help text after a keyword: `error getting token: context deadline exceeded`.
const WORDS: [&[u8]; 37] = [
    b"and",
    b"are",
    b"can",
    b"cannot",
    b"context",
    b"could",
    b"denied",
    b"dial",
    b"eof",
    b"error",
    b"expected",
    b"expired",
    b"failed",
    b"forbidden",
    b"got",
    b"has",
    b"incorrect",
    b"invalid",
    b"is",
    b"missing",
    b"must",
    b"not",
    b"option",
    b"or",
    b"read",
    b"required",
    b"rpc",
    b"should",
    b"string",
    b"to",
    b"unable",
    b"unauthorized",
    b"unexpected",
    b"unknown",
    b"via",
    b"was",
    b"wrong",
];

/// States of a secret: `private_key: loaded`.
const STATES: [&[u8]; 52] = [
    b"absent",
    b"accepted",
    b"active",
    b"allowed",
    b"available",
    b"cached",
    b"changed",
    b"cleared",
    b"correct",
    b"created",
    b"deleted",
    b"disabled",
    b"empty",
    b"enabled",
    b"fetched",
    b"found",
    b"generated",
    b"granted",
    b"ignored",
    b"issued",
    b"loaded",
    b"loading",
    b"match",
    b"matched",
    b"matches",
    b"mismatch",
    b"mounted",
    b"ok",
    b"optional",
    b"passed",
    b"present",
    b"projected",
    b"prompt",
    b"provided",
    b"refreshed",
    b"rejected",
    b"removed",
    b"renewed",
    b"reset",
    b"revoked",
    b"rotated",
    b"saved",
    b"set",
    b"skipped",
    b"stored",
    b"unchanged",
    b"unset",
    b"updated",
    b"using",
    b"valid",
    b"validated",
    b"verified",
];

/// Actions on a secret, before an outcome: `token: refresh failed`.
const ACTIONS: [&[u8]; 14] = [
    b"change",
    b"check",
    b"decryption",
    b"exchange",
    b"generation",
    b"lookup",
    b"refresh",
    b"renewal",
    b"request",
    b"reset",
    b"rotation",
    b"update",
    b"validation",
    b"verification",
];

/// Outcomes of an action.
const OUTCOMES: [&[u8]; 6] = [b"complete", b"completed", b"failed", b"skipped", b"succeeded", b"successful"];

/// Words that a sentence repeats after its colon: `token: Token expired`.
const SUBJECTS: [&[u8]; 7] = [b"password", b"passphrase", b"token", b"secret", b"credentials", b"key", b"signature"];

/// Items of a certificate secret in Kubernetes: `non-existent secret key: tls.crt`.
const FILES: [&[u8]; 4] = [b"tls.crt", b"tls.key", b"ca.crt", b"ca.key"];

/// Architectures of Debian packages: `upgrade passwd:amd64`.
const ARCHITECTURES: [&[u8]; 10] =
    [b"all", b"amd64", b"arm64", b"armel", b"armhf", b"i386", b"mips64el", b"ppc64el", b"riscv64", b"s390x"];

/// Beginnings of placeholders in examples, in angle brackets: `<your-password>`.
const EXAMPLES: [&[u8]; 2] = [b"your-", b"your_"];

/// Whether the value continues a sentence.
pub(super) fn is_word(value: &[u8]) -> bool {
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether the value is the state of a secret.
pub(super) fn is_state(value: &[u8]) -> bool {
    STATES.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether a bare value is no secret, because of its content or its place.
pub(super) fn is_no_secret(name: &Name<'_>, sign: &[u8], at: &Range<usize>) -> bool {
    let value = &name.text[at.clone()];
    let text = name.text;
    let after_colon = sign.starts_with(b":") && sign.len() > 1 || sign.ends_with(b": ");
    let is_statement = after_colon
        && (is_word(value)
            || is_state(value)
            || is_outcome(text, at)
            || FILES.contains(&value)
            || is_sentence(&text, at.start)
            || names_object(text, at.start, at.end)
            || is_report(&text) && value.iter().all(u8::is_ascii_alphabetic));
    is_statement
        || is_module(name, value)
        || is_path(name, value)
        || is_count(name, sign, value)
        || is_directory(name, sign, value)
        || is_type(text, at)
        || is_example(name, at)
        || is_package(name, value)
        || is_filler(value)
        || is_state_or_kind(name, value)
        || is_expression(name, &text[name.end..at.start], at)
        || is_pass(name, sign, value)
        || name.text[name.whole(b":/-")..].starts_with(b"arn:") && sign == b":"
}

/// Whether an action or its subject stands there, with the outcome after it.
fn is_outcome(text: Text<'_>, at: &Range<usize>) -> bool {
    let word = |text: &[u8]| text.iter().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let first = &text[at.start..at.start + word(&text[at.start..])];
    let Some(rest) = text[at.start + first.len()..].strip_prefix(b" ") else { return false };
    let next = &rest[..word(rest)];
    // The match contains a scheme's name and the word after it: `token: Token expired`.
    if at.len() > first.len() + 1 + next.len() {
        return false;
    }
    let is_subject = SUBJECTS.iter().any(|subject| first.eq_ignore_ascii_case(subject));
    let is_scheme = [&b"bearer"[..], b"basic", b"digest"].iter().any(|scheme| first.eq_ignore_ascii_case(scheme));
    ACTIONS.contains(&first) && OUTCOMES.contains(&next)
        || is_subject && (is_word(next) || is_state(next))
        || is_scheme && [&b"header"[..], b"token", b"authentication"].contains(&next)
}

/// Whether Debian's package `passwd` is named, or its file.
fn is_package(name: &Name<'_>, value: &[u8]) -> bool {
    starts_with(&name.text[name.start..name.end], b"passwd")
        && (ARCHITECTURES.contains(&value) || value.ends_with(b".deb"))
}

/// Whether the value is a placeholder for a user or a program: `<your-password>`, `<password>`, `{password}`; or
/// another redactor's mask: `<hidden>`.
fn is_example(name: &Name<'_>, at: &Range<usize>) -> bool {
    let text = name.text;
    let value = &text[at.clone()];
    let (before, after) = (text[..at.start].last(), text.get(at.end));
    let in_brackets = matches!((before, after), (Some(b'<'), Some(b'>')) | (Some(b'{'), Some(b'}')));
    let in_name = value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    let is_own = ends_with(value, &text[name.start..name.end]);
    // Format specifiers.
    if before == Some(&b'{') && matches!(value, [b':' | b'!', b'?' | b'r' | b's' | b'#' | b'x', ..]) && value.len() <= 3
    {
        return true;
    }
    in_brackets
        && in_name
        && (is_own || EXAMPLES.iter().any(|start| starts_with(value, start)) || is_hidden_in_brackets(value))
}

/// Whether the value is the service of a PAM module: `pam_unix(passwd:chauthtok)`.
fn is_module(name: &Name<'_>, value: &[u8]) -> bool {
    const KINDS: [&[u8]; 6] = [b"auth", b"account", b"session", b"setcred", b"chauthtok", b"password"];
    let before = &name.text[..name.whole(b"")];
    KINDS.contains(&value)
        && before.ends_with(b"(")
        && before[before.len().saturating_sub(32)..].windows(4).any(|four| four == b"pam_")
}

/// Whether the value continues a path of modules or of a type: `auth::token::tests`, `password::tests::it_works`,
/// `Token::Ident`.
fn is_path(name: &Name<'_>, value: &[u8]) -> bool {
    let Some(rest) = value.strip_prefix(b":") else { return false };
    let in_path = rest.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
    let start = name.whole(b"");
    let is_inner = name.text[..start].ends_with(b"::");
    let ident = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let of_type = name.text[start].is_ascii_uppercase()
        && rest.first().is_some_and(u8::is_ascii_uppercase)
        && rest.get(ident).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    of_type || in_path && (is_inner || memchr::memmem::find(rest, b"::").is_some())
}

/// Whether the value consists only of separators.
pub(super) fn is_filler(value: &[u8]) -> bool {
    // Escaped line ends are separators too.
    let spelled = |at: usize| at > 0 && value[at - 1] == b'\\' && b"nrt".contains(&value[at]);
    value.iter().enumerate().all(|(at, byte)| spelled(at) || b"=:<>|~+-,;.()[]{}`'\"\\ ".contains(byte))
}

/// Whether the value is a type's name before its content: `Token: Token {`.
fn is_type(text: Text<'_>, at: &Range<usize>) -> bool {
    let value = &text[at.clone()];
    let open = after_blanks(text, at.end);
    open > at.end
        && text.get(open) == Some(&b'{')
        && value[0].is_ascii_uppercase()
        && value.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b':')
}

/// Drops a shell's directory between semicolons (`; PWD=/srv ;`) and a reference to a password (`;Password=${X};`).
pub(in super::super) fn connection_password(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let named = text[..found.start].trim_ascii_end();
    let is_directory = named.ends_with(b" ; PWD=") && text[found.start] == b'/';
    let is_pure = reference(text, found.start).is_some_and(|known| known.is_pure && known.end == found.end);
    if !is_directory && !is_pure {
        mask(found);
    }
}

/// Whether the value is a shell's working directory: `PWD=/srv`, not `DB_PWD=/x` nor `UID=sa;PWD=/x`.
fn is_directory(name: &Name<'_>, sign: &[u8], value: &[u8]) -> bool {
    let called = &name.text[name.start..name.end];
    let own = called == b"PWD" && name.text[..name.start].last().is_none_or(|byte| !b"_;".contains(byte))
        || called == b"DPWD" && name.text[..name.start].ends_with(b"OL");
    own && sign == b"=" && value.starts_with(b"/")
}

/// Whether the value is a test count (`pass: 12`) or a test's name (`PASS: TestLogin`).
fn is_count(name: &Name<'_>, sign: &[u8], value: &[u8]) -> bool {
    let called = &name.text[name.start..name.end];
    if called == b"PASS" {
        return sign.trim_ascii_end() == b":";
    }
    let counts = [&b"pass"[..], b"pw", b"creds", b"token", b"codes"].iter().any(|name| ends_with(called, name));
    let whole = &name.text[name.whole(b"")..name.end];
    let limits = LIMITS.iter().any(|limit| starts_with(whole, limit) || memchr::memmem::find(whole, limit).is_some());
    let digits = value.iter().all(u8::is_ascii_digit);
    let ratio = value.len() <= 2 * COUNT_DIGITS_MAX + 1
        && value.split(|byte| *byte == b'/').count() == 2
        && value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'/')
        && value[0] != b'/';
    ratio || digits && (counts && value.len() <= COUNT_DIGITS_MAX || limits && value.len() <= LIMIT_DIGITS_MAX)
}
