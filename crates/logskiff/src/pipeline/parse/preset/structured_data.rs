//! Reads the structured data of a syslog message (RFC 5424, section 6.3).
//!
//! Input: `[id name="value" …]`, one or several. Output: an object with one object for each id. In values a backslash marks
//! a quote, a backslash or a closing bracket.

use event::{Key, Kind, Node, TextRange};

/// Fills `nodes` from the elements in `at`. `None`: they are none, and `nodes` is to be discarded.
pub(super) fn read(text: &[u8], at: TextRange, name: u16, nodes: &mut Vec<Node>) -> Option<()> {
    let mut scan = Scan { text: &text[..at.indices().end], at: at.indices().start };
    nodes.push(Node::Object { key: Key::Name(name) });
    while scan.at < scan.text.len() {
        scan.expect(b'[')?;
        nodes.push(Node::Object { key: Key::Text(scan.name()?) });
        while scan.expect(b' ').is_some() {
            let key = Key::Text(scan.name()?);
            scan.expect(b'=')?;
            let (at, kind) = scan.value()?;
            nodes.push(Node::Value { key, at, kind });
        }
        scan.expect(b']')?;
        nodes.push(Node::End);
    }
    nodes.push(Node::End);
    Some(())
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    /// A name: what it must not have would need escapes in JSON.
    fn name(&mut self) -> Option<TextRange> {
        let rest = &self.text[self.at..];
        let is_of_name = |byte: &&u8| **byte > b' ' && !matches!(byte, b'=' | b']' | b'"' | b'\\' | 0x7f);
        let len = rest.iter().take_while(is_of_name).count();
        let is_name = len > 0 && std::str::from_utf8(&rest[..len]).is_ok();
        let range = TextRange::new(self.at, self.at + len);
        self.at += len;
        is_name.then_some(range)
    }

    fn value(&mut self) -> Option<(TextRange, Kind)> {
        self.expect(b'"')?;
        let (start, mut kind) = (self.at, Kind::Text);
        loop {
            self.at += memchr::memchr3(b'"', b'\\', b']', self.text.get(self.at..)?)?;
            match self.text[self.at] {
                b'"' => break,
                b']' => return None,
                _ => {}
            }
            let is_mark = matches!(self.text.get(self.at + 1)?, b'"' | b'\\' | b']');
            if is_mark {
                kind = Kind::Quoted(b'\\');
            }
            self.at += 1 + usize::from(is_mark);
        }
        self.at += 1;
        Some((TextRange::new(start, self.at - 1), kind))
    }
}
