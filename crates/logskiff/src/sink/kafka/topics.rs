//! The topics that templates have produced: a bounded set.
//!
//! Enters: rendered topic templates. Leaves: valid topic names, by number.

use std::collections::HashMap;

/// A bounded set of topics.
#[derive(Debug)]
pub(super) struct Topics {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
    limit: usize,
}

/// Kafka's maximum length of a topic name.
const TOPIC_BYTES_MAX: usize = 249;

impl Topics {
    /// A set of at most `topics_max` topics. Number 0 is `default`, which replaces all further topics.
    pub(super) fn new(default: &str, topics_max: usize) -> Self {
        let mut topics =
            Self { names: Vec::new(), numbers: HashMap::new(), limit: topics_max.clamp(1, usize::from(u16::MAX)) };
        topics.number(default);
        topics
    }

    /// The number of a topic; characters that Kafka does not allow become `_`. `None` if there are too many topics.
    pub(super) fn number(&mut self, name: &str) -> Option<u16> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let name = valid_name(name);
        if let Some(number) = self.numbers.get(&name) {
            return Some(*number);
        }
        let number = u16::try_from(self.names.len()).ok().filter(|_| self.names.len() < self.limit)?;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        Some(number)
    }

    /// The number of a topic that has this name.
    pub(super) fn number_of(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// A topic's name.
    pub(super) fn name(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("logs", String::as_str)
    }
}

fn valid_name(name: &str) -> String {
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
        assert_eq!(topics.number(".."), Some(0), "not a valid topic name");
        let long = "x".repeat(300);
        assert_eq!(topics.number(&long), Some(2));
        assert_eq!(topics.number("one too many"), None);
        assert_eq!(topics.number("team a/b"), Some(1), "a known topic is still found");
        assert_eq!(topics.number(&(long + "y")), Some(2), "equal up to the length limit");
        assert!(topics.numbers.keys().all(|name| name.len() <= TOPIC_BYTES_MAX), "no longer name is kept");
        assert_eq!(topics.number("logs"), Some(0));
    }
}
