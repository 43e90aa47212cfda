//! Parts of lines in any order, through parsing, redaction and encoding: properties of the output.

mod check;

use logskiff::pipeline::encode;
use logskiff::pipeline::parse;
use proptest::prelude::*;

use self::check::meeting::meeting;
use self::check::{Choice, check};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_output_of_any_line_is_valid(line in meeting(), redactor in 0..6_u8, format in 0..3_u8, cut in prop::option::of(0..200_usize)) {
        let choice = Choice { redactor, format, keep: cut.unwrap_or(usize::MAX) };
        let held = check(choice, &line);
        prop_assert!(held.is_ok(), "{choice:?}: {held:?}");
    }
}
