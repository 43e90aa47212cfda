//! Translates a regular expression of Go's syntax (RE2), in which rule files are written, into that of the `regex` crate.
//!
//! Input: a pattern. Output: a pattern that matches the same in bytes. What both read alike stays as it is; mistakes stay
//! too, so that the parser names them. Groups keep their numbers. As in Go, `\w`, `\d`, `\s` and `\b` know only ASCII.
//! What differs: in characters of several bytes, `.` and `[^…]` match one byte, and `(?i)` knows only letters of ASCII.

use std::fmt::Write;

/// Translates a pattern.
pub(super) fn translate(pattern: &str) -> String {
    let mut translator = Translator { rest: pattern, out: String::from("(?-u)") };
    while let Some(next) = translator.take() {
        translator.translate(next);
    }
    translator.out
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
}

impl Translator<'_> {
    fn take(&mut self) -> Option<char> {
        let mut all = self.rest.chars();
        let next = all.next()?;
        self.rest = all.as_str();
        Some(next)
    }

    fn take_prefix(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn translate(&mut self, next: char) {
        match next {
            '\\' => self.escape(),
            '[' => self.class(),
            '{' if !is_count(self.rest) => self.out.push_str("\\{"),
            '(' => self.group(),
            _ if next.is_ascii() => self.out.push(next),
            _ => self.character(next),
        }
    }

    /// A character of several bytes, which counts as one.
    fn character(&mut self, character: char) {
        self.out.push_str("(?u:");
        self.out.push(character);
        self.out.push(')');
    }

    /// A group. In Go, its name may begin with a digit.
    fn group(&mut self) {
        self.out.push('(');
        let name = self.rest.strip_prefix("?P<").or_else(|| self.rest.strip_prefix("?<"));
        if let Some((name, rest)) = name.and_then(|name| name.split_once('>'))
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            self.rest = rest;
            let before = if name.starts_with(|first: char| first.is_ascii_digit()) { "_" } else { "" };
            self.out.extend(["?<", before, name, ">"]);
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) {
        if self.take_prefix("Q") {
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            for character in quoted.chars() {
                if character.is_ascii() { self.push_literal(character) } else { self.character(character) }
            }
            return;
        }
        self.escaped();
    }

    /// An escape that may also be in a class.
    fn escaped(&mut self) {
        match self.take() {
            None => self.out.push('\\'),
            Some(digit @ '0'..='7') => self.octal(digit),
            Some(kind @ ('x' | 'p' | 'P')) => {
                self.out.extend(['\\', kind]);
                let braced = self.rest.find('}').filter(|_| self.rest.starts_with('{'));
                let (argument, rest) = self.rest.split_at(braced.map_or(0, |end| end + 1));
                self.out.push_str(argument);
                self.rest = rest;
            }
            Some(next) if next.is_ascii_alphanumeric() => self.out.extend(['\\', next]),
            Some(next) if next.is_ascii() => self.push_literal(next),
            Some(next) => self.out.extend(['\\', next]),
        }
    }

    /// `\0` and `\12`, but not `\1`, which would refer to a group.
    fn octal(&mut self, first: char) {
        let digits = self.rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'7')).count().min(2);
        if first != '0' && digits == 0 {
            return self.out.extend(['\\', first]);
        }
        let (more, rest) = self.rest.split_at(digits);
        let value =
            more.bytes().fold(u32::from(first) - u32::from('0'), |all, digit| all * 8 + u32::from(digit - b'0'));
        self.rest = rest;
        // Writing to a String cannot fail.
        let _ = write!(self.out, "\\x{{{value:X}}}");
    }

    fn push_literal(&mut self, character: char) {
        if !(character.is_ascii_alphanumeric() || character.is_ascii_whitespace()) {
            // `\<` and `\>` are ends of words in the other syntax.
            if matches!(character, '<' | '>') {
                return self.out.push(character);
            }
            self.out.push('\\');
        }
        self.out.push(character);
    }

    /// A class. In Go, `[`, `&&`, `--` and `~~` in it mean themselves.
    fn class(&mut self) {
        let mut inner = Translator { rest: self.rest, out: String::new() };
        if inner.take_prefix("^") {
            inner.out.push('^');
        }
        // A bracket at the beginning means itself.
        let mut is_closed = false;
        if inner.take_prefix("]") {
            inner.out.push_str("\\]");
            inner.range_end();
        }
        while let Some(next) = inner.take() {
            if next == ']' {
                is_closed = true;
                break;
            }
            inner.class_item(next);
        }
        self.rest = inner.rest;
        let end = if is_closed { "]" } else { "" };
        // The set is in bytes if it can be.
        let (before, after) = if inner.out.is_ascii() { ("[", "") } else { ("(?u:[", ")") };
        self.out.extend([before, &inner.out, end, after]);
    }

    /// One character, range or set of a class. Sets are written out, because a class may have characters of several bytes.
    fn class_item(&mut self, next: char) {
        let set = match self.rest.chars().next().filter(|_| next == '\\') {
            Some('d') => Some("0-9"),
            Some('w') => Some("0-9A-Za-z_"),
            Some('s') => Some(r"\t\n\f\r\x20"),
            _ => None,
        };
        let named = self.rest.find(":]").filter(|_| next == '[' && self.rest.starts_with(':'));
        if let Some(set) = set {
            self.take();
            self.out.push_str(set);
        } else if let Some(end) = named {
            let (name, rest) = self.rest.split_at(end + 2);
            self.out.push('[');
            self.out.push_str(name);
            self.rest = rest;
        } else {
            self.class_character(next);
            self.range_end();
        }
    }

    /// The second half of a range, if a range begins with the character before.
    fn range_end(&mut self) {
        let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1;
        if is_range {
            self.take();
            self.out.push('-');
            if let Some(next) = self.take() {
                self.class_character(next);
            }
        }
    }

    fn class_character(&mut self, next: char) {
        match next {
            '\\' => self.escaped(),
            '[' | ']' | '&' | '~' | '-' | '^' => self.out.extend(['\\', next]),
            _ => self.out.push(next),
        }
    }
}

/// Whether a count follows the brace: `3}`, `3,}` or `3,5}`.
fn is_count(rest: &str) -> bool {
    let Some((count, _)) = rest.split_once('}') else { return false };
    let (min, max) = count.split_once(',').unwrap_or((count, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !min.is_empty() && is_number(min) && is_number(max)
}

#[cfg(test)]
mod tests {
    use super::translate;
    use regex::bytes::Regex;

    #[track_caller]
    fn check(pattern: &str, matched: &[&str], others: &[&str]) {
        let regex = Regex::new(&translate(pattern)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for text in matched {
            let whole = regex.find(text.as_bytes()).map(|found| found.as_bytes());
            assert_eq!(whole, Some(text.as_bytes()), "{pattern} became {}", regex.as_str());
        }
        for text in others {
            let whole = regex.find(text.as_bytes()).is_some_and(|found| found.len() == text.len());
            assert!(!whole, "{pattern} in {text:?}");
        }
    }

    /// Goal: what the two syntaxes read differently means what it means in Go.
    #[test]
    fn a_pattern_means_what_it_means_in_go() {
        check(r"^\$(?:\d+|{\d+})$", &["$1", "${12}"], &["$", "${}"]);
        check(r"^\${(?:[A-Z_]+)}$", &["${HOME}"], &[]);
        check(r"^\{\{[ \t]*x[ \t]*}}$", &["{{ x }}"], &[]);
        check("a{,3}b", &["a{,3}b"], &["aab"]);
        check("a{2}{b", &["aa{b"], &[]);
        check("x{", &["x{"], &["x"]);
        check(r"[[x]+", &["[x["], &[]);
        check(r"[a&&b]+", &["a&b"], &[]);
        check(r"[!--]+", &["!-"], &["a"]);
        check(r"[+--]+", &["+,-"], &["."]);
        check(r"[]a]+", &["]a"], &[]);
        check(r"[^]a]+", &["bc"], &["]"]);
        check(r"[[:alpha:]_]+", &["ab_"], &["1"]);
        check(r"[\w.~-]+", &["a_9.-~"], &["é", " "]);
        check(r"[\W]+", &[" -"], &["a"]);
        check(r"\<a\>\_\-\/", &["<a>_-/"], &["a"]);
        check(r"\Qa.b{\E+", &["a.b{{"], &["axb{"]);
        check(r"\x41\x{42}\x{4a}\103\0", &["ABJC\0"], &[]);
        check(r"[\x41-\x{43}\--/]+", &["ABC-./"], &["D"]);
        check(r"[]-a]+", &["]^_`a"], &["b"]);
        check(r"[a-]+[a\-z]+", &["-az-"], &["b"]);
        check(r"(?P<1st>a)(?<secret>b)", &["ab"], &[]);
        check(r"(?i)clé|[éa]+", &["CLé", "éa"], &["è"]);
        check(r"[^é]+", &["abc"], &["é"]);
        check(r"(?s:.){0,3}\z", &["a\n"], &[]);
        check(r"\w+", &["abc"], &["é"]);
        check(r"a|b{1,2}", &["a", "bb"], &["{"]);
    }

    /// Goal: a mistake is still one.
    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [r"(?=a)b", r"(?<!a)b", r"(a)\1", "(a", "a)", "[a", r"a\", "*a", r"\y", "a{2,1}"] {
            assert!(Regex::new(&translate(pattern)).is_err(), "{pattern}");
        }
    }

    #[test]
    fn groups_keep_their_numbers_and_names() {
        let regex = Regex::new(&translate(r"(a)(?:b)(?P<x>c)(?<2fa>d)")).unwrap();
        let names: Vec<_> = regex.capture_names().collect();
        assert_eq!(names, [None, None, Some("x"), Some("_2fa")]);
    }
}
