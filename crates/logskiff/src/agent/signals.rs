//! Signals: SIGTERM and SIGINT start the drain, other common signals are ignored.
//!
//! Enters: signals. Leaves: the next stage of the shutdown, or a line in the log. No common signal ends the process
//! without a drain.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signal handlers. They are active once this exists.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    ignored: [Ignored; 4],
}

/// A signal that has a meaning in other programs, and none here.
#[derive(Debug)]
struct Ignored {
    name: &'static str,
    signal: Signal,
    is_logged: bool,
}

impl Ignored {
    fn new(name: &'static str, kind: SignalKind) -> io::Result<Self> {
        Ok(Self { name, signal: signal(kind)?, is_logged: false })
    }

    /// Receives these signals, and logs the first. It never returns.
    async fn receive(&mut self) -> ! {
        loop {
            // A stream of signals has no end.
            _ = self.signal.recv().await;
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
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            ignored: [
                // A closed terminal sends SIGHUP. Other programs reload or reopen files at these three.
                Ignored::new("SIGHUP", SignalKind::hangup())?,
                Ignored::new("SIGUSR1", SignalKind::user_defined1())?,
                Ignored::new("SIGUSR2", SignalKind::user_defined2())?,
                // Web servers shut down at this signal, and Java prints its threads.
                Ignored::new("SIGQUIT", SignalKind::quit())?,
            ],
        })
    }

    /// Waits for a signal that asks for the next stage of the shutdown. Cancellation safe.
    pub(super) async fn shutdown(&mut self) {
        let [hang_up, user_1, user_2, quit] = &mut self.ignored;
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            never = hang_up.receive() => never,
            never = user_1.receive() => never,
            never = user_2.receive() => never,
            never = quit.receive() => never,
        }
    }
}
