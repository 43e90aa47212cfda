//! Shapes of functions and structs that the design refuses.
//!
//! - A method with the name of a question (`is_…`, `has_…`, `…_before`) takes no `&mut self`.
//! - A function takes no tuple, and at most one `bool`: a call shows no names.
//! - A struct has at most 12 fields, except configuration, arguments, metrics and snapshots.

use std::collections::BTreeSet;
use std::fs;

use syn::visit::{self, Visit};

const FIELDS_MAX: usize = 12;

/// Shapes that are allowed although the design refuses them. An entry that is no longer needed fails the test.
const EXCEPTIONS: &[&str] = &[];

/// The refused shapes of one file.
struct Shapes {
    module: Vec<String>,
    found: BTreeSet<String>,
}

impl Shapes {
    fn read(module: &[String], source: &str) -> BTreeSet<String> {
        let mut shapes = Self { module: module.to_vec(), found: BTreeSet::new() };
        shapes.visit_file(&syn::parse_file(source).expect("the sources are Rust"));
        shapes.found
    }

    fn refuse(&mut self, what: &str, name: &syn::Ident) {
        self.found.insert(format!("{}::{name}: {what}", self.module.join("::")));
    }

    fn signature(&mut self, signature: &syn::Signature) {
        let name = signature.ident.to_string();
        let is_question = name.starts_with("is_") || name.starts_with("has_") || name.ends_with("_before");
        let changes = |receiver: &syn::Receiver| receiver.reference.is_some() && receiver.mutability.is_some();
        if is_question && signature.receiver().is_some_and(changes) {
            self.refuse("a question that takes &mut self", &signature.ident);
        }
        let kinds = || {
            signature.inputs.iter().filter_map(|input| match input {
                syn::FnArg::Typed(typed) => Some(without_reference(&typed.ty)),
                syn::FnArg::Receiver(_) => None,
            })
        };
        if kinds().any(|kind| matches!(kind, syn::Type::Tuple(_))) {
            self.refuse("takes a tuple", &signature.ident);
        }
        if kinds().filter(|kind| matches!(kind, syn::Type::Path(path) if path.path.is_ident("bool"))).count() > 1 {
            self.refuse("takes more than one bool", &signature.ident);
        }
    }
}

fn without_reference(kind: &syn::Type) -> &syn::Type {
    if let syn::Type::Reference(reference) = kind { without_reference(&reference.elem) } else { kind }
}

/// Whether a struct may have as many fields as there are settings, arguments or figures.
fn may_be_long(item: &syn::ItemStruct) -> bool {
    const ENDS: [&str; 4] = ["Config", "Metrics", "Snapshot", "Report"];
    let name = item.ident.to_string();
    let is_clap = item.attrs.iter().any(|attribute| {
        matches!(&attribute.meta, syn::Meta::List(list) if list.path.is_ident("derive")
            && list.tokens.to_string().split(", ").any(|derived| derived == "Args" || derived == "Parser"))
    });
    is_clap || ENDS.iter().any(|end| name.ends_with(end))
}

impl<'ast> Visit<'ast> for Shapes {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !super::is_test(super::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    /// A trait defines the signatures of its methods.
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none() {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !super::is_test(&function.attrs) {
            self.signature(&function.sig);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.signature(&function.sig);
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.signature(&function.sig);
        visit::visit_item_fn(self, function);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if item.fields.len() > FIELDS_MAX && !may_be_long(item) {
            self.refuse("more than 12 fields", &item.ident);
        }
    }
}

#[test]
fn functions_and_structs_have_no_refused_shape() {
    let found: BTreeSet<String> = super::sources()
        .into_iter()
        .filter(|(_, module)| !super::is_of_tests(module))
        .flat_map(|(file, module)| Shapes::read(&module, &fs::read_to_string(file).unwrap()))
        .collect();
    let excepted: BTreeSet<String> = EXCEPTIONS.iter().map(|&shape| shape.to_owned()).collect();
    let list = |shapes: &BTreeSet<String>, without: &BTreeSet<String>| {
        shapes.difference(without).map(|shape| format!("    {shape:?},")).collect::<Vec<_>>().join("\n")
    };
    let (new, gone) = (list(&found, &excepted), list(&excepted, &found));
    assert!(new.is_empty(), "shapes that the design refuses:\n{new}");
    assert!(gone.is_empty(), "exceptions that are no longer needed; take them out of EXCEPTIONS:\n{gone}");
}

#[test]
fn shapes_are_distinguished() {
    #[track_caller]
    fn check(source: &str, want: &[&str]) {
        let found = Shapes::read(&["m".to_owned()], source);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), want, "{source}");
    }
    check("impl A { fn is_over(&mut self) {} }", &["m::is_over: a question that takes &mut self"]);
    check(
        "trait A { fn acknowledged_before(&mut self); }",
        &["m::acknowledged_before: a question that takes &mut self"],
    );
    check("impl A { fn is_over(&self) {} fn has_room(self) {} fn end(&mut self) {} }", &[]);
    check("fn f((a, b): (u8, u8)) {}", &["m::f: takes a tuple"]);
    check("fn f(pair: &mut (u8, u8), unit: Vec<(u8, u8)>) {}", &["m::f: takes a tuple"]);
    check("fn f(pairs: &[(u8, u8)], each: impl Fn((u8, u8))) {}", &[]);
    check("fn f(a: bool, b: bool) {}", &["m::f: takes more than one bool"]);
    check("fn f(a: bool) {} impl From<(u8, u8)> for A { fn from(pair: (u8, u8)) -> A {} }", &[]);
    check("#[cfg(test)] mod tests { fn f(a: (u8, u8)) {} } #[test] fn g(a: (u8, u8)) {}", &[]);
    let fields = (0..=FIELDS_MAX).map(|field| format!("f{field}: u8")).collect::<Vec<_>>().join(", ");
    check(&format!("struct A {{ {fields} }}"), &["m::A: more than 12 fields"]);
    check(&format!("struct AConfig {{ {fields} }} #[derive(Debug, Args)] struct B {{ {fields} }}"), &[]);
}
