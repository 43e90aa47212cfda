//! Tests of the presets' table.

use super::{Layouts, Preset};

#[test]
fn every_layout_compiles() {
    for preset in Preset::all() {
        let layouts = Layouts::new(preset, &mut Vec::new());
        assert!(layouts.is_ok(), "{}: {:?}", preset.name(), layouts.err());
    }
}

#[test]
fn presets_are_sorted_by_name() {
    assert!(Preset::all().map(Preset::name).is_sorted());
}
