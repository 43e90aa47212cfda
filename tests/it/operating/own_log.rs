//! Logskiff's own log, if it cannot be written.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::{KillOnDrop, http, signal, wait_until};

/// Ships with this standard error: the lines arrive, the drain is complete, and lost log messages are counted.
#[track_caller]
fn check(stderr: impl Into<Stdio>, log: &str) {
    let scene = Scene::new();
    scene.append_log("app.log", "one\ntwo\n");
    // A free port: the message with the chosen port would be lost here.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let settings = scene.observed().with("LOGSKIFF_HTTP_LISTEN", &address).with("LOGSKIFF_LOG", log);
    let mut sidecar = KillOnDrop(settings.command().stderr(stderr).spawn().unwrap());
    wait_until("both lines", PATIENCE, || scene.kafka().end_offset(TOPIC) == 2);
    let unwritten = "logskiff_log_lines_unwritten_total";
    wait_until("a count", PATIENCE, || http::scrape(&address).is_some_and(|samples| samples[unwritten] >= 1.0));
    signal(sidecar.id(), "TERM");
    wait_until("the end", PATIENCE, || sidecar.try_wait().unwrap().is_some());
    assert_eq!(sidecar.wait().unwrap().code(), Some(0));
    assert!(scene.termination_message().contains("left 0"), "{}", scene.termination_message());
}

#[test]
fn stderr_on_a_full_disk_changes_nothing() {
    check(File::options().write(true).open("/dev/full").unwrap(), "info");
}

#[test]
fn stderr_without_a_reader_changes_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    check(writer, "info");
}

/// Writes until the pipe accepts no more.
fn fill(pipe: &std::io::PipeWriter) {
    let (mut filler, page) = (pipe.try_clone().unwrap(), [b'x'; 4096]);
    let ready = || {
        let mut looked = [PollFd::new(pipe, PollFlags::OUT)];
        rustix::event::poll(&mut looked, Some(&Timespec::default())).unwrap() > 0
    };
    while ready() {
        filler.write_all(&page).unwrap();
    }
}

/// Goal: a reader that exists but does not read blocks nothing either.
#[test]
fn stderr_that_nobody_reads_changes_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    fill(&writer);
    check(writer, "info");
    drop(reader);
}
