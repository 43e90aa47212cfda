//! Every transport and format with real rsyslog and real syslog-ng: each record once, unchanged.
//!
//! Needs `LOGSKIFF_TEST_SYSLOG` (a folder of both: `.ci/syslog-install DIR`). Without the variable the tests report
//! that and pass; with `LOGSKIFF_TEST_REAL=1` they fail. `LOGSKIFF_TEST_BIN` names another binary (a release build).
//! Run with `--test-threads=1`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::authority::Authority;
use crate::support::receiver::{Program, Received, Receiver, Way};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{lines, wait_until};

const LINES: u64 = 100_000;
/// One in this many lines is unusual.
const NASTY_EVERY: u64 = 20;
/// A receiver of datagrams loses those that it cannot take at once: they are written in portions with pauses between.
const PORTION: (u64, Duration) = (500, Duration::from_millis(25));
/// Timeout for work that normally takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Line number `seq`, without its line end.
fn line(seq: u64) -> Vec<u8> {
    if !seq.is_multiple_of(NASTY_EVERY) {
        return lines::text(seq).into_bytes();
    }
    let text = match seq / NASTY_EVERY % 8 {
        0 => "tab\there, \u{1b}[31mred\u{1b}[0m, bell \u{7}".to_owned(),
        1 => r#""quotes" [brackets] \back\slashes\ ]" =" %d %s <13>1 - - "#.to_owned() + "end",
        2 => "emoji 🚀👩‍👩‍👧 and 日本語, größe, \u{feff} inside".to_owned(),
        3 => "x".repeat(8192),
        4 => {
            return format!(r#"{{"seq":{seq},"level":"warn","cause":{{"text":"one\ntwo \"]\\ \ud83d\ude80"}}}}"#)
                .into_bytes();
        }
        5 => "carriage\rreturn \u{1}\u{2} delete \u{7f} #012".to_owned(),
        6 => return [format!("seq={seq} not UTF-8: ").as_bytes(), b"\xff\xfe\xc3( end"].concat(),
        _ => "key=\"a \\\"b\\\" c\" trailing blanks  ".to_owned(),
    };
    format!("seq={seq} {text}").into_bytes()
}

/// The number in a line.
fn number(text: &[u8]) -> Option<u64> {
    let rest = text.strip_prefix(b"seq=").or_else(|| text.strip_prefix(b"{\"seq\":"))?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// The text in a byte stream: without control characters.
fn escaped(text: &[u8]) -> Vec<u8> {
    let octal = |byte: &u8| format!("#{byte:03o}").into_bytes();
    text.iter().flat_map(|byte| if byte.is_ascii_control() { octal(byte) } else { vec![*byte] }).collect()
}

fn write(folder: &Path, from: u64, to: u64) {
    fs::create_dir_all(folder.join("logs")).expect("a folder");
    let mut file = File::options().create(true).append(true).open(folder.join("logs/app.log")).expect("a log file");
    let text: Vec<u8> = (from..to).flat_map(|seq| [line(seq), b"\n".to_vec()].concat()).collect();
    file.write_all(&text).expect("written");
}

/// Whether messages are separated by newlines: syslog-ng does not count octets on a Unix socket.
fn ends_with_newlines(program: Program, way: Way) -> bool {
    matches!(way, Way::Lines | Way::OldLines) || (program, way) == (Program::SyslogNg, Way::UnixStream)
}

fn settings(folder: &Path, program: Program, way: Way, address: &str, format: &str) -> Settings {
    let settings = Settings::syslog(folder, address)
        .with("LOGSKIFF_SYSLOG_FORMAT", format)
        .with("LOGSKIFF_SYSLOG_BYTES_MAX", "16KiB")
        .with("LOGSKIFF_PARSE", "auto")
        .with("LOGSKIFF_REDACT", "none")
        .with("LOGSKIFF_REDACT_FIELDS", "none");
    // rsyslog keeps the byte order mark in the text.
    let settings = if format == "rfc5424" { settings.with("LOGSKIFF_SYSLOG_BOM", "off") } else { settings };
    match way {
        _ if ends_with_newlines(program, way) => settings.with("LOGSKIFF_SYSLOG_FRAMING", "newline"),
        Way::Compressed => settings.with("LOGSKIFF_SYSLOG_COMPRESSION", "zlib"),
        _ => settings,
    }
}

#[track_caller]
fn check_all(case: &str, received: &[Received], escapes: bool, format: &str) {
    let mut arrivals = vec![0_u32; usize::try_from(LINES).unwrap()];
    for Received { text, whole } in received {
        let seq = number(text).unwrap_or_else(|| panic!("{case}: {:?}", String::from_utf8_lossy(text)));
        let written = line(seq);
        let want = if escapes { escaped(&written) } else { written };
        assert!(
            *text == want,
            "{case}: line {seq}: {:?} instead of {:?}",
            String::from_utf8_lossy(text),
            String::from_utf8_lossy(&want)
        );
        if format == "rfc5424" && seq / NASTY_EVERY % 8 == 4 && seq.is_multiple_of(NASTY_EVERY) {
            let value = if escapes { "one#012two" } else { "one\ntwo" };
            let param = format!(r#" cause.text="{value} \"\]\\ 🚀""#);
            assert!(String::from_utf8_lossy(whole).contains(&param), "{case}: {:?}", String::from_utf8_lossy(whole));
        }
        arrivals[usize::try_from(seq).unwrap()] += 1;
    }
    let (lost, duplicates) =
        (arrivals.iter().filter(|&&n| n == 0).count(), arrivals.iter().filter(|&&n| n > 1).count());
    eprintln!("{case}: {} received, {lost} lost, {duplicates} duplicates", received.len());
    assert_eq!((lost, duplicates), (0, 0), "{case}");
}

/// Ships all lines in one way and compares the received messages with them.
fn ship(program: Program, way: Way, format: &str) {
    let authority = Authority::new("syslog");
    let (server, client) = (authority.issue("server", "IP:127.0.0.1"), authority.issue("client", "DNS:client"));
    let Some(receiver) = Receiver::start(program, way, Some((&authority, &server))) else { return };
    let folder = TempDir::new().expect("a temporary folder");
    let path = |path: &Path| path.display().to_string();
    let mut settings = settings(folder.path(), program, way, &receiver.address(), format);
    if matches!(way, Way::Tls | Way::MutualTls | Way::RelpTls) {
        settings = settings.with("LOGSKIFF_SYSLOG_TLS_CA_FILE", &path(&authority.certificate()));
    }
    if matches!(way, Way::MutualTls | Way::RelpTls) {
        settings = settings
            .with("LOGSKIFF_SYSLOG_TLS_CERT_FILE", &path(&client.certificate))
            .with("LOGSKIFF_SYSLOG_TLS_KEY_FILE", &path(&client.key));
    }
    if matches!(way, Way::Udp | Way::UnixDatagram) {
        let sidecar = Sidecar::start(folder.path(), &settings);
        for from in (0..LINES).step_by(usize::try_from(PORTION.0).unwrap()) {
            write(folder.path(), from, from + PORTION.0);
            sleep(PORTION.1);
        }
        sidecar.drain(Duration::from_secs(27));
    } else {
        write(folder.path(), 0, LINES);
        let mut sidecar = Sidecar::start(folder.path(), &settings.with("LOGSKIFF_EXIT", "eof"));
        let (status, took) = sidecar.wait(PATIENCE);
        assert!(status.success(), "{program:?} {way:?}: {status}");
        eprintln!("{program:?} {way:?} {format}: shipped in {took:?}");
    }
    wait_until("all messages", PATIENCE, || receiver.count() >= LINES);
    check_all(&format!("{program:?} {way:?} {format}"), &receiver.received(), ends_with_newlines(program, way), format);
}

/// Goal: each stream of rsyslog, in both formats.
#[test]
fn rsyslog_receives_every_stream() {
    for format in ["rfc5424", "rfc3164"] {
        for way in [Way::Tcp, Way::Lines, Way::Compressed, Way::UnixStream] {
            ship(Program::Rsyslog, way, format);
        }
    }
}

/// Goal: TLS, with and without a client's certificate.
#[test]
fn rsyslog_receives_tls() {
    ship(Program::Rsyslog, Way::Tls, "rfc5424");
    ship(Program::Rsyslog, Way::MutualTls, "rfc3164");
}

/// Goal: RELP, plain and within TLS.
#[test]
fn rsyslog_receives_relp() {
    for format in ["rfc5424", "rfc3164"] {
        ship(Program::Rsyslog, Way::Relp, format);
    }
    ship(Program::Rsyslog, Way::RelpTls, "rfc5424");
}

/// Goal: datagrams, at a rate that the receiver can handle.
#[test]
fn rsyslog_receives_datagrams() {
    for format in ["rfc5424", "rfc3164"] {
        ship(Program::Rsyslog, Way::Udp, format);
    }
    ship(Program::Rsyslog, Way::UnixDatagram, "rfc5424");
}

/// Goal: each source of syslog-ng. Its `syslog()` source and this flag of the others are for RFC 5424.
#[test]
fn syslog_ng_receives_every_transport() {
    let ways = [Way::Tcp, Way::Lines, Way::Tls, Way::MutualTls, Way::Udp, Way::UnixDatagram, Way::UnixStream];
    for way in ways {
        ship(Program::SyslogNg, way, "rfc5424");
    }
    ship(Program::SyslogNg, Way::OldLines, "rfc3164");
}
