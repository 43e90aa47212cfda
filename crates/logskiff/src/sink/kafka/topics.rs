//! The topics that templates have produced: a bounded set.
//!
//! Enters: rendered topic templates. Leaves: valid topic names, by number.

use std::collections::HashMap;

/// A bounded set of topics.
#[derive(Debug)]
pub(super) struct Topics {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
    most: usize,
}

/// Kafka's maximum length of a topic name.
const TOPIC_BYTES_MAX: usize = 249;

impl Topics {
    /// A set of at most `most` topics; number 0 is `default`, which replaces all further ones.
    pub(super) fn new(default: &str, most: usize) -> Self {
        let mut topics =
            Self { names: Vec::new(), numbers: HashMap::new(), most: most.clamp(1, usize::from(u16::MAX)) };
        topics.number(default);
        topics
    }

    /// The number of a topic; characters that Kafka does not allow become `_`. `None` if there are too many topics.
    pub(super) fn number(&mut self, name: &str) -> Option<u16> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let name = valid(name);
        if let Some(number) = self.numbers.get(&name) {
            return Some(*number);
        }
        let number = u16::try_from(self.names.len()).ok().filter(|_| self.names.len() < self.most)?;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        Some(number)
    }

    /// A topic's name.
    pub(super) fn name(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("logs", String::as_str)
    }
}

fn valid(name: &str) -> String {
    let allowed =
        |byte: u8| if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) { char::from(byte) } else { '_' };
    let name: String = name.bytes().take(TOPIC_BYTES_MAX).map(allowed).collect();
    if matches!(name.as_str(), "" | "." | "..") { "logs".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_valid_and_bounded() {
        let mut topics = Topics::new("logs", 3);
        assert_eq!(topics.number("team a/b"), Some(1));
        assert_eq!(topics.name(1), "team_a_b");
        assert_eq!(topics.number(".."), Some(0), "no name of a topic");
        let long = "x".repeat(300);
        assert_eq!(topics.number(&long), Some(2));
        assert_eq!(topics.number("one too many"), None);
        assert_eq!(topics.number("team a/b"), Some(1), "a known one is still found");
        assert_eq!(topics.number(&(long + "y")), Some(2), "Kafka would not tell them apart");
        assert!(topics.numbers.keys().all(|name| name.len() <= TOPIC_BYTES_MAX), "nothing longer is kept");
        assert_eq!(topics.number("logs"), Some(0));
    }
}
