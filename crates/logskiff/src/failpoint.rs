//! Where tests let the process die: named points that end it at once, as a SIGKILL from outside would.
//!
//! Without the feature `failpoints`, which no release has, nothing of this is in the program.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("the feature `failpoints` is for tests: it lets the environment end the process");

/// A point that the environment variable `FAILPOINTS` may name, as in `report=37*off->return`.
#[cfg(feature = "failpoints")]
pub fn point(name: &'static str) {
    fail::fail_point!(name, |_| end(name));
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn point(_name: &'static str) {}

/// Reads `FAILPOINTS`; it holds as long as what is returned.
#[cfg(feature = "failpoints")]
#[must_use]
pub fn arm() -> fail::FailScenario<'static> {
    fail::FailScenario::setup()
}

/// Nothing is unwound or flushed, and no other thread goes on.
#[cfg(feature = "failpoints")]
fn end(name: &'static str) {
    tracing::error!("crash point {name}");
    _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is there before the call returns; should it ever not be, this ends the process all the same.
    std::process::abort();
}
