//! Rooms don't know each other: the imports of the sources, read and held against the arrows that the design allows.
//!
//! What counts is every path that leaves a room, in a `use` or anywhere else, macros included, outside of test code. A
//! path is resolved by hand (`crate`, `self`, `super`); glob imports of one's own parent lead nowhere else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use syn::visit::{self, Visit};

/// Which rooms a room may name. A target `redact::Redacted` allows that item of the room and no other.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "crash"]),
    ("cli", &["app", "config", "*"]),
    ("app", &["config", "*"]),
    ("config", &["*"]),
    ("event", &[]),
    ("metrics", &[]),
    ("system", &[]),
    ("regular", &[]),
    ("confine", &[]),
    ("forecast", &[]),
    ("news", &["metrics"]),
    ("watch", &["event", "metrics"]),
    ("tail", &["event", "metrics"]),
    ("frame", &["event", "metrics"]),
    ("parse", &["event", "metrics"]),
    ("redact", &["event", "metrics"]),
    ("encode", &["event", "metrics", "redact::Redacted", "redact::Piece"]),
    ("batch", &["event", "metrics", "redact::Redacted", "redact::Piece"]),
    ("output", &["event", "metrics", "news", "batch", "encode", "regular"]),
    ("ledger", &["event", "metrics"]),
    ("checkpoint", &["event", "metrics", "crash", "regular"]),
    ("crash", &[]),
    ("admin", &["event", "metrics", "system", "ledger::Balance"]),
];

/// `*` in [`ARROWS`] stands for the rooms that the way of a line goes through, and those beside it.
const ABOVE: [&str; 4] = ["main", "cli", "app", "config"];

/// Crates that the program is made of, besides its own.
const CRATES: [&str; 2] = ["event", "redact"];

/// A longer file is split along its data.
const FILE_LINES_MAX: usize = 500;

/// What one file names and does, as far as it matters here.
#[derive(Default)]
struct Findings {
    /// Paths from the crate's root, such as `["redact", "Redacted"]`.
    paths: BTreeSet<Vec<String>>,
    /// Paths into the standard library's environment.
    environment: BTreeSet<String>,
    /// Places where a `Redacted` is made.
    redacted: BTreeSet<String>,
    /// Test modules that are built into the binary.
    tests: BTreeSet<String>,
}

struct Reader {
    /// The module that is being read, from the crate's root.
    module: Vec<String>,
    found: Findings,
}

/// Paths within macros, as `to_string` of their tokens writes them.
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
        let Some(absolute) = self.resolve(path) else { return };
        if !absolute.is_empty() {
            self.found.paths.insert(absolute);
        }
    }

    /// From the crate's root; `None` for what is not of this crate, or is named through an import that was noted.
    fn resolve(&self, path: &[String]) -> Option<Vec<String>> {
        let mut from = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" | "logskiff" => {
                // A crate of its own is a room of its own.
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

/// Everything that is wrong with one file of a module.
fn wrongs(module: &[&str], source: &str) -> Vec<String> {
    let found = Reader::read(module, source);
    let room = module.first().copied().unwrap_or("lib");
    let mut wrongs = Vec::new();
    for path in &found.paths {
        let target = path[0].as_str();
        if target != room && !is_allowed(room, path) {
            wrongs.push(format!("{} names {}", module.join("::"), path.join("::")));
        }
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

fn is_allowed(room: &str, path: &[String]) -> bool {
    let Some((_, targets)) = ARROWS.iter().find(|(known, _)| *known == room) else { return false };
    let (target, item) = (path[0].as_str(), path.get(1).map(|item| format!("{}::{item}", path[0])));
    targets.iter().any(|allowed| {
        *allowed == target
            || Some(*allowed) == item.as_deref()
            || (*allowed == "*" && !ABOVE.contains(&target) && ARROWS.iter().any(|(known, _)| *known == target))
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
fn rooms_name_only_what_they_may() {
    let mut wrong = Vec::new();
    for (file, module) in sources().into_iter().filter(|(_, module)| !is_of_tests(module)) {
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        wrong.extend(wrongs(&module, &fs::read_to_string(&file).unwrap()));
    }
    assert!(wrong.is_empty(), "arrows that the design does not allow:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_room_is_in_the_table_and_every_row_has_a_room() {
    let rooms: BTreeSet<String> = sources().into_iter().filter_map(|(_, module)| module.into_iter().next()).collect();
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

/// `redact` alone makes what may leave, and by one public function alone.
#[test]
fn one_public_function_makes_what_may_leave() {
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

/// Goal: the checker sees an arrow however it is written, and only there.
#[test]
fn the_checker_can_fail() {
    #[track_caller]
    fn check(module: &str, source: &str, want: &[&str]) {
        let module: Vec<&str> = module.split("::").collect();
        assert_eq!(wrongs(&module, source), want, "{source}");
    }
    check("parse", "use crate::tail::Tail;", &["parse names tail::Tail"]);
    check(
        "parse::json",
        "use crate::{frame::Line, ledger::{self, Ledger as L}};",
        &["parse::json names frame::Line", "parse::json names ledger", "parse::json names ledger::Ledger"],
    );
    check("parse::json", "use super::super::tail::*;", &["parse::json names tail"]);
    check("parse::json", "fn f(x: super::super::tail::Tail) {}", &["parse::json names tail::Tail"]);
    check("parse", "fn f() { crate::output::kafka::Kafka::new(); }", &["parse names output::kafka::Kafka::new"]);
    check("parse", "fn f() { log!(at = crate::tail::at()); }", &["parse names tail::at"]);
    check("parse", "mod inner { use super::super::tail::Tail; }", &["parse names tail::Tail"]);
    check("encode", "use redact::{Redacted, Piece};", &[]);
    check("encode", "use redact::Redactor;", &["encode names redact::Redactor"]);
    check("frame", "use crate::ledger::Ledger;", &["frame names ledger::Ledger"]);
    check("app", "use crate::cli::print;", &["app names cli::print"]);
    check("config", "use crate::{app::App, tail::Config};", &["config names app::App"]);
    check("parse", "#[cfg(test)] mod tests { use crate::tail::Tail; } #[cfg(test)] use crate::tail;", &[]);
    check("parse", "mod tests;", &["parse builds its tests into the binary"]);
    check("parse", "use super::frame::Frames; use self::json::read; mod json;", &["parse names frame::Frames"]);
    check("tail", "fn f() { std::env::var(\"A\"); env!(\"B\"); }", &["tail reads std::env::var"]);
    check("tail", "use std::{env, io};", &["tail reads std::env"]);
    check("config::raw", "use std::env;", &[]);
    check(
        "app",
        "fn f() { Redacted { text }; Redacted::new(text); }",
        &["app makes Redacted { … }", "app makes Redacted::new"],
    );
    check("nowhere", "use event::Line;", &["nowhere names event::Line"]);
}
