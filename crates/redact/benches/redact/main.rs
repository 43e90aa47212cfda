//! Measures redaction: detection by stage, fifty more detectors, the start, and the heap.
//!
//! `cargo bench --bench redact` prints a table on standard output. Rates are the best of several rounds on one thread,
//! because a disturbance can only slow a round down. The cost of fifty detectors is the median of pairs that run
//! alternately.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]
#![allow(unsafe_code, reason = "an allocator that counts, and the clock of a thread")]

mod kinds;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use event::Parsed;
use redact::{Config, Group, Hits, PemState, Redactor, Scratch, detectors};

/// As much as the shipper reads at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Larger than the caches of a core, so that lines come from memory as in production.
const CORPUS_BYTES: usize = 16 << 20;
const ROUNDS: usize = 5;
/// The seed of every corpus: the same lines on every machine.
const SEED: u64 = 8;

/// Counts the bytes in use, and their maximum.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: forwards every call to the system's allocator and only counts in addition.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller guarantees the allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller guarantees the allocator's conditions.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One line of an access log. `sender`: the value in place of the client's address.
fn access(dice: &mut fastrand::Rng, sender: &str, query: &str, out: &mut String) {
    const ROUTES: [&str; 6] = ["/", "/basket", "/checkout", "/v2/orders", "/assets/site.5b1c9e.css", "/find"];
    const AGENTS: [&str; 4] = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "kube-probe/1.36",
        "curl/8.14.1",
    ];
    let (route, agent) = (dice.choice(ROUTES).unwrap(), dice.choice(AGENTS).unwrap());
    let (hour, minute, second) = (dice.u8(0..24), dice.u8(0..60), dice.u8(0..60));
    let (status, bytes, took) = (dice.choice([200, 201, 304, 404]).unwrap(), dice.u32(0..60_000), dice.u32(0..3000));
    writeln!(
        out,
        "{sender} - - [23/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] \"GET {route}?seq={}{query} HTTP/1.1\" {status} {bytes} \
         \"https://shop.example.com/\" \"{agent}\" 0.{took:03} {:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
        dice.u32(..),
        dice.u32(..),
        dice.u16(..),
        dice.u16(0..4096),
        dice.u16(0..4096),
        dice.u64(..) >> 16,
    )
    .unwrap();
}

/// Lines of which 7 % hold a match, the kinds in turn.
fn corpus(with_addresses: bool) -> String {
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut text = String::with_capacity(CORPUS_BYTES + 1024);
    while text.len() < CORPUS_BYTES {
        let found = match dice.u32(0..100) {
            0 => "&notify=ines@example.org".to_owned(),
            1 => "&pan=4111111111111111".to_owned(),
            2 => format!("&password={:016x}", dice.u64(..)),
            3 => format!("&access_token={:016x}", dice.u64(..)),
            4 => format!("&key=gh{}_{:032x}a1b2", 'p', dice.u128(..)),
            5 => "&next=postgres://app:hunter2@db/x".to_owned(),
            6 => "&iban=DE89370400440532013000".to_owned(),
            _ => String::new(),
        };
        let sender = if with_addresses {
            format!("198.51.{}.{}", dice.u8(..), dice.u8(1..))
        } else {
            format!("client-{}.example.net", dice.u16(..))
        };
        access(&mut dice, &sender, &found, &mut text);
    }
    text
}

/// The CPU time of this thread in seconds; other programs on the machine do not count.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The corpus as chunks of whole lines.
fn chunks(text: &str) -> Vec<&[u8]> {
    let mut rest = text.as_bytes();
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let most = &rest[..rest.len().min(CHUNK_BYTES)];
        let (chunk, later) = rest.split_at(memchr::memrchr(b'\n', most).unwrap() + 1);
        chunks.push(chunk);
        rest = later;
    }
    chunks
}

fn redactor(select: &[&str], rules: Vec<(String, String)>) -> Redactor {
    let select = select.iter().map(|name| (*name).to_owned()).collect();
    Redactor::new(&Config { select, rules, ..Config::default() }).unwrap()
}

/// A redactor that is ready for its first line.
fn started(select: &[&str]) -> Redactor {
    let redactor = redactor(select, Vec::new());
    redactor.scan(b"line\n", &mut Hits::default());
    redactor
}

/// The seconds that stage one takes, and the number of lines that it selects.
fn stage_one(redactor: &Redactor, chunks: &[&[u8]]) -> f64 {
    let mut hits = Hits::default();
    let begun = cpu();
    for chunk in chunks {
        redactor.scan(chunk, &mut hits);
        std::hint::black_box(&hits);
    }
    cpu() - begun
}

/// The seconds that both stages take, the number of selected lines, and of masked ones.
fn both_stages(redactor: &Redactor, chunks: &[&[u8]]) -> (f64, usize, usize, usize) {
    let (mut hits, mut pem_state, mut scratch) = (Hits::default(), PemState::default(), Scratch::default());
    let parsed = Parsed::default();
    let (mut lines, mut prefilter_hit, mut masked) = (0, 0, 0);
    let begun = cpu();
    for chunk in chunks {
        redactor.scan(chunk, &mut hits);
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', chunk) {
            let line = &chunk[start..newline];
            let found = hits.of(start, newline + 1);
            let redacted = redactor.redact(line, line.len(), &parsed, found, &mut pem_state, &mut scratch);
            lines += 1;
            prefilter_hit += usize::from(found.is_hit());
            masked += usize::from(redacted.masked().next().is_some());
            start = newline + 1;
        }
    }
    ((cpu() - begun), lines, prefilter_hit, masked)
}

/// A stack trace; each line begins with `head` if that is a colour, else only the first one.
fn trace(head: &str) -> String {
    let mut text = format!("{head}2026-11-23 22:00:00.123 ERROR [main] c.e.shop.Orders : order failed");
    let every = if head.starts_with('\x1b') { head } else { "" };
    for line in 0..30 {
        write!(
            text,
            "\n{every}\tat com.example.shop.OrderController.create(OrderController.java:{line}) ~[app.jar:1.4]"
        )
        .unwrap();
    }
    text
}

/// The seconds that both stages take for these records, per pass over them.
fn by_record(redactor: &Redactor, records: &[&str]) -> f64 {
    const PASSES: usize = 1_000;
    let (mut hits, mut pem_state, mut scratch) = (Hits::default(), PemState::default(), Scratch::default());
    let parsed = Parsed::default();
    let begun = cpu();
    for record in std::iter::repeat_n(records, PASSES).flatten() {
        redactor.scan(record.as_bytes(), &mut hits);
        let found = hits.of(0, record.len());
        let redacted = redactor.redact(record.as_bytes(), record.len(), &parsed, found, &mut pem_state, &mut scratch);
        std::hint::black_box(redacted.masked().count());
    }
    (cpu() - begun) / PASSES as f64
}

fn best(mut seconds: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| seconds()).fold(f64::INFINITY, f64::min)
}

/// The median of `second` over `first`, run alternately.
fn ratio(mut first: impl FnMut() -> f64, mut second: impl FnMut() -> f64) -> f64 {
    let mut ratios: Vec<f64> = (0..=2 * ROUNDS)
        .map(|round| {
            // The order alternates, so that a trend favours neither.
            if round % 2 == 0 {
                (first(), second())
            } else {
                let after = second();
                (first(), after)
            }
        })
        .map(|(first, second)| second / first)
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[ROUNDS]
}

fn rates(title: &str, redactor: &Redactor, text: &str) {
    let chunks = chunks(text);
    let megabytes = text.len() as f64 / 1e6;
    let first = megabytes / best(|| stage_one(redactor, &chunks));
    let (_, lines, prefilter_hit, masked) = both_stages(redactor, &chunks);
    let both = megabytes / best(|| both_stages(redactor, &chunks).0);
    let percent = |part: usize| 100.0 * part as f64 / lines as f64;
    println!("| {title} | {:.1} % | {:.1} % | {first:.0} | {both:.0} |", percent(prefilter_hit), percent(masked));
}

fn main() {
    let plain = corpus(false);
    let all: Vec<_> = detectors().collect();
    let secrets = all.iter().filter(|detector| detector.group == Group::Secrets).count();
    println!("{secrets} detectors of secrets, {} of pii\n", all.len() - secrets);

    println!("| start | ms | heap kept, KiB | heap at the peak, KiB |\n|---|---|---|---|");
    for select in [["secrets"].as_slice(), &["secrets", "pii"]] {
        let before = IN_USE.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let ms = best(|| {
            let begun = cpu();
            started(select);
            (cpu() - begun) * 1e3
        });
        let kept = started(select);
        let kib = |bytes: usize| (bytes - before) / 1024;
        println!(
            "| `{}` | {ms:.1} | {} | {} |",
            select.join(","),
            kib(IN_USE.load(Ordering::Relaxed)),
            kib(PEAK.load(Ordering::Relaxed))
        );
        drop(kept);
    }

    println!("\n| lines | named by stage one | masked | stage one, MB/s | both stages, MB/s |\n|---|---|---|---|---|");
    let before = IN_USE.load(Ordering::Relaxed);
    let full = redactor(&["secrets", "pii"], Vec::new());
    rates("access, 7 % hit, `secrets`", &redactor(&["secrets"], Vec::new()), &plain);
    rates("access, 7 % hit, `secrets,pii`", &full, &plain);
    println!("heap after that: {} KiB\n", (IN_USE.load(Ordering::Relaxed) - before) / 1024);
    for select in [["secrets"].as_slice(), &["secrets", "email", "card"], &["secrets", "pii"]] {
        for (kind, text) in kinds::all(CORPUS_BYTES, SEED) {
            rates(&format!("{kind}, `{}`", select.join(",")), &redactor(select, Vec::new()), &text);
        }
    }
    let addresses = corpus(true);
    rates("access with addresses, `secrets,pii`", &full, &addresses);
    rates("the same, `secrets,pii,-ipv4`", &redactor(&["secrets", "pii", "-ipv4"], Vec::new()), &addresses);

    println!("\n| a trace of 30 lines | line by line, MB/s | as one record, MB/s |\n|---|---|---|");
    for (title, head) in [("without a hit", ""), ("a hit", "password=hunter2 "), ("coloured", "\x1b[31m")] {
        let trace = trace(head);
        let lines: Vec<_> = trace.lines().collect();
        let megabytes = trace.len() as f64 / 1e6;
        let [lines, record] = [&lines[..], &[&trace]].map(|records| megabytes / best(|| by_record(&full, records)));
        println!("| {title} | {lines:.0} | {record:.0} |");
    }

    let chunks = chunks(&plain);
    // Vendors' detectors without a match in these lines.
    let quiet: Vec<_> = all.iter().map(|detector| detector.name).filter(|name| !CORE.contains(name)).take(50).collect();
    let fewer: Vec<_> = quiet.iter().map(|name| format!("-{name}")).collect();
    let select: Vec<_> = ["secrets", "pii"].into_iter().chain(fewer.iter().map(String::as_str)).collect();
    let fewer = redactor(&select, Vec::new());
    println!("\n{} detectors that do not match these lines:", quiet.len());
    cost(&fewer, &full, &chunks);
    let own = |count| {
        let rules = (0..count).map(|n| (format!("own_{n}"), format!("acme{n}_[A-Za-z0-9]{{24}}"))).collect();
        redactor(&["secrets", "pii"], rules)
    };
    println!("50 own rules that do not hit, to none:");
    cost(&full, &own(50), &chunks);
}

/// Detectors that the corpus hits, and those without literals.
const CORE: [&str; 16] = [
    "private_key",
    "password",
    "bearer",
    "basic_auth",
    "url_password",
    "github",
    "jwt",
    "email",
    "card",
    "iban",
    "ssn",
    "phone",
    "ipv4",
    "ipv6",
    "mac",
    "cookie",
];

fn cost(less: &Redactor, more: &Redactor, chunks: &[&[u8]]) {
    let first = ratio(|| stage_one(less, chunks), || stage_one(more, chunks));
    let both = ratio(|| both_stages(less, chunks).0, || both_stages(more, chunks).0);
    println!("    stage one × {first:.3}, both stages × {both:.3}");
}
