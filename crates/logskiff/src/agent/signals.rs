//! Which signals end it, and which change nothing: none of those that people send ends it without a drain.
//!
//! Enters: signals. Leaves: a step towards the end, or a line in its own log.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is listened to, from the moment on that this is made.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    ignored: [Ignored; 4],
}

/// One that is known from other programs, and means nothing here.
#[derive(Debug)]
struct Ignored {
    name: &'static str,
    signal: Signal,
    said: bool,
}

impl Ignored {
    fn new(name: &'static str, kind: SignalKind) -> io::Result<Self> {
        Ok(Self { name, signal: signal(kind)?, said: false })
    }

    /// Takes one, and tells of the first; never ends.
    async fn take(&mut self) -> ! {
        loop {
            // There is always another: a stream of signals has no end.
            _ = self.signal.recv().await;
            if !std::mem::replace(&mut self.said, true) {
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
    /// Begins to listen; needs the runtime to be entered.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            ignored: [
                // What ends a terminal, what rotates logs, and what other programs reload or reopen their files for.
                Ignored::new("SIGHUP", SignalKind::hangup())?,
                Ignored::new("SIGUSR1", SignalKind::user_defined1())?,
                Ignored::new("SIGUSR2", SignalKind::user_defined2())?,
                // The signal by which web servers end in their own way, and Java prints its threads.
                Ignored::new("SIGQUIT", SignalKind::quit())?,
            ],
        })
    }

    /// Waits until the end, or the next step towards it, is asked for. Cancellation safe.
    pub(super) async fn end(&mut self) {
        let [hang_up, user_1, user_2, quit] = &mut self.ignored;
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            never = hang_up.take() => never,
            never = user_1.take() => never,
            never = user_2.take() => never,
            never = quit.take() => never,
        }
    }
}
