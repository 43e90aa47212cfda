//! Canaries: lines with a made-up secret, by which a running process finds out whether secrets are masked.
//!
//! Input: the detectors' own samples. Output: for each rule in use at most one line, and the secret in it, which must not be
//! in what is made of the line.

use super::{Detector, Redactor, detectors};

/// A shorter text may be in a record by chance.
const SECRET_BYTES_MIN: usize = 8;

/// Detectors whose canaries come first: what applications log most.
const FIRST: [&str; 8] = ["password", "bearer", "jwt", "aws", "github", "email", "card", "iban"];

/// A line with a made-up secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The detector that masks it.
    pub detector: &'static str,
    /// The line. It has no character that JSON escapes.
    pub line: &'static str,
    /// What of the line must be masked.
    pub secret: &'static str,
}

impl Detector {
    /// A line with a secret of this detector; `None`: none of its samples is long and plain enough.
    #[must_use]
    pub fn canary(&self) -> Option<Canary> {
        let label = format!("<redacted:{}>", self.name);
        self.positives.iter().find_map(|(line, redacted)| {
            let (before, after) = redacted.split_once(&label)?;
            let secret = line.strip_prefix(before)?.strip_suffix(after)?;
            let is_plain = !line.contains(|sign: char| sign.is_control() || matches!(sign, '"' | '\\'));
            let is_single = secret.len() >= SECRET_BYTES_MIN && !after.contains(&label);
            (is_plain && is_single).then_some(Canary { detector: self.name, line, secret })
        })
    }
}

impl Redactor {
    /// At most `most` canaries of the detectors in use; those of common secrets come first.
    #[must_use]
    pub fn canaries(&self, most: usize) -> Vec<Canary> {
        let in_use: Vec<&str> = self.rules().collect();
        let mut canaries: Vec<Canary> =
            detectors().filter(|detector| in_use.contains(&detector.name)).filter_map(Detector::canary).collect();
        canaries.sort_by_key(|canary| FIRST.iter().position(|name| *name == canary.detector).unwrap_or(FIRST.len()));
        canaries.truncate(most);
        canaries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn of(select: &[&str], most: usize) -> Vec<&'static str> {
        let select = select.iter().map(|word| (*word).to_owned()).collect();
        let redactor = Redactor::new(&Config { select, ..Config::default() }).unwrap();
        redactor.canaries(most).iter().map(|canary| canary.detector).collect()
    }

    #[test]
    fn only_detectors_in_use_have_a_canary() {
        assert_eq!(of(&["secrets", "pii"], FIRST.len()), FIRST);
        assert_eq!(of(&["secrets", "-jwt"], 4), ["password", "bearer", "aws", "github"]);
        assert_eq!(of(&["email", "stripe", "npm"], 4), ["email", "stripe", "npm"]);
        assert_eq!(of(&["none"], 4), [""; 0]);
    }

    /// Goal: few detectors have samples that are too short or not plain.
    #[test]
    fn nearly_every_detector_has_a_canary() {
        let without: Vec<&str> =
            detectors().filter(|detector| detector.canary().is_none()).map(|detector| detector.name).collect();
        assert_eq!(without, ["docker_auth", "digest_auth", "netrc", "sql_password", "card_code"]);
    }
}
