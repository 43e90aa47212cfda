//! The key and the headers of messages.

use super::super::error::quote;
use super::super::parser::Reader;
use super::super::slips;
use super::super::units;
use crate::pipeline::encode::template::Template;
use crate::sink::kafka::{Message, OWN_HEADERS};

const KEY: &str = "LOGSKIFF_KAFKA_KEY";
const HEADERS: &str = "LOGSKIFF_KAFKA_HEADERS";

/// Each header makes every message longer.
const HEADERS_MAX: usize = 16;
/// The longest name of a header.
const NAME_BYTES_MAX: usize = 128;

/// The key, if there is one.
pub(super) fn key(reader: &mut Reader<'_>, message: Message) -> Option<Template> {
    let key = reader.read(KEY, |text| {
        let template: Template = text.parse().map_err(|error| format!("{error}"))?;
        check_message(&template, message)?;
        Ok(template)
    });
    if let Some(reason) = key.as_ref().and_then(|key| slips::places(key, reader)) {
        reader.mistake(KEY, reason);
    }
    key
}

/// The headers, by name.
pub(super) fn headers(reader: &mut Reader<'_>, message: Message) -> Vec<(String, Template)> {
    let headers = reader.read(HEADERS, |text| parse(text, message)).unwrap_or_default();
    if let Some(reason) = headers.iter().find_map(|(_, template)| slips::places(template, reader)) {
        reader.mistake(HEADERS, reason);
    }
    headers
}

fn parse(text: &str, message: Message) -> Result<Vec<(String, Template)>, String> {
    let mut headers: Vec<(String, Template)> = Vec::new();
    for item in units::list(text) {
        let Some((name, value)) = item.split_once('=').map(|(name, value)| (name.trim(), value.trim())) else {
            return Err(format!("{} is not name=value", quote(&item)));
        };
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "{} is not a header's name: use 1 to {NAME_BYTES_MAX} letters, digits and signs without spaces",
                quote(name)
            ));
        }
        if OWN_HEADERS.contains(&name) {
            return Err(format!("logskiff sets the header {} itself; choose another, such as app.{name}", quote(name)));
        }
        if headers.iter().any(|(known, _)| known == name) {
            return Err(format!("{} is set twice", quote(name)));
        }
        if value.is_empty() {
            return Err(format!("{} has no value", quote(name)));
        }
        let template: Template = value.parse().map_err(|error| format!("{}: {error}", quote(name)))?;
        check_message(&template, message).map_err(|reason| format!("{}: {reason}", quote(name)))?;
        headers.push((name.to_owned(), template));
    }
    if headers.len() > HEADERS_MAX {
        return Err(format!("{} headers are more than the maximum, {HEADERS_MAX}", headers.len()));
    }
    Ok(headers)
}

/// Records with different keys or headers never share a message.
fn check_message(template: &Template, message: Message) -> Result<(), String> {
    match template.unique() {
        Some(place) if message == Message::Batch => Err(format!(
            "{{{place}}} differs from record to record, but LOGSKIFF_KAFKA_MESSAGE=batch joins records; use \
             LOGSKIFF_KAFKA_MESSAGE=record, or another placeholder"
        )),
        _ => Ok(()),
    }
}
