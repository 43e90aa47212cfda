//! Variables as a shell reads them.

/// The variable of a shell's `NAME=value` or `NAME='value'`.
pub fn variables(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').expect("NAME=value");
            let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            assert!(
                quoted.is_some() || !value.contains(|c: char| " '\"$*;{}[]()\\".contains(c)),
                "{name} needs quotes"
            );
            (name.to_owned(), quoted.unwrap_or(value).to_owned())
        })
        .collect()
}
