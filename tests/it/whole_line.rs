//! Parts of lines in any order, through parsing, redaction and encoding: what must hold of what leaves.

mod check;

use logskiff::pipeline::encode;
use logskiff::pipeline::parse;
use proptest::prelude::*;

use self::check::{Choice, UNITS, check};

fn meeting() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => (0..UNITS.len()).prop_map(|part| UNITS[part].as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
        1 => any::<String>().prop_map(String::into_bytes),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_leaves_of_any_line_holds(line in meeting(), redactor in 0..6_u8, format in 0..3_u8, cut in prop::option::of(0..200_usize)) {
        let choice = Choice { redactor, format, keep: cut.unwrap_or(usize::MAX) };
        let held = check(choice, &line);
        prop_assert!(held.is_ok(), "{choice:?}: {held:?}");
    }
}
