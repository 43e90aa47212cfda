//! Lines that combine everything that rules look at.
//!
//! The property tests of whole lines and the fuzz target `redact_line` share this file.

/// Parts of lines that rules look at: parts that cost time, hide values, or separate them.
pub(crate) const UNITS: [&str; 65] = [
    "password",
    "db_token",
    "=",
    ": ",
    "::=",
    " ?= ",
    "=>",
    ": str = ",
    ":: ",
    ": |\\n ",
    ": >- ",
    "\u{b}",
    "\u{c}",
    ": !!str ",
    "&pw ",
    "\"",
    "\\\"",
    "'",
    "`",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\u{1b}[33m",
    "\u{1b}[0m",
    "\u{1b}]0;",
    "\\u001b[1m",
    "&quot;",
    "&#64;",
    "&amp;#64;",
    "%40",
    "%2540",
    "\\u0040",
    "\\\\u0040",
    "\u{a0}",
    "\u{ff1a}",
    "\u{201c}",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "\0",
    "${password:-",
    "ada@example.org",
    "4111111111111111",
    ":",
    " ",
    "\\",
    "{\"pin\":",
    "{\"order\":\"no 12\",",
    "null",
    "<redacted:email>",
    "<redacted:card:1111>",
    "<redacted:email:k1:xt5gvjlef5x7ucrv>",
    "_b64=",
    "YWRhQGV4YW1wbGUub3Jn",
    "kind: Secret",
    "Basic ",
    "-----BEGIN PRIVATE KEY-----\\nx-",
    "Comment: \"",
    "<br>",
    "qzx",
    "é😀",
    "12",
    ",",
];

/// Any of them in any order, with other bytes between them.
#[cfg(test)]
pub(crate) fn meeting() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;

    let part = prop_oneof![
        4 => (0..UNITS.len()).prop_map(|part| UNITS[part].as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
        1 => any::<String>().prop_map(String::into_bytes),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}
