//! Writes logs of several events as Rust services write them: `events KIND.PREFIX`, or `events list`.
//!
//! A line `%%%% event` comes before each event. Standard output and standard error go to one pipe.
//! `lines.PREFIX` logs each line of standard input as an event.

use std::backtrace::Backtrace;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fmt, thread};

use anyhow::{anyhow, Context, Result};
use tracing_subscriber::fmt::MakeWriter;

fn event() {
    io::stdout().write_all(b"%%%% event\n").unwrap();
    io::stdout().flush().unwrap();
}

/// Marks each event: tracing writes one in one call.
struct Marked;

impl Write for Marked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        event();
        io::stdout().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

impl<'a> MakeWriter<'a> for Marked {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

/// What an application's own formats look like: `log` of env_logger, or no head at all.
#[derive(Clone, Copy)]
enum Log {
    Tracing,
    EnvLogger,
    Plain,
}

impl Log {
    fn of(prefix: &str) -> Self {
        let builder = tracing_subscriber::fmt().with_writer(Marked);
        match prefix {
            "tracing" => builder.with_ansi(false).init(),
            "tracing-compact" => builder.compact().with_ansi(false).init(),
            "tracing-pretty" => builder.pretty().with_ansi(false).init(),
            "tracing-colours" => builder.with_ansi(true).init(),
            "tracing-pretty-colours" => builder.pretty().with_ansi(true).init(),
            "env_logger" => return Self::EnvLogger,
            _ => return Self::Plain,
        }
        Self::Tracing
    }

    fn info(self, text: &str) {
        let _span = tracing::info_span!("order", id = 17).entered();
        match self {
            Self::Tracing => tracing::info!(customer = 3, "{text}"),
            Self::EnvLogger => self.line("INFO ", text),
            Self::Plain => self.line("", text),
        }
    }

    fn error(self, text: &str, error: &dyn fmt::Debug) {
        let _span = tracing::info_span!("order", id = 17).entered();
        match self {
            Self::Tracing => tracing::error!(customer = 3, "{text}: {error:?}"),
            Self::EnvLogger => self.line("ERROR", &format!("{text}: {error:?}")),
            Self::Plain => self.line("", &format!("Error: {error:?}")),
        }
    }

    fn line(self, level: &str, text: &str) {
        event();
        match self {
            Self::EnvLogger => println!("[2026-11-29T23:24:42Z {level} shop::orders] {text}"),
            _ => println!("{text}"),
        }
    }
}

// The failures of a shop.

fn query() -> Result<u32> {
    Err(anyhow!("no such column: total"))
}

fn chained() -> anyhow::Error {
    query().context("query failed").context("order 17 cannot be stored").unwrap_err()
}

fn once() -> anyhow::Error {
    query().context("order 17 cannot be stored").unwrap_err()
}

fn statement() -> anyhow::Error {
    let text = "syntax error at or near \"FORM\"\nLINE 1: SELECT * FORM orders\n                 ^\n\nhint: FROM";
    anyhow!(text).context("order 17:\nquery failed")
}

#[derive(Debug)]
#[allow(dead_code, reason = "only its Debug is used")]
struct Order {
    id: u32,
    note: &'static str,
    items: Vec<&'static str>,
    next: Option<Box<Order>>,
}

fn order() -> Order {
    let next = Order { id: 18, note: "", items: vec![], next: None };
    Order { id: 17, note: "brace } in text", items: vec!["[", "apple"], next: Some(Box::new(next)) }
}

#[allow(unconditional_recursion, reason = "its stack overflows")]
fn deep(level: u64) -> u64 {
    let frame = std::hint::black_box([level; 64]);
    deep(level + 1) + frame[0]
}

/// Programs that end by a failure of their own.
fn crash(name: &str) {
    match name {
        "panic" => panic!("order 17 has no items"),
        "lines" => panic!("order 17:\nno items\n\n  no address"),
        "equal" => assert_eq!(vec![17], vec![18], "orders differ"),
        "unwrap" => drop(query().unwrap()),
        "index" => drop(vec![1][std::hint::black_box(3)]),
        "thread" => drop(thread::Builder::new().name("orders".into()).spawn(|| panic!("no stock")).unwrap().join()),
        "twice" => {
            struct Guard;
            impl Drop for Guard {
                fn drop(&mut self) {
                    panic!("while cleaning up");
                }
            }
            // Each panic is an event; the first has its marker already.
            let (print, count) = (std::panic::take_hook(), AtomicU32::new(0));
            std::panic::set_hook(Box::new(move |panic| {
                if count.fetch_add(1, Ordering::Relaxed) > 0 {
                    event();
                }
                print(panic);
            }));
            let _guard = Guard;
            panic!("order 17 has no items");
        }
        "overflow" => drop(deep(0)),
        "main" => {
            eprintln!("Error: {:?}", chained());
            std::process::exit(1);
        }
        _ => unreachable!(),
    }
}

/// Lines, and between them programs that fail.
fn crashes(log: Log, backtrace: &str, names: &[&str]) {
    let child = |name: &str| {
        event();
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["crash", name]).env("RUST_BACKTRACE", backtrace);
        // Standard error is the same pipe as standard output.
        child.stdout(Stdio::inherit()).stderr(Stdio::inherit()).status().unwrap();
    };
    for _ in 0..2 {
        for name in names {
            log.info("worker starts");
            child(name);
        }
    }
    child(names[0]);
    log.info("no worker is left");
}

/// Lines around one kind of event, the event twice in a row, and once more between other lines.
fn around(log: Log, error: impl Fn() -> anyhow::Error) {
    log.info("order 17 accepted");
    log.error("order 17 failed", &error());
    log.info("order 17 goes to the dead letters");
    log.error("order 17 failed", &error());
    log.error("order 17 failed", &error());
    log.info("order 18 accepted");
    log.info("order 19 accepted");
    log.error("order 19 failed", &error());
    log.info("order 20 accepted");
}

/// The same for messages of several lines.
fn told(log: Log, texts: &[&str]) {
    log.info("service started in 812 ms");
    for text in texts {
        log.info(text);
        log.info("order 18 accepted");
    }
    for text in texts {
        log.info(text);
    }
    log.info("order 19 accepted");
}

const SQL: &str = "slow statement took 2113 ms:\nSELECT o.id, o.total\nFROM orders o\n  JOIN customers c ON c.id = o.customer\nORDER BY o.id";
const YAML: &str = "configuration in force:\nserver:\n  port: 8080\n  hosts:\n  - a.example.org\nlimits: {orders: 10}";
const DIFF: &str =
    "schema changed:\n--- orders.before\n+++ orders.after\n@@ -1,3 +1,3 @@\n id bigint\n-total integer\n+total numeric";
const PARAGRAPHS: &str = "The warehouse was closed today.\n\nOrders are kept until tomorrow.\nNothing is lost.";
const QUOTED: &str =
    "the payment service wrote:\n11/29/26 23:24:42 E payment refused (code 51)\n11/29/26 23:24:43 I retry";
const MAIL: &str = "the mail server answered:\r\n550-5.7.1 rejected\r\n550 5.7.1 see https://example.org/why\r\nend";

fn backtrace(log: Log) {
    for _ in 0..3 {
        log.info("order 17 accepted");
        log.info(&format!("slow order, and where it waits:\n{}", Backtrace::force_capture()));
    }
    log.info("order 18 accepted");
}

fn lines(log: Log) {
    for line in io::stdin().lines() {
        log.info(&line.unwrap());
    }
}

const KINDS: &[(&str, fn(Log))] = &[
    ("chained.tracing", |log| around(log, chained)),
    ("statement.tracing", |log| around(log, statement)),
    ("sql-message.tracing", |log| told(log, &[SQL, PARAGRAPHS])),
    ("panics-between.tracing", |log| crashes(log, "0", &["panic", "equal", "unwrap"])),
    ("one-cause.tracing-compact", |log| around(log, once)),
    ("fields-after-text.tracing-compact", |log| told(log, &[YAML, DIFF])),
    ("backtrace.tracing-compact", backtrace),
    ("places.tracing-pretty", |log| told(log, &["one line", "another line"])),
    ("chained-in-span.tracing-pretty", |log| around(log, chained)),
    ("messages-in-span.tracing-pretty", |log| told(log, &[SQL, PARAGRAPHS])),
    ("backtrace-in-span.tracing-pretty", backtrace),
    ("panics-in-pretty.tracing-pretty", |log| crashes(log, "1", &["lines", "thread"])),
    ("coloured.tracing-colours", |log| told(log, &[DIFF, YAML])),
    ("coloured-places.tracing-pretty-colours", |log| around(log, statement)),
    ("quoted-lines.env_logger", |log| told(log, &[QUOTED, YAML])),
    ("carriage-returns.env_logger", |log| told(log, &[MAIL, DIFF])),
    ("debug-struct.env_logger", |log| told(log, &[&format!("order: {:#?}", order()), SQL])),
    ("two-causes.env_logger", |log| around(log, chained)),
    ("panics.none", |log| crashes(log, "0", &["panic", "lines", "index"])),
    ("backtraces.none", |log| crashes(log, "1", &["equal", "unwrap"])),
    ("whole-backtraces.none", |log| crashes(log, "full", &["thread"])),
    ("panic-in-drop.none", |log| crashes(log, "0", &["twice"])),
    ("error-of-main-and-overflow.none", |log| crashes(log, "0", &["main", "thread", "overflow"])),
    ("error-with-stack.none", |log| crashes(log, "1", &["main"])),
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments[0].as_str() {
        "list" => KINDS.iter().for_each(|(name, _)| println!("{name}")),
        "crash" => crash(&arguments[1]),
        name => {
            let (kind, prefix) = name.split_once('.').unwrap();
            let listed = || KINDS.iter().find(|(kind, _)| *kind == name).expect("a kind of the list").1;
            let write = if kind == "lines" { lines } else { listed() };
            write(Log::of(prefix));
        }
    }
}
