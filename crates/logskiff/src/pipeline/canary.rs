//! Searches a record for a text that it must not contain: plain, escaped, percent-encoded or as Base64. Writes the lines
//! with which that is tried.
//!
//! The search knows nothing of the rules, so that it finds what they miss.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;
use serde_json::{Value, json};

use crate::pipeline::parse::Format;
use redact::Canary;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The lines that have a canary's secret: its own, and a JSON object where `formats` may read one.
#[must_use]
pub fn lines(canary: &Canary, formats: &[Format]) -> Vec<String> {
    let line = canary.line;
    let is_json = formats.iter().any(|format| matches!(format, Format::Json | Format::Auto));
    let object = is_json.then(|| json!({ "level": "info", "message": line, "canary": { "text": line } }).to_string());
    std::iter::once(line.to_owned()).chain(object).collect()
}

/// Whether a record, or one of its names and values, contains the text.
#[must_use]
pub fn holds(record: &[u8], canary: &str) -> bool {
    fn within(value: &Value, canary: &str) -> bool {
        match value {
            Value::String(text) => is_in(text.as_bytes(), canary),
            Value::Array(items) => items.iter().any(|item| within(item, canary)),
            Value::Object(members) => {
                members.iter().any(|(key, value)| is_in(key.as_bytes(), canary) || within(value, canary))
            }
            other => is_in(other.to_string().as_bytes(), canary),
        }
    }
    is_in(record, canary) || serde_json::from_slice(record).is_ok_and(|value: Value| within(&value, canary))
}

fn is_in(text: &[u8], canary: &str) -> bool {
    let found = |text: &[u8]| memchr::memmem::find(text, canary.as_bytes()).is_some();
    found(text) || found(&percent_decode(text).collect::<Vec<u8>>()) || opened(text).iter().any(|opened| found(opened))
}

/// What the runs of Base64 letters hold, from wherever in them it begins.
fn opened(text: &[u8]) -> Vec<Vec<u8>> {
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let runs = text.split(|byte| !letter(byte)).filter(|run| run.len() > 1);
    let aligned = runs.flat_map(|run| (0..run.len().min(4)).map(|start| &run[start..]));
    aligned
        .filter_map(|run| {
            let whole = if run.len() % 4 == 1 { run.len() - 1 } else { run.len() };
            ENGINE.decode(run[..whole].iter().map(standard).collect::<Vec<u8>>()).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_every_encoding() {
        #[track_caller]
        fn check(record: &str, want: bool) {
            assert_eq!(holds(record.as_bytes(), "s3cr\"et"), want, "{record}");
        }
        check(r#"plain s3cr"et text"#, true);
        check(r#"{"a":["x s3cr\"et"]}"#, true);
        check(r#"{"a":{"s3cr\u0022et":1}}"#, true);
        check(r#"{"a":"q=s3cr%22%65t&"}"#, true);
        check(r#"{"a":"q=s3cr\u002522et&"}"#, true);
        // x=s3cr"et y, in three places of a group
        check("b64 eD1zM2NyImV0IHk=", true);
        check("YWE9czNjciJldCB5", true);
        check("YWFhPXMzY3IiZXQgeQ", true);
        check("aaaeD1zM2NyImV0IHk=", true);
        check(r#"{"a":"<redacted:password>","b":"eD1zM2N5ImV0IHk=","c":"100%"}"#, false);
    }
}
