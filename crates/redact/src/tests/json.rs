//! A parser of JSON for tests.

use event::{Key, Kind, Node, Parsed, TextRange};

/// The nodes of one object of strings and numbers, nested objects and arrays, without spaces.
pub(super) fn parse(json: &str) -> Parsed {
    let bytes = json.as_bytes();
    let mut parsed = Parsed::default();
    let (mut at, mut key, mut objects) = (0, Key::None, Vec::new());
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                let object = bytes[at] == b'{';
                objects.push(object);
                if objects.len() > 1 {
                    parsed.nodes.push(if object { Node::Object { key } } else { Node::Array { key } });
                }
                key = Key::None;
                at += 1;
            }
            b'}' | b']' => {
                objects.pop();
                if !objects.is_empty() {
                    parsed.nodes.push(Node::End);
                }
                at += 1;
            }
            b'"' => {
                let mut end = at + 1;
                while bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let inside = TextRange::new(at + 1, end);
                at = end + 1;
                if bytes.get(at) == Some(&b':') {
                    key = Key::Text(inside);
                } else {
                    parsed.nodes.push(Node::Value { key, at: inside, kind: Kind::Escaped });
                    key = if objects.last() == Some(&true) { key } else { Key::None };
                }
            }
            b',' | b':' => at += 1,
            _ => {
                let end = at + json[at..].find([',', '}', ']']).unwrap();
                let kind = match &json[at..end] {
                    "null" => Kind::Null,
                    "true" => Kind::True,
                    "false" => Kind::False,
                    _ => Kind::Number,
                };
                parsed.nodes.push(Node::Value { key, at: TextRange::new(at, end), kind });
                at = end;
            }
        }
    }
    parsed
}
