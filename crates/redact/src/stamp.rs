//! A digest of the rules in force, by which a record tells with which rules it was redacted.
//!
//! Input: a configuration. Output: the same short text for the same rules, in each process of the same version, in
//! whatever order they are listed. The key of tokens is not part of it.

use std::collections::BTreeSet;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{Config, Redactor};

/// How much of the digest is shown: enough to tell rules apart, and short in each record.
const BYTES: usize = 8;

impl Redactor {
    /// The digest of the rules that were made from `config`: detectors, own rules, fields, lists and modes.
    #[must_use]
    pub fn digest(&self, config: &Config) -> String {
        let mut text = format!("{}\n", env!("CARGO_PKG_VERSION"));
        let mut add = |kind: &str, items: BTreeSet<String>| {
            for item in items {
                // The length keeps a line end in an item from being read as another item.
                let _ = writeln!(text, "{kind} {} {item}", item.len());
            }
        };
        let patterns =
            self.rules.iter().flat_map(|rule| rule.forms.iter().map(|form| format!("{} {}", rule.name, form.source())));
        add("pattern", patterns.collect());
        add("rule", config.rules.iter().map(|(name, text)| format!("{name} {text}")).collect());
        add("file", config.files.iter().flat_map(|file| file.digests()).collect());
        let names = |fields: &[String]| fields.iter().map(|field| field.trim().to_lowercase()).collect();
        add("field", names(&config.fields));
        add("exempt", names(&config.exempt_fields));
        let entries = config.allow.lines().map(str::trim).filter(|entry| !entry.is_empty());
        add("allow", entries.map(str::to_owned).collect());
        add("audit", config.audit.then(|| "on".to_owned()).into_iter().collect());
        add("mode", self.rules().zip(self.modes()).map(|(rule, mode)| format!("{rule} {}", mode.name())).collect());
        let digest = Sha256::digest(text.as_bytes());
        base16ct::lower::encode_string(&digest[..BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, TokenKey};

    fn digest(change: impl FnOnce(&mut Config)) -> String {
        let own = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let mut config = Config {
            select: own(&["secrets", "email"]),
            rules: vec![("a".to_owned(), "a+".to_owned()), ("b".to_owned(), "b+".to_owned())],
            fields: own(&["pin", "user.*"]),
            allow: "x\n10.0.0.0/8\n".to_owned(),
            exempt_fields: own(&["trace.id"]),
            ..Config::default()
        };
        change(&mut config);
        Redactor::new(&config).unwrap().digest(&config)
    }

    #[test]
    fn the_same_rules_have_the_same_digest() {
        let usual = digest(|_| {});
        assert!(usual.len() == 2 * BYTES && usual.bytes().all(|byte| byte.is_ascii_hexdigit()), "{usual}");
        assert_eq!(digest(|_| {}), usual);
        assert_eq!(digest(|config| config.rules.reverse()), usual);
        assert_eq!(digest(|config| config.select.reverse()), usual);
        assert_eq!(digest(|config| config.fields = vec!["User.*".to_owned(), " pin".to_owned()]), usual);
        assert_eq!(digest(|config| config.allow = "10.0.0.0/8\n\n  x".to_owned()), usual);
    }

    #[test]
    fn another_rule_has_another_digest() {
        let changes: [fn(&mut Config); 9] = [
            |config| config.select.push("card".to_owned()),
            |config| config.rules[0].1.push('x'),
            |config| config.rules[0].0.push('x'),
            |config| config.fields.clear(),
            |config| config.allow.push('y'),
            |config| config.exempt_fields.clear(),
            |config| config.audit = true,
            |config| config.mode = Action::Remove,
            |config| config.modes.push(("email".to_owned(), Action::Drop)),
        ];
        let all: BTreeSet<String> = changes.into_iter().map(digest).chain([digest(|_| {})]).collect();
        assert_eq!(all.len(), changes.len() + 1);
    }

    #[test]
    fn the_key_is_not_part_of_it() {
        let keyed = |key: &str| {
            let key = TokenKey::new(key, None).unwrap();
            digest(|config| (config.mode, config.key) = (Action::Token, Some(key)))
        };
        assert_eq!(keyed("0123456789abcdef0123456789abcdef"), keyed("fedcba9876543210fedcba9876543210"));
    }
}
