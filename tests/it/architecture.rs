//! Modules do not know each other: compares the imports of the sources with the imports that the design allows.
//!
//! Every path that leaves a module counts, in a `use` or anywhere else, macros included, except in test code. A path is
//! resolved by hand (`crate`, `self`, `super`); glob imports of the parent module add nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use syn::visit::{self, Visit};

mod picture;
mod shapes;

/// The modules that a module may import. A target `redact::Redacted` allows that item of the module and no other.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "failpoint"]),
    ("cli", &["agent", "config", "*"]),
    ("agent", &["config", "*"]),
    ("config", &["*"]),
    ("event", &[]),
    ("regular", &[]),
    ("units", &[]),
    ("failpoint", &[]),
    ("sandbox", &[]),
    ("delivery", &[]),
    ("telemetry", &[]),
    ("sandbox::landlock", &["sandbox::stable_parent"]),
    ("sandbox::stable_parent", &["sandbox"]),
    ("source", &["event", "telemetry::metrics"]),
    (
        "pipeline",
        &["config", "event", "telemetry::metrics", "redact", "pipeline::frame", "pipeline::parse", "pipeline::encode"],
    ),
    ("pipeline::frame", &["event", "telemetry::metrics"]),
    ("pipeline::parse", &["event", "telemetry::metrics"]),
    ("redact", &["event"]),
    ("pipeline::encode", &["event", "telemetry::metrics", "redact::Redacted", "redact::Piece"]),
    ("pipeline::batch", &["event", "telemetry::metrics", "redact::Redacted", "redact::Piece"]),
    (
        "sink",
        &[
            "event",
            "telemetry::metrics",
            "telemetry::log_rate_limit",
            "pipeline::batch",
            "pipeline::encode",
            "regular",
            "units",
        ],
    ),
    ("delivery::ledger", &["event", "telemetry::metrics"]),
    ("delivery::checkpoint", &["event", "telemetry::metrics", "failpoint", "regular"]),
    ("telemetry::metrics", &[]),
    ("telemetry::process_stats", &[]),
    ("telemetry::loss_forecast", &[]),
    ("telemetry::log_rate_limit", &["telemetry::metrics"]),
    ("telemetry::http", &["event", "telemetry::metrics", "telemetry::process_stats", "delivery::ledger::Balance"]),
];

/// `*` in [`ARROWS`] stands for the modules of the pipeline and its neighbours.
const ABOVE: [&str; 4] = ["main", "cli", "agent", "config"];

/// A new output changes nothing in these modules: they name no output.
const WITHOUT_OUTPUTS: [&str; 5] = ["agent", "cli", "delivery", "pipeline", "telemetry"];
/// The submodule of `sink` that is not an output.
const NO_OUTPUT: &str = "fanout";

/// Crates of the program, in addition to its own.
const CRATES: [&str; 2] = ["event", "redact"];

/// A longer file is split by topic.
const FILE_LINES_MAX: usize = 500;

/// The relevant paths and actions of one file.
#[derive(Default)]
struct Findings {
    /// Paths from the crate's root, such as `["redact", "Redacted"]`.
    paths: BTreeSet<Vec<String>>,
    /// Paths into the standard library's environment.
    environment: BTreeSet<String>,
    /// Named outputs: modules of `sink`, and variants of `OutputConfig`.
    outputs: BTreeSet<String>,
    /// Places that create a `Redacted`.
    redacted: BTreeSet<String>,
    /// Test modules that are compiled into the binary.
    tests: BTreeSet<String>,
}

struct Reader {
    /// The current module, from the crate's root.
    module: Vec<String>,
    found: Findings,
}

/// Paths inside macros, as `to_string` of their tokens writes them.
static IN_MACROS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\$ ?)?\b((?:crate|super|self|std)(?: :: \w+)+)").unwrap());

impl Reader {
    fn read(module: &[&str], source: &str) -> Findings {
        let file = syn::parse_file(source).expect("the sources are Rust");
        let module = module.iter().map(|name| (*name).to_owned()).collect();
        let mut reader = Self { module, found: Findings::default() };
        reader.visit_file(&file);
        reader.found
    }

    fn note(&mut self, path: &[String]) {
        if path.len() > 1 && path[0] == "std" && path[1] == "env" {
            self.found.environment.insert(path.join("::"));
        }
        if let [.., config, variant] = path
            && config == "OutputConfig"
            && variant.starts_with(char::is_uppercase)
        {
            self.found.outputs.insert(format!("OutputConfig::{variant}"));
        }
        let Some(absolute) = self.resolve(path) else { return };
        if let [sink, module, ..] = absolute.as_slice()
            && sink == "sink"
            && module.starts_with(char::is_lowercase)
            && module != NO_OUTPUT
        {
            self.found.outputs.insert(format!("sink::{module}"));
        }
        if !absolute.is_empty() {
            self.found.paths.insert(absolute);
        }
    }

    /// From the crate's root; `None` for a path outside of this crate, or through an import that was recorded.
    fn resolve(&self, path: &[String]) -> Option<Vec<String>> {
        let mut from = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" | "logskiff" => {
                // Each crate of ours counts as a module.
                from.retain({
                    let mut first = true;
                    move |name| std::mem::take(&mut first) && CRATES.contains(&name.as_str())
                });
                rest = &path[1..];
            }
            name if CRATES.contains(&name) && path.len() > 1 => from.clear(),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    from.pop();
                    rest = &rest[1..];
                }
            }
            _ => return None,
        }
        from.extend(rest.iter().cloned());
        Some(from)
    }

    fn note_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.note_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) if name.ident == "self" => self.note(before),
            syn::UseTree::Name(name) => self.note(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.note(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.note(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(before, tree)),
        }
    }
}

fn names(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let cfg_test = attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test");
        attribute.path().is_ident("test") || cfg_test
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        if name == "tests" {
            self.found.tests.insert(self.module.join("::"));
        }
        self.module.push(name);
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.note(&names(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let tokens = call.tokens.to_string();
        for found in IN_MACROS.captures_iter(&tokens).filter(|found| found.get(1).is_none()) {
            let path: Vec<String> = found[2].split(" :: ").map(ToOwned::to_owned).collect();
            self.note(&path);
        }
        visit::visit_macro(self, call);
    }

    fn visit_expr_struct(&mut self, value: &'ast syn::ExprStruct) {
        if value.path.segments.last().is_some_and(|segment| segment.ident == "Redacted") {
            self.found.redacted.insert("Redacted { … }".into());
        }
        visit::visit_expr_struct(self, value);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let names = names(&path.path);
        if names.len() > 1 && names[names.len() - 2] == "Redacted" {
            self.found.redacted.insert(names.join("::"));
        }
        visit::visit_expr_path(self, path);
    }
}

/// All violations in one file of a module.
fn wrongs(module: &[&str], source: &str) -> Vec<String> {
    let found = Reader::read(module, source);
    let room = part_of(module);
    let room = room.as_str();
    let mut wrongs = Vec::new();
    for path in &found.paths {
        if part_of(path) != room && !is_allowed(room, path) {
            wrongs.push(format!("{} names {}", module.join("::"), path.join("::")));
        }
    }
    if module.first().is_some_and(|room| WITHOUT_OUTPUTS.contains(room)) {
        wrongs.extend(found.outputs.iter().map(|output| format!("{} names the output {output}", module.join("::"))));
    }
    if room != "config" {
        wrongs.extend(found.environment.iter().map(|path| format!("{} reads {path}", module.join("::"))));
    }
    if room != "redact" {
        wrongs.extend(found.redacted.iter().map(|what| format!("{} makes {what}", module.join("::"))));
    }
    wrongs.extend(found.tests.iter().map(|of| format!("{of} builds its tests into the binary")));
    wrongs
}

/// The row of the table for a path: the longest match of one or two names.
fn part_of<T: AsRef<str>>(path: &[T]) -> String {
    let names: Vec<&str> = path.iter().take(2).map(AsRef::as_ref).collect();
    let both = names.join("::");
    let first = names.first().copied().unwrap_or("lib").to_owned();
    if ARROWS.iter().any(|(known, _)| *known == both) { both } else { first }
}

fn is_allowed(room: &str, path: &[String]) -> bool {
    let Some((_, targets)) = ARROWS.iter().find(|(known, _)| *known == room) else { return false };
    let (target, named) = (part_of(path), path.join("::"));
    let begins_with = |allowed: &str| named == allowed || named.starts_with(&format!("{allowed}::"));
    targets.iter().any(|allowed| {
        // A submodule with its own row is allowed only by its own name.
        (begins_with(allowed) && (target == *allowed || !target.starts_with(&format!("{allowed}::"))))
            || (*allowed == "*"
                && !ABOVE.contains(&target.as_str())
                && ARROWS.iter().any(|(known, _)| *known == target))
    })
}

/// Every source file, with its module.
fn sources() -> Vec<(PathBuf, Vec<String>)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    let crates = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates"));
    let of = |name: &str| {
        let root = crates.join(name).join("src");
        let mut files = Vec::new();
        walk(&root, &mut files);
        files.sort_unstable();
        let module = |file: PathBuf| {
            let relative = file.strip_prefix(&root).unwrap().with_extension("");
            let mut names: Vec<_> = relative.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
            names.retain(|name| name != "lib");
            if CRATES.contains(&name) {
                names.insert(0, name.to_owned());
            }
            (file, names)
        };
        files.into_iter().map(module).collect::<Vec<_>>()
    };
    CRATES.into_iter().chain(["logskiff"]).flat_map(of).collect()
}

fn is_of_tests(module: &[String]) -> bool {
    module.iter().any(|name| name == "tests")
}

#[test]
fn modules_import_only_what_is_allowed() {
    let mut wrong = Vec::new();
    for (file, module) in sources().into_iter().filter(|(_, module)| !is_of_tests(module)) {
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        wrong.extend(wrongs(&module, &fs::read_to_string(&file).unwrap()));
    }
    assert!(wrong.is_empty(), "arrows that the design does not allow:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_module_has_a_row_and_every_row_a_module() {
    let in_modules = sources().into_iter().filter(|(_, module)| !module.is_empty());
    let rooms: BTreeSet<String> = in_modules.map(|(_, module)| part_of(&module)).collect();
    let rows: BTreeSet<String> = ARROWS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, rows);
}

#[test]
fn files_are_short() {
    for (file, module) in sources() {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= FILE_LINES_MAX || is_of_tests(&module), "{}: {lines} lines", file.display());
    }
}

/// Only `redact` creates a `Redacted`, and only by one public function.
#[test]
fn one_public_function_creates_redacted_output() {
    struct Makers(Vec<String>);
    impl<'ast> Visit<'ast> for Makers {
        fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
            let returns = match &function.sig.output {
                syn::ReturnType::Type(_, kind) => kind.as_ref(),
                syn::ReturnType::Default => return,
            };
            let redacted = matches!(returns, syn::Type::Path(path)
                if path.path.segments.last().is_some_and(|segment| segment.ident == "Redacted" || segment.ident == "Self"));
            let of_redacted = matches!(returns, syn::Type::Path(path) if path.path.is_ident("Self"));
            if redacted && !of_redacted && matches!(function.vis, syn::Visibility::Public(_)) {
                self.0.push(function.sig.ident.to_string());
            }
        }

        fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
            let is_redacted = matches!(item.self_ty.as_ref(), syn::Type::Path(path)
                if path.path.segments.last().is_some_and(|segment| segment.ident == "Redacted"));
            for function in item.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(function) if is_redacted => Some(function),
                _ => None,
            }) {
                let makes = function.sig.receiver().is_none() && matches!(function.vis, syn::Visibility::Public(_));
                if makes {
                    self.0.push(format!("Redacted::{}", function.sig.ident));
                }
            }
            visit::visit_item_impl(self, item);
        }
    }
    let mut makers = Makers(Vec::new());
    for (file, module) in sources() {
        if module.first().is_some_and(|room| room == "redact") && !is_of_tests(&module) {
            makers.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        }
    }
    assert_eq!(makers.0, ["redact"]);
}

/// Goal: the checker detects an import in any syntax, and nothing else.
#[test]
fn the_checker_can_fail() {
    #[track_caller]
    fn check(module: &str, source: &str, want: &[&str]) {
        let module: Vec<&str> = module.split("::").collect();
        assert_eq!(wrongs(&module, source), want, "{source}");
    }
    check("pipeline::parse", "use crate::source::FileSource;", &["pipeline::parse names source::FileSource"]);
    check(
        "pipeline::parse::json",
        "use crate::{pipeline::frame::Line, delivery::ledger::{self, Ledger as L}};",
        &[
            "pipeline::parse::json names delivery::ledger",
            "pipeline::parse::json names delivery::ledger::Ledger",
            "pipeline::parse::json names pipeline::frame::Line",
        ],
    );
    check("pipeline::parse::json", "use super::super::super::source::*;", &["pipeline::parse::json names source"]);
    check(
        "pipeline::parse::json",
        "fn f(x: super::super::super::source::FileSource) {}",
        &["pipeline::parse::json names source::FileSource"],
    );
    check(
        "pipeline::parse",
        "fn f() { crate::sink::kafka::Kafka::new(); }",
        &["pipeline::parse names sink::kafka::Kafka::new", "pipeline::parse names the output sink::kafka"],
    );
    check("agent", "use crate::sink::{Fanout, OutputConfig}; fn f() { outputs.map(OutputConfig::name); }", &[]);
    check(
        "cli::check",
        "use crate::sink::{OutputConfig, syslog}; fn f() { matches!(a, OutputConfig::Stdout) } fn g(a: A) { if let OutputConfig::Kafka(_) = a {} }",
        &["cli::check names the output OutputConfig::Kafka", "cli::check names the output sink::syslog"],
    );
    check("pipeline::parse", "fn f() { log!(at = crate::source::at()); }", &["pipeline::parse names source::at"]);
    check(
        "pipeline::parse",
        "mod inner { use super::super::super::source::FileSource; }",
        &["pipeline::parse names source::FileSource"],
    );
    check("pipeline::encode", "use redact::{Redacted, Piece};", &[]);
    check("pipeline::encode", "use redact::Redactor;", &["pipeline::encode names redact::Redactor"]);
    check(
        "pipeline::frame",
        "use crate::delivery::ledger::Ledger;",
        &["pipeline::frame names delivery::ledger::Ledger"],
    );
    check("agent", "use crate::cli::print;", &["agent names cli::print"]);
    check("config", "use crate::{agent::App, source::Config};", &["config names agent::App"]);
    check(
        "pipeline::parse",
        "#[cfg(test)] mod tests { use crate::source::FileSource; } #[cfg(test)] use crate::source;",
        &[],
    );
    check("pipeline::parse", "mod tests;", &["pipeline::parse builds its tests into the binary"]);
    check(
        "pipeline::parse",
        "use super::frame::Frames; use self::json::read; mod json;",
        &["pipeline::parse names pipeline::frame::Frames"],
    );
    check("source", "fn f() { std::env::var(\"A\"); env!(\"B\"); }", &["source reads std::env::var"]);
    check("source", "use std::{env, io};", &["source reads std::env"]);
    check("config::raw", "use std::env;", &[]);
    check(
        "agent",
        "fn f() { Redacted { text }; Redacted::new(text); }",
        &["agent makes Redacted { … }", "agent makes Redacted::new"],
    );
    check("nowhere", "use event::Line;", &["nowhere names event::Line"]);
}
