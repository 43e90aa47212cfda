//! The grammar of each runtime as data: lines that begin a trace, and lines that continue one.

use super::shape::{self, Shape};
use super::state::Mode;
use super::{Preset, Reason};

/// A line that begins a trace.
pub(super) struct Head {
    pub(super) preset: Preset,
    pub(super) line: Shape,
    /// What the next line has to look like.
    pub(super) next: Shape,
    /// The record's mode after it.
    pub(super) mode: Mode,
    /// Log libraries print this line below their own one: it joins a headed record that tells of a failure.
    pub(super) is_logged: bool,
    pub(super) example: &'static str,
}

/// A line that continues a trace.
pub(super) struct Rule {
    pub(super) preset: Preset,
    /// The modes of the record in which it does, as bits.
    pub(super) after: u64,
    pub(super) line: Shape,
    /// What the next line has to look like.
    pub(super) next: Shape,
    /// The record's mode after it.
    pub(super) mode: Mode,
    pub(super) reason: Reason,
    pub(super) example: &'static str,
}

/// The bits of modes.
const fn after(modes: &[Mode]) -> u64 {
    let (mut bits, mut at) = (0, 0);
    while at < modes.len() {
        bits |= bit(modes[at]);
        at += 1;
    }
    bits
}

/// The bit of a mode in [`Rule::after`].
pub(super) const fn bit(mode: Mode) -> u64 {
    1 << mode as u8
}

const fn crash(preset: Preset, line: Shape, next: Shape, mode: Mode, example: &'static str) -> Head {
    Head { preset, line, next, mode, is_logged: false, example }
}

const fn logged(preset: Preset, line: Shape, next: Shape, mode: Mode, example: &'static str) -> Head {
    Head { preset, line, next, mode, is_logged: true, example }
}

const fn rule(preset: Preset, modes: &[Mode], line: Shape, mode: Mode, reason: Reason, example: &'static str) -> Rule {
    Rule { preset, after: after(modes), line, next: Shape::Any, mode, reason, example }
}

impl Rule {
    /// Only if the next line looks so.
    const fn before(mut self, next: Shape) -> Self {
        self.next = next;
        self
    }
}

use Mode::{
    Banner, Box, Cause, Crash, Dump, Frames, Go, GoHead, NodeCrash, NodeMemory, Php, PhpHead, Python, PythonChain,
    PythonEnd, PythonGroup, PythonHead, PythonStack, Repeat, Require, Ruby, RubyHead, RubyRescue, Rust, RustHead,
    Server, Text, Whole,
};
use Preset::{Dotnet, Java, Node};
use Shape::{Any, Begins, Exactly, Flush, Indented, Is};

const TRACEBACK: Shape = Exactly("Traceback (most recent call last):");
const GROUP: Shape = Indented("+ Exception Group Traceback (most recent call last):");

/// Lines that begin a trace. The first that matches counts.
pub(super) const HEADS: &[Head] = &[
    crash(
        Java,
        Flush("Exception in thread \""),
        Any,
        Crash,
        "Exception in thread \"main\" java.lang.IllegalStateException: text",
    ),
    crash(
        Java,
        Flush("Full thread dump "),
        Any,
        Dump,
        "Full thread dump OpenJDK 64-Bit Server VM (17.0.15 mixed mode):",
    ),
    crash(Java, Indented(".   ____          _"), Any, Banner, "  .   ____          _            __ _ _"),
    crash(Java, Exactly("#"), Flush("# A fatal error"), Server, "#"),
    crash(
        Dotnet,
        Flush("Unhandled exception. "),
        Any,
        Crash,
        "Unhandled exception. System.InvalidOperationException: text",
    ),
    crash(
        Dotnet,
        Flush("Unhandled Exception: "),
        Any,
        Crash,
        "Unhandled Exception: System.InvalidOperationException: text",
    ),
    crash(Dotnet, Flush("Fatal error. System."), Any, Crash, "Fatal error. System.AccessViolationException: text"),
    crash(Dotnet, Flush("Process terminated. "), Any, Crash, "Process terminated. Assertion failed."),
    crash(Dotnet, Exactly("Stack overflow."), Any, Crash, "Stack overflow."),
    crash(Preset::Python, Is(shape::is_python_thread), TRACEBACK, PythonHead, "Exception in thread Thread-1 (run):"),
    crash(
        Preset::Python,
        Flush("Exception ignored in"),
        Any,
        PythonHead,
        "Exception ignored in: <function Shop.__del__ at 0x7f80>",
    ),
    crash(Preset::Python, Flush("Fatal Python error: "), Any, PythonStack, "Fatal Python error: Segmentation fault"),
    crash(
        Preset::Python,
        Is(shape::is_fault_thread),
        Any,
        PythonStack,
        "Current thread 0x00007fee (most recent call first):",
    ),
    crash(
        Preset::Python,
        Is(shape::is_python_warning),
        Any,
        PythonStack,
        "/srv/app/shop.py:3: DeprecationWarning: text",
    ),
    logged(Preset::Python, TRACEBACK, Any, Python, "Traceback (most recent call last):"),
    logged(
        Preset::Python,
        Exactly("Stack (most recent call last):"),
        Any,
        PythonStack,
        "Stack (most recent call last):",
    ),
    logged(Preset::Python, GROUP, Any, PythonGroup, "  + Exception Group Traceback (most recent call last):"),
    logged(
        Preset::Python,
        Is(shape::is_exception),
        Flush("The above exception was the direct"),
        PythonEnd,
        "KeyError: 'total'",
    ),
    logged(
        Preset::Python,
        Is(shape::is_exception),
        Flush("During handling of the above"),
        PythonEnd,
        "KeyError: 'total'",
    ),
    logged(Preset::Python, Flush("╭─"), Flush("│"), Box, "╭──── Traceback (most recent call last) ────╮"),
    crash(Node, Flush("┌─"), Is(shape::is_box), Box, "┌─────────┬────┐"),
    crash(Preset::Go, Flush("panic: "), Is(shape::is_after_panic), GoHead, "panic: text"),
    crash(
        Preset::Go,
        Flush("fatal error: "),
        Is(shape::is_after_panic),
        GoHead,
        "fatal error: all goroutines are asleep - deadlock!",
    ),
    crash(
        Preset::Go,
        Flush("runtime: "),
        Is(shape::is_after_panic),
        GoHead,
        "runtime: goroutine stack exceeds 1000000000-byte limit",
    ),
    crash(
        Preset::Go,
        Flush("unexpected fault address "),
        Flush("fatal error: "),
        GoHead,
        "unexpected fault address 0x0",
    ),
    crash(Preset::Go, Flush("SIG"), Flush("PC="), GoHead, "SIGQUIT: quit"),
    logged(Preset::Go, Is(shape::is_goroutine), Any, Go, "goroutine 17 [running]:"),
    crash(Node, Is(shape::is_node_place), Is(shape::is_source), NodeCrash, "/srv/app/shop.js:17"),
    crash(Node, Flush("<--- Last few GCs"), Any, NodeMemory, "<--- Last few GCs --->"),
    crash(Node, Is(shape::is_node_warning), Any, Text, "(node:4711) DeprecationWarning: text"),
    crash(Preset::Rust, Is(shape::is_rust_panic), Any, RustHead, "thread 'main' (17) panicked at src/main.rs:3:7:"),
    logged(Preset::Rust, Flush("Error: "), Exactly("Caused by:"), RustHead, "Error: order 17 cannot be stored"),
    logged(Preset::Rust, Flush("Error: "), Exactly("Stack backtrace:"), RustHead, "Error: order 17 cannot be stored"),
    crash(
        Preset::Ruby,
        Flush("#<Thread:0x"),
        Is(shape::is_ruby_head),
        RubyHead,
        "#<Thread:0x00007f87 shop.rb:3 run> terminated with exception",
    ),
    crash(Preset::Ruby, Is(shape::is_ruby_warning), Any, Text, "/srv/app/shop.rb:3: warning: text"),
    logged(
        Preset::Ruby,
        Is(shape::is_ruby_rescue),
        Any,
        RubyRescue,
        "shop.rb:3:in `rescue in total': text (ShopError)",
    ),
    logged(Preset::Ruby, Is(shape::is_ruby_head), Any, RubyHead, "shop.rb:3:in `total': text (ShopError)"),
    logged(Preset::Ruby, Is(shape::is_rails_head), Is(shape::is_ruby_frame), RubyHead, "ShopError (text):"),
    logged(Preset::Ruby, Is(shape::is_open_rails_head), Any, RubyHead, "ShopError (text of"),
    crash(
        Preset::Php,
        Is(shape::is_php_uncaught),
        Any,
        PhpHead,
        "PHP Fatal error:  Uncaught LogicException: text in shop.php:3",
    ),
    crash(Preset::Php, Is(shape::is_php_error), Any, Text, "PHP Warning:  text in /srv/app/shop.php on line 3"),
    logged(
        Preset::Php,
        Is(shape::is_exception),
        Exactly("Stack trace:"),
        PhpHead,
        "LogicException: text in /srv/app/shop.php:3",
    ),
    logged(Java, Is(shape::is_exception), Flush("Caused by: "), Cause, "org.example.ShopException: text"),
    logged(Java, Any, Is(shape::is_first_frame), Cause, "org.example.ShopException: text"),
];

/// Modes in which frames of Java, Node.js and .NET may follow.
const FRAMED: &[Mode] = &[Text, Frames, Cause, Crash, Require, Repeat];
const CAUSED: &[Mode] = &[Frames, Cause, Crash];
const GOES: &[Mode] = &[GoHead, Go];
const RUBIES: &[Mode] = &[RubyHead, Ruby, RubyRescue];
const FRAME: Reason = Reason::Frame;
const CAUSE: Reason = Reason::Cause;
const PART: Reason = Reason::Part;
const MESSAGE: Reason = Reason::Message;

/// Lines that continue a trace. The first that matches counts.
pub(super) const RULES: &[Rule] = &[
    rule(Java, FRAMED, Is(shape::is_at_frame), Frames, FRAME, "\tat org.example.Shop.main(Shop.java:3)"),
    rule(Java, CAUSED, Is(shape::is_elided), Frames, FRAME, "\t... 12 more"),
    rule(Java, CAUSED, Begins("Caused by: "), Cause, CAUSE, "Caused by: java.io.IOException: text"),
    rule(Java, CAUSED, Begins("Wrapped by: "), Cause, CAUSE, "Wrapped by: java.io.IOException: text"),
    rule(Java, CAUSED, Indented("Suppressed: "), Cause, CAUSE, "\tSuppressed: java.io.IOException: text"),
    rule(Java, CAUSED, Indented("- "), Frames, FRAME, "\t- locked <0x000000069ec02f40> (a java.lang.Object)"),
    rule(
        Java,
        &[Text],
        Flush("Full thread dump "),
        Dump,
        PART,
        "Full thread dump OpenJDK 64-Bit Server VM (17.0.15 mixed mode):",
    ),
    rule(Java, &[Dump], Is(shape::is_dump_part), Dump, PART, "\"main\" #1 prio=5 os_prio=0 tid=0x00007f07 runnable"),
    rule(Java, &[Banner], Begins(":: "), Whole, PART, " :: Spring Boot ::                (v3.3.5)"),
    rule(
        Java,
        &[Server],
        Flush("#"),
        Server,
        PART,
        "# A fatal error has been detected by the Java Runtime Environment:",
    ),
    rule(Dotnet, FRAMED, Indented("---> "), Cause, CAUSE, " ---> System.IO.IOException: text"),
    rule(Dotnet, CAUSED, Begins("--- End of "), Frames, FRAME, "   --- End of inner exception stack trace ---"),
    rule(Dotnet, CAUSED, Indented("Exception data:"), Repeat, PART, "  Exception data:"),
    rule(Dotnet, &[Repeat], Is(shape::is_indented), Repeat, PART, "    Severity: ERROR"),
    rule(Dotnet, &[Crash, Repeat, Frames], Is(shape::is_repeat), Repeat, PART, "Repeat 24021 times:"),
    rule(Dotnet, &[Repeat, Frames], Is(shape::is_rule), Repeat, PART, "--------------------------------"),
    rule(Node, &[Text, NodeCrash], Flush("Require stack:"), Require, PART, "Require stack:").before(Flush("- ")),
    rule(Node, &[Require], Flush("- "), Require, PART, "- /srv/app/shop.js"),
    rule(
        Node,
        &[Text],
        Flush("(Use `node --"),
        Whole,
        PART,
        "(Use `node --trace-warnings ...` to show where it was created)",
    ),
    rule(Node, &[NodeCrash, Frames], Flush("Node.js v"), Whole, PART, "Node.js v20.20.2"),
    rule(Node, &[NodeCrash], Is(shape::is_at_frame), NodeCrash, FRAME, "    at total (/srv/app/shop.js:3:7)"),
    rule(
        Node,
        &[NodeMemory],
        Is(shape::is_node_memory),
        NodeMemory,
        PART,
        " 1: 0xb78db3 node::OOMErrorHandler(char const*) [node]",
    ),
    rule(Preset::Python, &[PythonHead], TRACEBACK, Python, CAUSE, "Traceback (most recent call last):"),
    rule(
        Preset::Python,
        &[Python],
        Is(shape::is_python_frame),
        Python,
        FRAME,
        "  File \"/srv/app/shop.py\", line 3, in total",
    ),
    rule(Preset::Python, &[Python], Is(shape::is_indented), Python, FRAME, "    return total[\"total\"]"),
    rule(Preset::Python, &[Python], Is(shape::is_exception), PythonEnd, CAUSE, "KeyError: 'total'"),
    rule(
        Preset::Python,
        &[PythonEnd],
        Flush("The above exception was the direct cause"),
        PythonChain,
        CAUSE,
        "The above exception was the direct cause …",
    ),
    rule(
        Preset::Python,
        &[PythonEnd],
        Flush("During handling of the above exception"),
        PythonChain,
        CAUSE,
        "During handling of the above exception, …",
    ),
    rule(Preset::Python, &[PythonChain], TRACEBACK, Python, CAUSE, "Traceback (most recent call last):"),
    rule(Preset::Python, &[PythonChain], Is(shape::is_exception), PythonEnd, CAUSE, "ShopError: text"),
    rule(
        Preset::Python,
        &[PythonChain, PythonHead],
        GROUP,
        PythonGroup,
        CAUSE,
        "  + Exception Group Traceback (most recent call last):",
    ),
    rule(Preset::Python, &[PythonChain], Flush("╭─"), Box, CAUSE, "╭──── Traceback (most recent call last) ────╮"),
    rule(Preset::Python, &[PythonGroup], Is(shape::is_margin), PythonGroup, PART, "    | KeyError: 'total'"),
    rule(Preset::Python, &[PythonGroup], Any, PythonGroup, MESSAGE, "LINE 1: SELECT * FORM orders")
        .before(Is(shape::is_margin)),
    rule(Preset::Python, &[PythonEnd, PythonGroup], Any, PythonEnd, MESSAGE, "LINE 1: SELECT * FORM orders")
        .before(Is(shape::is_caret)),
    rule(Preset::Python, &[PythonEnd, PythonGroup], Is(shape::is_caret), PythonEnd, MESSAGE, "                 ^"),
    rule(
        Preset::Python,
        &[PythonStack],
        Is(shape::is_fault_thread),
        PythonStack,
        PART,
        "Current thread 0x00007fee (most recent call first):",
    ),
    rule(
        Preset::Python,
        &[PythonStack],
        Is(shape::is_indented),
        PythonStack,
        FRAME,
        "  File \"/srv/app/shop.py\", line 3 in total",
    ),
    rule(
        Preset::Python,
        &[PythonStack],
        Flush("Extension modules: "),
        Whole,
        PART,
        "Extension modules: numpy.core (total: 1)",
    ),
    rule(
        Preset::Python,
        &[Text],
        Flush("future: <"),
        Text,
        PART,
        "future: <Task finished name='order-0' coro=<failing()>>",
    ),
    rule(Preset::Python, &[Text], Flush("task: <"), Text, PART, "task: <Task pending name='order-0'>"),
    rule(Preset::Python, &[Box], Flush("╰"), Python, PART, "╰───────────────────────────────────────────╯"),
    rule(Node, &[Box], Flush("└"), Whole, PART, "└─────────┴────┘"),
    rule(Preset::Python, &[Box], Is(shape::is_box), Box, PART, "│ /srv/app/shop.py:3 in total              │"),
    rule(Preset::Go, GOES, Is(shape::is_goroutine), Go, PART, "goroutine 17 [running]:"),
    rule(
        Preset::Go,
        &[GoHead],
        Is(shape::is_after_panic),
        GoHead,
        PART,
        "[signal SIGSEGV: segmentation violation code=0x1]",
    ),
    rule(Preset::Go, &[GoHead], Flush("PC="), GoHead, PART, "PC=0x408e0e m=0 sigcode=0"),
    rule(Preset::Go, GOES, Flush("runtime stack:"), Go, PART, "runtime stack:"),
    rule(Preset::Go, &[Go, Text, GoHead], Is(shape::is_go_name), Go, FRAME, "main.total(...)")
        .before(Is(shape::is_go_file)),
    rule(Preset::Go, &[Go], Is(shape::is_tabbed), Go, FRAME, "\t/srv/app/main.go:17 +0x25"),
    rule(Preset::Go, &[Go], Is(shape::is_go_elided), Go, PART, "...2513 frames elided..."),
    rule(Preset::Go, &[Go], Is(shape::is_register), Go, PART, "rax    0x0"),
    rule(Preset::Go, &[Go], Is(shape::is_exit_status), Whole, PART, "exit status 2"),
    rule(Preset::Go, &[Go], Any, Go, MESSAGE, "query failed").before(Is(shape::is_go_name)),
    rule(Preset::Rust, &[RustHead, Rust], Flush("note: "), Rust, PART, "note: run with `RUST_BACKTRACE=1` …"),
    rule(Preset::Rust, &[RustHead, Rust, Text], Exactly("stack backtrace:"), Rust, PART, "stack backtrace:")
        .before(Is(shape::is_rust_frame)),
    rule(Preset::Rust, &[RustHead, Rust, Text], Exactly("Stack backtrace:"), Rust, PART, "Stack backtrace:")
        .before(Is(shape::is_rust_frame)),
    rule(Preset::Rust, &[RustHead, Rust, Text], Exactly("Caused by:"), Rust, CAUSE, "Caused by:")
        .before(Is(shape::is_indented)),
    rule(Preset::Rust, &[Text], Is(shape::is_rust_frame), Rust, FRAME, "   0: shop::total")
        .before(Is(shape::is_at_frame)),
    rule(Preset::Rust, &[Rust], Is(shape::is_indented), Rust, FRAME, "             at ./src/main.rs:17:3"),
    rule(Preset::Rust, &[RustHead], Is(shape::is_indented), RustHead, MESSAGE, "  left: [17]"),
    rule(
        Preset::Rust,
        &[RustHead],
        Flush("fatal runtime error: "),
        Whole,
        PART,
        "fatal runtime error: stack overflow, aborting",
    ),
    rule(
        Preset::Rust,
        &[RustHead, Rust],
        Flush("thread caused non-unwinding panic"),
        Whole,
        PART,
        "thread caused non-unwinding panic. aborting.",
    ),
    rule(Preset::Rust, &[RustHead], Any, RustHead, MESSAGE, "no items").before(Flush("note: run with `RUST_BACKTRACE")),
    rule(Preset::Rust, &[RustHead], Any, RustHead, MESSAGE, "no items").before(Exactly("stack backtrace:")),
    rule(
        Preset::Ruby,
        &[Text, RubyHead, Ruby, RubyRescue],
        Is(shape::is_ruby_frame),
        Ruby,
        FRAME,
        "shop.rb:3:in `total'",
    ),
    rule(
        Preset::Ruby,
        RUBIES,
        Is(|text| shape::is_ruby_from(text) && shape::is_ruby_rescue(text)),
        RubyRescue,
        FRAME,
        "\tfrom shop.rb:3:in `rescue in total'",
    ),
    rule(Preset::Ruby, &[RubyRescue], Is(shape::is_ruby_from), RubyRescue, FRAME, "\tfrom shop.rb:3:in `total'"),
    rule(Preset::Ruby, &[RubyHead, Ruby], Is(shape::is_ruby_from), Ruby, FRAME, "\tfrom shop.rb:3:in `total'"),
    rule(
        Preset::Ruby,
        &[RubyHead, RubyRescue],
        Is(shape::is_ruby_rescue),
        RubyRescue,
        CAUSE,
        "shop.rb:3:in `rescue in total': text (ShopError)",
    ),
    rule(
        Preset::Ruby,
        &[RubyHead, RubyRescue],
        Is(shape::is_ruby_head),
        Ruby,
        CAUSE,
        "shop.rb:3:in `total': text (ShopError)",
    ),
    rule(Preset::Ruby, &[RubyHead, RubyRescue], Is(shape::is_indented), RubyHead, MESSAGE, "  nil.total"),
    rule(Preset::Ruby, &[RubyHead], Any, RubyHead, MESSAGE, "hint: FROM").before(Is(shape::is_ruby_from)),
    rule(Preset::Ruby, &[RubyHead], Any, RubyHead, MESSAGE, "LINE 1: SELECT * FORM orders").before(Is(shape::is_caret)),
    rule(Preset::Ruby, &[RubyHead], Any, RubyHead, MESSAGE, "hint: FROM):").before(Is(shape::is_ruby_frame)),
    rule(Preset::Php, &[Text, PhpHead, Php], Exactly("Stack trace:"), Php, PART, "Stack trace:").before(Flush("#0 ")),
    rule(Preset::Php, &[Text, PhpHead, Php], Exactly("[stacktrace]"), Php, PART, "[stacktrace]").before(Flush("#0 ")),
    rule(Preset::Php, &[Text, Php], Is(shape::is_php_frame), Php, FRAME, "#0 /srv/app/shop.php(17): total()"),
    rule(Preset::Php, &[Php], Flush("Next "), PhpHead, CAUSE, "Next LogicException: text in /srv/app/shop.php:3"),
    rule(
        Preset::Php,
        &[Php],
        Flush("[previous exception] "),
        PhpHead,
        CAUSE,
        "[previous exception] [object] (LogicException(code: 0): text",
    ),
    rule(Preset::Php, &[Php], Indented("thrown in "), Whole, PART, "  thrown in /srv/app/shop.php on line 3"),
    rule(Preset::Php, &[Php], Flush("\"}"), Whole, PART, "\"} []"),
];
