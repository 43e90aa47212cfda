//! Shapes of lines: what a frame, an exception's line or a margin looks like.

use super::text::{Text, after_digits, digits, has_any, is_blank, position};

/// What a line has to look like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Any line.
    Any,
    /// It begins so, without indentation.
    Flush(&'static str),
    /// It begins so after an indentation.
    Indented(&'static str),
    /// It begins so, with or without indentation.
    Begins(&'static str),
    /// It is exactly this, blanks at its end aside.
    Exactly(&'static str),
    /// It is as the function says.
    Is(fn(&Text<'_>) -> bool),
    /// It begins with one of these bytes after its indentation, and is as the function says.
    From(&'static [u8], fn(&Text<'_>) -> bool),
    /// It is indented, and as the function says.
    Deep(fn(&Text<'_>) -> bool),
    /// It names a place in a source, see [`Class::is_placed`], and is as the function says.
    Placed(fn(&Text<'_>) -> bool),
}

/// What rules most shapes out for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The first byte after the indentation.
    pub(super) first: u8,
    pub(super) is_indented: bool,
    /// It has a `:` before a digit, as `/srv/app/shop.rb:17` has.
    pub(super) is_placed: bool,
}

impl Class {
    pub(super) fn new(text: &Text<'_>) -> Self {
        let body = text.body();
        let first = body.first().copied().unwrap_or(b' ');
        let is_placed =
            has_any(body.iter().zip(body.iter().skip(1)), |(byte, next)| (*byte == b':') & next.is_ascii_digit());
        Self { first, is_indented: text.indent > 0, is_placed }
    }
}

impl Shape {
    #[inline]
    pub(super) fn matches(self, text: &Text<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Flush(with) => text.begins_flush(with),
            Self::Indented(with) => text.indent > 0 && text.begins(with),
            Self::Begins(with) => text.begins(with),
            Self::Exactly(all) => text.start().trim_ascii_end() == all.as_bytes(),
            Self::Deep(matches) => text.indent > 0 && matches(text),
            Self::From(bytes, matches) => {
                text.body().first().is_some_and(|first| bytes.contains(first)) && matches(text)
            }
            Self::Is(matches) | Self::Placed(matches) => matches(text),
        }
    }

    /// The bytes of which one begins every line that matches, after its indentation. None: it may be any.
    pub(super) fn first_bytes(self) -> Option<&'static [u8]> {
        match self {
            Self::Any | Self::Is(_) | Self::Deep(_) | Self::Placed(_) => None,
            Self::Flush(text) | Self::Indented(text) | Self::Begins(text) | Self::Exactly(text) => {
                text.as_bytes().get(..1)
            }
            Self::From(bytes, _) => Some(bytes),
        }
    }

    /// Whether a line that is, or is not, indented may match.
    pub(super) fn may_be_indented(self, is_indented: bool) -> bool {
        match self {
            Self::Flush(_) | Self::Exactly(_) => !is_indented,
            Self::Indented(_) | Self::Deep(_) => is_indented,
            _ => true,
        }
    }

    /// Whether a line with, or without, [`Class::is_placed`] may match.
    pub(super) fn may_be_placed(self, is_placed: bool) -> bool {
        is_placed || !matches!(self, Self::Placed(_))
    }

    /// Whether it is any line.
    pub(super) fn is_any(self) -> bool {
        matches!(self, Self::Any)
    }
}

pub(super) fn is_indented(text: &Text<'_>) -> bool {
    text.indent > 0
}

pub(super) fn is_tabbed(text: &Text<'_>) -> bool {
    text.has_tab()
}

/// `at org.example.Shop.main(Shop.java:3)`, `at /srv/app/shop.js:3:7`, `at Shop.Program.Main() in /srv/…`, indented.
pub(super) fn is_at_frame(text: &Text<'_>) -> bool {
    let Some(place) = text.body().strip_prefix(b"at ") else { return false };
    let end = without_tail(text.end);
    let Some(first) = place.first().filter(|byte| text.indent > 0 && !is_blank(**byte)) else { return false };
    if ends_with_place(end.strip_suffix(b")").unwrap_or(end)) && (!first.is_ascii_digit() || end.ends_with(b")")) {
        return true;
    }
    let Some(name) = place.iter().position(|byte| *byte == b'(').map(|at| &place[..at]) else { return false };
    let qualified = name.iter().any(|byte| matches!(byte, b'.' | b'/' | b'<')) && !name.contains(&b' ');
    qualified || end.ends_with(b")") && !first.is_ascii_digit() && (name.ends_with(b" ") || !name.contains(&b' '))
}

/// Without the `{` or `,` after a frame within an inspected object.
fn without_tail(end: &[u8]) -> &[u8] {
    end.strip_suffix(b" {").or_else(|| end.strip_suffix(b",")).unwrap_or(end)
}

/// The text ends with `:17` or `:17:3`.
fn ends_with_place(end: &[u8]) -> bool {
    let before = end.trim_ascii_end();
    let count = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    count > 0 && before[..before.len() - count].ends_with(b":")
}

/// What follows the first line of a trace of Java, Node.js or .NET.
pub(super) fn is_first_frame(text: &Text<'_>) -> bool {
    is_at_frame(text) || is_inner(text)
}

/// ` ---> System.Exception: text` of .NET.
pub(super) fn is_inner(text: &Text<'_>) -> bool {
    text.indent > 0 && text.begins("---> ")
}

/// `... 12 more`, `... 3 common frames omitted`, `... 8 lines matching cause stack trace ...`, `[... lines matching`.
pub(super) fn is_elided(text: &Text<'_>) -> bool {
    let body = text.body();
    let counted = body.strip_prefix(b"... ").and_then(after_digits);
    let words: [&[u8]; 5] = [b" more", b" common frames omitted", b" lines matching", b" frames", b" filtered"];
    let counted = counted.is_some_and(|rest| words.iter().any(|word| rest.starts_with(word)));
    text.indent > 0 && (counted || body.starts_with(b"[... lines matching"))
}

/// The name of an exception, and a text after it: `org.example.ShopException: text`, `KeyError: 'total'`, `OrderError`.
pub(super) fn is_exception(text: &Text<'_>) -> bool {
    text.indent == 0 && names_exception(text.start())
}

fn names_exception(body: &[u8]) -> bool {
    let count =
        body.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$')).count();
    let (name, after) = body.split_at(count);
    let named = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') && !name.ends_with(b".");
    let code = after.strip_prefix(b" (").and_then(|code| code.split(|byte| *byte == b')').nth(1));
    let after = code.unwrap_or(after);
    named && (after.is_empty() || after.starts_with(b": ") || after == b":" || after == b"\r")
}

/// An exception whose name says so: `org.example.ShopException: text`, `KeyError: 'total'`.
pub(super) fn is_named_exception(text: &Text<'_>) -> bool {
    is_exception(text) && has_name_of_exception(text.start())
}

/// An exception whose name says so, or that has a package: `org.example.Failure: text`.
pub(super) fn is_sure_exception(text: &Text<'_>) -> bool {
    is_exception(text) && has_sure_name(text.start())
}

/// `Caused by: java.io.IOException: text`.
pub(super) fn is_sure_cause(text: &Text<'_>) -> bool {
    let cause = text.start().strip_prefix(b"Caused by: ");
    cause.is_some_and(|cause| names_exception(cause) && has_sure_name(cause))
}

fn has_sure_name(body: &[u8]) -> bool {
    let dotted = body.split(|byte| *byte == b':').next().is_some_and(|name| name.contains(&b'.'));
    dotted || has_name_of_exception(body)
}

/// The name before the first `:` ends as names of exceptions do.
fn has_name_of_exception(body: &[u8]) -> bool {
    let name = body.split(|byte| *byte == b':').next().unwrap_or(body).trim_ascii_end();
    name.ends_with(b"Exception") || name.ends_with(b"Error")
}

/// `/srv/app/shop.py:3: DeprecationWarning: text`.
pub(super) fn is_python_warning(text: &Text<'_>) -> bool {
    let start = text.start();
    let Some(colon) = position(start, b":").filter(|at| *at > 0 && text.indent == 0) else { return false };
    let Some(name) = after_digits(&start[colon + 1..]).and_then(|rest| rest.strip_prefix(b": ")) else { return false };
    position(name, b"Warning: ").is_some_and(|at| name[..at].iter().all(u8::is_ascii_alphanumeric))
}

/// `Thread 0x00007fee9f2ff6c0 (most recent call first):`.
pub(super) fn is_fault_thread(text: &Text<'_>) -> bool {
    text.indent == 0
        && text.ends("(most recent call first):")
        && (text.begins("Thread 0x") || text.begins("Current thread 0x"))
}

/// `Exception in thread Thread-1 (f):`.
pub(super) fn is_python_thread(text: &Text<'_>) -> bool {
    text.begins_flush("Exception in thread ") && text.last() == b':'
}

/// `  | text`, `  +-+---- 1 ----`, `    +-----` of an exception group.
pub(super) fn is_margin(text: &Text<'_>) -> bool {
    let body = text.body();
    text.indent >= 2 && (body.starts_with(b"|") || body.starts_with(b"+-") || body.starts_with(b"+ Exception Group"))
}

/// Only `^` and `~`.
pub(super) fn is_caret(text: &Text<'_>) -> bool {
    let body = text.body().trim_ascii_end();
    body.iter().all(|byte| matches!(byte, b'^' | b'~' | b' ')) && body.contains(&b'^')
}

/// `goroutine 17 [running]:`, `goroutine 1 gp=0x… [sleep, 3 minutes]:`.
pub(super) fn is_goroutine(text: &Text<'_>) -> bool {
    let number = text.start().strip_prefix(b"goroutine ").and_then(after_digits);
    number.is_some_and(|rest| rest.starts_with(b" ")) && text.ends("]:")
}

/// A function of Go, as it stands above its place: `main.(*order).total(...)`, `main.main`, `created by main.init`.
pub(super) fn is_go_name(text: &Text<'_>) -> bool {
    let body = text.body();
    let name = body.strip_prefix(b"created by ").unwrap_or(body);
    let until = name.iter().position(|byte| matches!(byte, b'(' | b' ')).unwrap_or(name.len());
    let first = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let dotted = name[..until].contains(&b'.') || name[..until] == *b"panic" || name[..until] == *b"main";
    let whole = name.get(until) != Some(&b' ') || body.len() != name.len();
    text.indent == 0 && first && dotted && whole
}

/// `⇥/srv/app/main.go:17 +0x25`.
pub(super) fn is_go_file(text: &Text<'_>) -> bool {
    text.has_tab() && (text.has(".go:") || text.has(".s:") || text.has("_cgo_") || text.has("/autogenerated>:"))
}

/// What follows `panic: text`.
pub(super) fn is_after_panic(text: &Text<'_>) -> bool {
    let signal = text.begins_flush("[signal ") || text.begins_flush("runtime stack:") || text.begins_flush("runtime: ");
    is_goroutine(text) || signal || text.has_tab() || text.begins_flush("fatal error: ")
}

/// `rax    0x0`.
pub(super) fn is_register(text: &Text<'_>) -> bool {
    let start = text.start();
    let name = start.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (2..=6).contains(&name) && start.get(name) == Some(&b' ') && start[name..].trim_ascii_start().starts_with(b"0x")
}

/// `...2513 frames elided...`, `...additional frames elided...`.
pub(super) fn is_go_elided(text: &Text<'_>) -> bool {
    text.begins_flush("...") && text.ends("frames elided...")
}

/// `exit status 2`, as `go run` prints it.
pub(super) fn is_exit_status(text: &Text<'_>) -> bool {
    text.start().strip_prefix(b"exit status ").and_then(after_digits).is_some_and(|rest| rest.trim_ascii().is_empty())
}

/// `/srv/app/shop.js:17`, `node:internal/process:389`, `file:///srv/app/shop.mjs:3`, above the source of an uncaught error.
pub(super) fn is_node_place(text: &Text<'_>) -> bool {
    let start = text.start().trim_ascii_end();
    let begins = ["/", "node:", "file://", "<anonymous", "[eval", "evalmachine."];
    let begins = begins.iter().any(|with| text.begins_flush(with));
    let path = begins || start.get(1..3) == Some(b":\\");
    path && ends_with_place(start) && !start.contains(&b' ') && !text.has(".rb:") && !text.has(".py:")
}

/// The line of source below the place of an uncaught error.
pub(super) fn is_source(text: &Text<'_>) -> bool {
    !text.body().is_empty()
}

/// `(node:14020) [SHOP1] DeprecationWarning: text`.
pub(super) fn is_node_warning(text: &Text<'_>) -> bool {
    text.start().strip_prefix(b"(node:").and_then(after_digits).is_some_and(|rest| rest.starts_with(b") "))
}

/// Parts of what Node.js prints when its memory is full.
pub(super) fn is_node_memory(text: &Text<'_>) -> bool {
    let body = text.body();
    let numbered = after_digits(body).is_some_and(|rest| rest.starts_with(b": "));
    let pid = body.strip_prefix(b"[").and_then(after_digits).is_some_and(|rest| rest.starts_with(b":0x"));
    let begins = |with| text.begins_flush(with);
    numbered
        || pid
        || begins("<--- JS stacktrace")
        || begins("FATAL ERROR: ")
        || begins("----- ")
        || begins("==== JS stack")
}

/// `thread 'main' (17) panicked at src/main.rs:3:7:`, `thread 'main' has overflowed its stack`.
pub(super) fn is_rust_panic(text: &Text<'_>) -> bool {
    let Some(name) = text.start().strip_prefix(b"thread '") else { return false };
    let Some(close) = position(name, b"' ") else { return false };
    let after = &name[close + 2..];
    let id = after.strip_prefix(b"(").and_then(after_digits).and_then(|rest| rest.strip_prefix(b") "));
    let after = id.unwrap_or(after);
    after.starts_with(b"panicked at ") || after.starts_with(b"has overflowed its stack")
}

/// `   0: core::panicking::panic`.
pub(super) fn is_rust_frame(text: &Text<'_>) -> bool {
    text.indent > 0 && after_digits(text.body()).is_some_and(|rest| rest.starts_with(b": "))
}

/// Where `:17:in ` of a frame of Ruby ends, and what stands after it.
fn ruby_place(start: &[u8]) -> Option<&[u8]> {
    let at = position(start, b":in ")?;
    let number = start[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let path = start[..at - number].strip_suffix(b":")?;
    let rest = &start[at + 4..];
    let quoted = matches!(rest.first(), Some(b'`' | b'\''));
    (number > 0 && !path.is_empty() && !path.contains(&b' ') && quoted).then(|| &rest[1..])
}

/// ``/srv/app/shop.rb:17:in `total'``, without a message after it.
pub(super) fn is_ruby_frame(text: &Text<'_>) -> bool {
    text.indent == 0 && ruby_place(text.start()).is_some() && text.last() == b'\''
}

/// ``/srv/app/shop.rb:17:in `total': message (ShopError)``.
pub(super) fn is_ruby_head(text: &Text<'_>) -> bool {
    text.indent == 0 && ruby_place(text.start()).is_some_and(|rest| position(rest, b"': ").is_some())
}

/// A head or a frame of Ruby in a `rescue`: the cause is printed after its frames.
pub(super) fn is_ruby_rescue(text: &Text<'_>) -> bool {
    (is_ruby_head(text) || is_ruby_from(text)) && (text.has("rescue in ") || text.has("ensure in "))
}

/// ``⇥from /srv/app/shop.rb:17:in `total'``, `⇥ ... 10067 levels...`.
pub(super) fn is_ruby_from(text: &Text<'_>) -> bool {
    let body = text.body();
    let levels = body.strip_prefix(b"... ").and_then(after_digits).is_some_and(|rest| rest.starts_with(b" levels..."));
    text.indent > 0 && (levels || body.starts_with(b"from "))
}

/// `/srv/app/shop.rb:112: warning: text`.
pub(super) fn is_ruby_warning(text: &Text<'_>) -> bool {
    let start = text.start();
    let Some(at) = position(start, b": warning: ") else { return false };
    let number = start[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    number > 0 && start[..at - number].ends_with(b".rb:")
}

/// `OrderError (text):` of Rails, perhaps with a text of several lines.
pub(super) fn is_rails_head(text: &Text<'_>) -> bool {
    let start = text.start();
    let name = start.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b':').count();
    let class = start.first().is_some_and(u8::is_ascii_uppercase) && !start[..name].ends_with(b":");
    class && start[name..].starts_with(b" (") && text.ends("):")
}

/// `OrderError (the first line of a text`.
pub(super) fn is_open_rails_head(text: &Text<'_>) -> bool {
    let start = text.start();
    let at = memchr::memchr(b'(', start).and_then(|at| at.checked_sub(1)).filter(|at| start[*at] == b' ');
    let Some(at) = at else { return false };
    let class = start.first().is_some_and(u8::is_ascii_uppercase);
    let class = class && start[..at].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b':');
    let names = start[..at].ends_with(b"Error") || start[..at].ends_with(b"Exception");
    text.indent == 0 && class && names && !start[at..].contains(&b')')
}

const PHP_LEVELS: [&str; 7] = [
    "Fatal error: ",
    "Warning: ",
    "Notice: ",
    "Deprecated: ",
    "Parse error: ",
    "Recoverable fatal error: ",
    "Strict Standards: ",
];

/// `PHP Warning:  text in /srv/app/shop.php on line 3`, without `PHP` too.
pub(super) fn is_php_error(text: &Text<'_>) -> bool {
    let start = text.start();
    let error = start.strip_prefix(b"PHP ").unwrap_or(start);
    let Some(level) = PHP_LEVELS.iter().find(|level| error.starts_with(level.as_bytes())) else { return false };
    let logged = error.len() < start.len();
    logged || error[level.len()..].starts_with(b"Uncaught ") || is_php_place(text)
}

/// It ends with ` on line 17`.
fn is_php_place(text: &Text<'_>) -> bool {
    let end = text.end;
    let count = end.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    count > 0 && end[..end.len() - count].ends_with(b" on line ")
}

/// An error of PHP that has a trace.
pub(super) fn is_php_uncaught(text: &Text<'_>) -> bool {
    is_php_error(text) && text.has("Uncaught ")
}

/// `#0 /srv/app/shop.php(17): total()`, `#3 {main}`, `#1 [internal function]: f()`.
pub(super) fn is_php_frame(text: &Text<'_>) -> bool {
    let Some(rest) = text.start().strip_prefix(b"#").and_then(after_digits).and_then(|rest| rest.strip_prefix(b" "))
    else {
        return false;
    };
    let called = position(rest, b"): ").is_some_and(|at| rest[..at].last().is_some_and(u8::is_ascii_digit));
    rest.starts_with(b"{main}") || rest.starts_with(b"[internal function]") || called
}

/// `Full thread dump …` after a stamp that stands alone.
pub(super) fn is_dump_part(text: &Text<'_>) -> bool {
    const PARTS: [&str; 10] = [
        "\"",
        "Threads class SMR",
        "_java_thread_list",
        "0x",
        "}",
        "JNI global ref",
        "Heap",
        "Found ",
        "====",
        "Java stack info",
    ];
    text.indent > 0 || PARTS.iter().any(|part| text.begins(part))
}

/// The first byte of box drawings: `│`, `├`, `╭` … (U+2500 to U+257F).
pub(super) fn is_box(text: &Text<'_>) -> bool {
    text.indent == 0 && text.start().starts_with(&[0xe2, 0x94]) || text.start().starts_with(&[0xe2, 0x95])
}

/// Whether the text is a line of `-`.
pub(super) fn is_rule(text: &Text<'_>) -> bool {
    let body = text.start().trim_ascii_end();
    body.len() >= 8 && body.iter().all(|byte| *byte == b'-')
}

/// `Repeat 24021 times:` of .NET.
pub(super) fn is_repeat(text: &Text<'_>) -> bool {
    text.begins_flush("Repeat ") && digits(&text.start()[7..]) > 0
}

/// `/usr/sbin/mysqld, Version: 8.0.40 (…). started with:` of a slow query log.
pub(super) fn is_mysql_start(text: &Text<'_>) -> bool {
    text.indent == 0 && text.ends(". started with:")
}

/// A detail of a validation error of pydantic: `  Input should be a valid number [type=float_type, input_value='x']`.
pub(super) fn is_pydantic(text: &Text<'_>) -> bool {
    text.indent > 0 && text.has("[type=")
}

/// `  File "/srv/app/shop.py", line 3`, without a head above it: a printed stack, or a syntax error.
pub(super) fn is_stack_frame(text: &Text<'_>) -> bool {
    text.indent == 2 && text.begins("File \"") && text.has("\", line ")
}

/// `SyntaxError: text` and its kinds.
pub(super) fn is_syntax_error(text: &Text<'_>) -> bool {
    ["SyntaxError: ", "IndentationError: ", "TabError: "].iter().any(|name| text.begins_flush(name))
}

/// `Task exception was never retrieved` of asyncio.
pub(super) fn is_lost_task(text: &Text<'_>) -> bool {
    text.begins_flush("Task exception was never") || text.begins_flush("Future exception was never")
}

/// `Unhandled exception. System.InvalidOperationException: text`, `Unhandled Exception: …`.
pub(super) fn is_dotnet_unhandled(text: &Text<'_>) -> bool {
    let start = text.start();
    let exception =
        start.strip_prefix(b"Unhandled exception. ").or_else(|| start.strip_prefix(b"Unhandled Exception: "));
    exception.is_some_and(names_exception)
}

/// `Next LogicException: text`.
pub(super) fn is_php_next(text: &Text<'_>) -> bool {
    text.start().strip_prefix(b"Next ").is_some_and(has_name_of_exception)
}

/// The place of an exception of PHP: `text in /srv/app/shop.php:3`, `text at /srv/app/shop.php:3)`.
pub(super) fn ends_with_php_place(text: &Text<'_>) -> bool {
    ends_with_place(text.end.strip_suffix(b")").unwrap_or(text.end))
}
