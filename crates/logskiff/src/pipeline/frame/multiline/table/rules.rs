//! Lines that continue a trace.

use super::super::Reason;
use super::super::shape::{
    self,
    Shape::{Any, Begins, Exactly, Flush, Indented, Is},
};
use super::super::state::Mode::{
    self, Banner, Box, Cause, Crash, Dump, Exception, Frames, Go, GoHead, NodeCrash, NodeMemory, Php, PhpHead, Python,
    PythonChain, PythonEnd, PythonGroup, PythonHead, PythonStack, Repeat, Require, Ruby, RubyHead, RubyRescue, Rust,
    RustHead, Server, Text, Whole,
};
use super::{
    CAUSED_BY, DOTNET, GO, GROUP, HANDLING, JAVA, NODE, PHP, PYTHON, RUBY, RUST, Rule, SERVER, TRACEBACK, rule,
};

/// Modes in which frames of Java, Node.js and .NET may follow.
const FRAMED: &[Mode] = &[Text, Frames, Cause, Exception, Crash, Require, Repeat];
const CAUSED: &[Mode] = &[Frames, Cause, Exception, Crash];
const GOES: &[Mode] = &[GoHead, Go];
const RUBIES: &[Mode] = &[RubyHead, Ruby, RubyRescue];
const FRAME: Reason = Reason::Frame;
const CAUSE: Reason = Reason::Cause;
const PART: Reason = Reason::Part;
const MESSAGE: Reason = Reason::Message;

/// Lines that continue a trace. The first that matches counts.
pub(in super::super) const RULES: &[Rule] = &[
    rule(JAVA, FRAMED, Is(shape::is_at_frame), Frames, FRAME, "\tat org.example.Shop.main(Shop.java:3)"),
    rule(JAVA, &[Cause, Exception], Is(|text| !shape::is_exception(text)), Cause, MESSAGE, "WHERE id = 17")
        .before(Is(|text| shape::is_at_frame(text) || shape::is_elided(text))),
    rule(JAVA, &[Cause], Is(|text| !shape::is_exception(text)), Cause, MESSAGE, "two lines:")
        .before(Is(shape::is_indented)),
    rule(JAVA, CAUSED, Is(shape::is_elided), Frames, FRAME, "\t... 12 more"),
    rule(JAVA, CAUSED, Begins("Caused by: "), Cause, CAUSE, "Caused by: java.io.IOException: text"),
    rule(JAVA, CAUSED, Begins("Wrapped by: "), Cause, CAUSE, "Wrapped by: java.io.IOException: text"),
    rule(JAVA, CAUSED, Indented("Suppressed: "), Cause, CAUSE, "\tSuppressed: java.io.IOException: text"),
    rule(JAVA, CAUSED, Indented("- "), Frames, FRAME, "\t- locked <0x000000069ec02f40> (a java.lang.Object)"),
    rule(
        JAVA,
        &[Text],
        Flush("Full thread dump "),
        Dump,
        PART,
        "Full thread dump OpenJDK 64-Bit Server VM (17.0.15 mixed mode):",
    ),
    rule(JAVA, &[Dump], Is(shape::is_dump_part), Dump, PART, "\"main\" #1 prio=5 os_prio=0 tid=0x00007f07 runnable"),
    rule(JAVA, &[Banner], Begins(":: "), Whole, PART, " :: Spring Boot ::                (v3.3.5)"),
    rule(SERVER, &[Server], Flush("Tcp port: "), Server, PART, "Tcp port: 3306  Unix socket: /run/mysqld/mysqld.sock"),
    rule(SERVER, &[Server], Flush("Time  "), Whole, PART, "Time                 Id Command    Argument"),
    rule(
        JAVA,
        &[Server],
        Flush("#"),
        Server,
        PART,
        "# A fatal error has been detected by the Java Runtime Environment:",
    ),
    rule(DOTNET, FRAMED, Indented("---> "), Cause, CAUSE, " ---> System.IO.IOException: text"),
    rule(DOTNET, CAUSED, Begins("--- End of "), Frames, FRAME, "   --- End of inner exception stack trace ---"),
    rule(DOTNET, CAUSED, Indented("Exception data:"), Repeat, PART, "  Exception data:"),
    rule(DOTNET, &[Repeat], Is(shape::is_indented), Repeat, PART, "    Severity: ERROR"),
    rule(DOTNET, &[Crash, Repeat, Frames], Is(shape::is_repeat), Repeat, PART, "Repeat 24021 times:"),
    rule(DOTNET, &[Repeat, Frames], Is(shape::is_rule), Repeat, PART, "--------------------------------"),
    rule(NODE, &[Text, NodeCrash], Flush("Require stack:"), Require, PART, "Require stack:").before(Flush("- ")),
    rule(NODE, &[Require], Flush("- "), Require, PART, "- /srv/app/shop.js"),
    rule(
        NODE,
        &[Text],
        Flush("(Use `node --"),
        Whole,
        PART,
        "(Use `node --trace-warnings ...` to show where it was created)",
    ),
    rule(NODE, &[NodeCrash, Frames], Flush("Node.js v"), Whole, PART, "Node.js v20.20.2"),
    rule(NODE, &[NodeCrash], Is(shape::is_at_frame), NodeCrash, FRAME, "    at total (/srv/app/shop.js:3:7)"),
    rule(
        NODE,
        &[NodeMemory],
        Is(shape::is_node_memory),
        NodeMemory,
        PART,
        " 1: 0xb78db3 node::OOMErrorHandler(char const*) [node]",
    ),
    rule(PYTHON, &[PythonHead], TRACEBACK, Python, CAUSE, "Traceback (most recent call last):"),
    rule(PYTHON, &[Python], Is(shape::is_python_frame), Python, FRAME, "  File \"/srv/app/shop.py\", line 3, in total"),
    rule(PYTHON, &[Python], Is(shape::is_indented), Python, FRAME, "    return total[\"total\"]"),
    rule(PYTHON, &[Python], Is(shape::is_exception), PythonEnd, CAUSE, "KeyError: 'total'"),
    rule(PYTHON, &[PythonEnd], Is(|text| !shape::is_named_exception(text)), PythonEnd, MESSAGE, "the second line")
        .before(CAUSED_BY),
    rule(PYTHON, &[PythonEnd], Is(|text| !shape::is_named_exception(text)), PythonEnd, MESSAGE, "the second line")
        .before(HANDLING),
    rule(PYTHON, &[PythonEnd], Any, PythonEnd, MESSAGE, "total").before(Is(shape::is_pydantic)),
    rule(
        PYTHON,
        &[PythonEnd],
        Is(shape::is_pydantic),
        PythonEnd,
        MESSAGE,
        "  Input should be a valid number [type=float_type]",
    ),
    rule(
        PYTHON,
        &[PythonEnd],
        Indented("For further information visit"),
        PythonEnd,
        MESSAGE,
        "    For further information visit …",
    ),
    rule(PYTHON, &[PythonEnd], CAUSED_BY, PythonChain, CAUSE, "The above exception was the direct cause …"),
    rule(PYTHON, &[PythonEnd], HANDLING, PythonChain, CAUSE, "During handling of the above exception, …"),
    rule(PYTHON, &[PythonChain], TRACEBACK, Python, CAUSE, "Traceback (most recent call last):"),
    rule(PYTHON, &[PythonChain], Is(shape::is_exception), PythonEnd, CAUSE, "ShopError: text"),
    rule(
        PYTHON,
        &[PythonChain, PythonHead],
        GROUP,
        PythonGroup,
        CAUSE,
        "  + Exception Group Traceback (most recent call last):",
    ),
    rule(PYTHON, &[PythonChain], Flush("╭─"), Box, CAUSE, "╭──── Traceback (most recent call last) ────╮"),
    rule(PYTHON, &[PythonGroup], Is(shape::is_margin), PythonGroup, PART, "    | KeyError: 'total'"),
    rule(PYTHON, &[PythonGroup], Any, PythonGroup, MESSAGE, "LINE 1: SELECT * FORM orders")
        .before(Is(shape::is_margin)),
    rule(PYTHON, &[PythonEnd, PythonGroup], Any, PythonEnd, MESSAGE, "LINE 1: SELECT * FORM orders")
        .before(Is(shape::is_caret)),
    rule(PYTHON, &[PythonEnd, PythonGroup], Is(shape::is_caret), PythonEnd, MESSAGE, "                 ^"),
    rule(
        PYTHON,
        &[PythonStack],
        Is(shape::is_fault_thread),
        PythonStack,
        PART,
        "Current thread 0x00007fee (most recent call first):",
    ),
    rule(
        PYTHON,
        &[PythonStack],
        Is(shape::is_indented),
        PythonStack,
        FRAME,
        "  File \"/srv/app/shop.py\", line 3 in total",
    ),
    rule(PYTHON, &[PythonStack], Flush("Extension modules: "), Whole, PART, "Extension modules: numpy.core (total: 1)"),
    rule(PYTHON, &[Text], Flush("future: <"), Text, PART, "future: <Task finished name='order-0' coro=<failing()>>"),
    rule(PYTHON, &[Text], Flush("task: <"), Text, PART, "task: <Task pending name='order-0'>"),
    rule(PYTHON, &[Box], Flush("╰"), Python, PART, "╰───────────────────────────────────────────╯"),
    rule(NODE, &[Box], Flush("└"), Whole, PART, "└─────────┴────┘"),
    rule(PYTHON, &[Box], Is(shape::is_box), Box, PART, "│ /srv/app/shop.py:3 in total              │"),
    rule(GO, GOES, Is(shape::is_goroutine), Go, PART, "goroutine 17 [running]:"),
    rule(GO, &[GoHead], Is(shape::is_after_panic), GoHead, PART, "[signal SIGSEGV: segmentation violation code=0x1]"),
    rule(GO, &[GoHead], Flush("PC="), GoHead, PART, "PC=0x408e0e m=0 sigcode=0"),
    rule(GO, GOES, Flush("runtime stack:"), Go, PART, "runtime stack:"),
    rule(GO, &[Go, Text, GoHead], Is(shape::is_go_name), Go, FRAME, "main.total(...)").before(Is(shape::is_go_file)),
    rule(GO, &[Go], Is(shape::is_tabbed), Go, FRAME, "\t/srv/app/main.go:17 +0x25"),
    rule(GO, &[Go], Is(shape::is_go_elided), Go, PART, "...2513 frames elided..."),
    rule(GO, &[Go], Is(shape::is_register), Go, PART, "rax    0x0"),
    rule(GO, &[Go], Is(shape::is_exit_status), Whole, PART, "exit status 2"),
    rule(GO, &[Go], Any, Go, MESSAGE, "query failed").before(Is(shape::is_go_name)),
    rule(RUST, &[RustHead, Rust], Flush("note: "), Rust, PART, "note: run with `RUST_BACKTRACE=1` …"),
    rule(RUST, &[RustHead, Rust, Text], Exactly("stack backtrace:"), Rust, PART, "stack backtrace:")
        .before(Is(shape::is_rust_frame)),
    rule(RUST, &[RustHead, Rust, Text], Exactly("Stack backtrace:"), Rust, PART, "Stack backtrace:")
        .before(Is(shape::is_rust_frame)),
    rule(RUST, &[RustHead, Rust, Text], Exactly("Caused by:"), Rust, CAUSE, "Caused by:")
        .before(Is(shape::is_indented)),
    rule(RUST, &[Text], Is(shape::is_rust_frame), Rust, FRAME, "   0: shop::total").before(Is(shape::is_at_frame)),
    rule(RUST, &[Rust], Is(shape::is_indented), Rust, FRAME, "             at ./src/main.rs:17:3"),
    rule(RUST, &[RustHead], Is(shape::is_indented), RustHead, MESSAGE, "  left: [17]"),
    rule(
        RUST,
        &[RustHead],
        Flush("fatal runtime error: "),
        Whole,
        PART,
        "fatal runtime error: stack overflow, aborting",
    ),
    rule(
        RUST,
        &[RustHead, Rust],
        Flush("thread caused non-unwinding panic"),
        Whole,
        PART,
        "thread caused non-unwinding panic. aborting.",
    ),
    rule(RUST, &[RustHead], Any, RustHead, MESSAGE, "no items").before(Flush("note: run with `RUST_BACKTRACE")),
    rule(RUST, &[RustHead], Any, RustHead, MESSAGE, "no items").before(Exactly("stack backtrace:")),
    rule(RUBY, &[Text, RubyHead, Ruby, RubyRescue], Is(shape::is_ruby_frame), Ruby, FRAME, "shop.rb:3:in `total'"),
    rule(
        RUBY,
        RUBIES,
        Is(|text| shape::is_ruby_from(text) && shape::is_ruby_rescue(text)),
        RubyRescue,
        FRAME,
        "\tfrom shop.rb:3:in `rescue in total'",
    ),
    rule(RUBY, &[RubyRescue], Is(shape::is_ruby_from), RubyRescue, FRAME, "\tfrom shop.rb:3:in `total'"),
    rule(RUBY, &[RubyHead, Ruby], Is(shape::is_ruby_from), Ruby, FRAME, "\tfrom shop.rb:3:in `total'"),
    rule(
        RUBY,
        &[RubyHead, RubyRescue],
        Is(shape::is_ruby_rescue),
        RubyRescue,
        CAUSE,
        "shop.rb:3:in `rescue in total': text (ShopError)",
    ),
    rule(RUBY, &[RubyHead, RubyRescue], Is(shape::is_ruby_head), Ruby, CAUSE, "shop.rb:3:in `total': text (ShopError)"),
    rule(RUBY, &[RubyHead, RubyRescue], Is(shape::is_indented), RubyHead, MESSAGE, "  nil.total"),
    rule(RUBY, &[RubyHead], Any, RubyHead, MESSAGE, "hint: FROM").before(Is(shape::is_ruby_from)),
    rule(RUBY, &[RubyHead], Any, RubyHead, MESSAGE, "LINE 1: SELECT * FORM orders").before(Is(shape::is_caret)),
    rule(RUBY, &[RubyHead], Any, RubyHead, MESSAGE, "hint: FROM):").before(Is(shape::is_ruby_frame)),
    rule(PHP, &[Text, PhpHead, Php], Exactly("Stack trace:"), Php, PART, "Stack trace:").before(Flush("#0 ")),
    rule(PHP, &[Text, PhpHead, Php], Exactly("[stacktrace]"), Php, PART, "[stacktrace]").before(Flush("#0 ")),
    rule(PHP, &[Text, Php], Is(shape::is_php_frame), Php, FRAME, "#0 /srv/app/shop.php(17): total()"),
    rule(PHP, &[Php], Flush("Next "), PhpHead, CAUSE, "Next LogicException: text in /srv/app/shop.php:3"),
    rule(
        PHP,
        &[Php],
        Flush("[previous exception] "),
        PhpHead,
        CAUSE,
        "[previous exception] [object] (LogicException(code: 0): text",
    ),
    rule(PHP, &[Php], Indented("thrown in "), Whole, PART, "  thrown in /srv/app/shop.php on line 3"),
    rule(PHP, &[Php], Flush("\"}"), Whole, PART, "\"} []"),
];
