//! What each signal does: no signal that can be handled ends logskiff without a drain.
//!
//! Enters: signals. Leaves: a step towards the end, or a line in its own log.

use std::future::poll_fn;
use std::io;
use std::ops::RangeInclusive;
use std::task::{Context, Poll};

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Stage;

/// Signals that change nothing. By default, each of them ends a process.
const IGNORED: [(&str, Number); 11] = [
    // Sent when a terminal closes, after log rotation, or so that other programs reload or reopen their files.
    ("SIGHUP", Number::HUP),
    ("SIGUSR1", Number::USR1),
    ("SIGUSR2", Number::USR2),
    // Ends web servers in their own way, and makes Java print its threads.
    ("SIGQUIT", Number::QUIT),
    // Timers, profilers, power supplies and devices that logskiff does not use.
    ("SIGALRM", Number::ALARM),
    ("SIGVTALRM", Number::VTALARM),
    ("SIGPROF", Number::PROF),
    ("SIGPWR", Number::POWER),
    ("SIGIO", Number::IO),
    ("SIGSTKFLT", Number::STKFLT),
    // A file reached the size limit: the write fails too, and that is reported.
    ("SIGXFSZ", Number::XFSZ),
];

/// The real-time signals. The C library keeps those below to itself, and some keep the first of these.
const REAL_TIME: RangeInclusive<i32> = 34..=64;

/// The signals that logskiff listens to.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    was_interrupted: bool,
    /// The limit of processor time is reached: the kernel kills the process at the hard limit. Sent once a second.
    cpu_limit: Option<Signal>,
    ignored: Vec<Ignored>,
}

/// A signal that changes nothing.
#[derive(Debug)]
struct Ignored {
    name: &'static str,
    signal: Signal,
    is_logged: bool,
}

impl Ignored {
    fn new(name: &'static str, number: i32) -> io::Result<Self> {
        Ok(Self { name, signal: signal(SignalKind::from_raw(number))?, is_logged: false })
    }

    /// Takes all that have come, and logs the first.
    fn take(&mut self, context: &mut Context<'_>) {
        while self.signal.poll_recv(context).is_ready() {
            if !std::mem::replace(&mut self.is_logged, true) {
                let signal = self.name;
                tracing::info!(
                    signal,
                    "signal ignored: logskiff reloads nothing on signals and finds rotated files by itself; send SIGTERM to stop it"
                );
            }
        }
    }
}

impl Signals {
    /// Installs the handlers. The runtime must be entered.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn new() -> io::Result<Self> {
        let named = IGNORED.iter().map(|(name, number)| Ignored::new(name, number.as_raw()));
        let mut ignored: Vec<Ignored> = named.collect::<io::Result<_>>()?;
        ignored.extend(REAL_TIME.filter_map(|number| Ignored::new("real-time", number).ok()));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            was_interrupted: false,
            cpu_limit: Some(signal(SignalKind::from_raw(Number::XCPU.as_raw()))?),
            ignored,
        })
    }

    /// Waits for a signal that asks for the end, and returns how. Kubelets may send SIGTERM twice: only a second SIGINT,
    /// from a person at a terminal, ends at once. Cancellation safe.
    pub(super) async fn shutdown(&mut self) -> Stage {
        let Self { terminate, interrupt, was_interrupted, cpu_limit, ignored } = self;
        poll_fn(|context| {
            for ignored in ignored.iter_mut() {
                ignored.take(context);
            }
            if cpu_limit.as_mut().is_some_and(|signal| signal.poll_recv(context).is_ready()) {
                // It comes again each second.
                *cpu_limit = None;
                tracing::warn!("the limit of processor time is reached (RLIMIT_CPU): draining");
                return Poll::Ready(Stage::Drain);
            }
            if interrupt.poll_recv(context).is_ready() {
                let is_second = std::mem::replace(was_interrupted, true);
                return Poll::Ready(if is_second { Stage::Now } else { Stage::Drain });
            }
            terminate.poll_recv(context).map(|_| Stage::Drain)
        })
        .await
    }
}
