use super::*;

#[test]
fn a_pattern_that_cannot_be_used_is_named() {
    let errors = Grammar::new(&Config::Start(vec!["(".to_owned(), "a*".to_owned(), "^a".to_owned()])).unwrap_err();
    assert!(matches!(&errors[..], [Error::Syntax { .. }, Error::Empty(_)]), "{errors:?}");
    assert_eq!(Grammar::new(&Config::Start(Vec::new())).unwrap_err(), [Error::NoPattern]);
    assert_eq!(Grammar::new(&Config::Presets(Vec::new())).unwrap_err(), [Error::NoPreset]);
}
