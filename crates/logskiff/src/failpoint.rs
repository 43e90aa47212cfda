//! Failpoints: named points at which tests kill the process, as a SIGKILL from outside would.
//!
//! They exist only with the feature `failpoints`, which no release has.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("the feature `failpoints` is for tests: it lets the environment end the process");

/// A point that the environment variable `FAILPOINTS` can activate, as in `report=37*off->return`.
#[cfg(feature = "failpoints")]
pub fn point(name: &'static str) {
    fail::fail_point!(name, |_| kill(name));
}

/// Does nothing without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn point(_name: &'static str) {}

/// Reads `FAILPOINTS`; the points are active until the returned value is dropped.
#[cfg(feature = "failpoints")]
#[must_use]
pub fn arm() -> fail::FailScenario<'static> {
    fail::FailScenario::setup()
}

/// Kills the process: nothing is unwound or flushed, and all threads stop.
#[cfg(feature = "failpoints")]
fn kill(name: &'static str) {
    tracing::error!("crash point {name}");
    _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal arrives before the call returns; if it did not, this ends the process.
    std::process::abort();
}
