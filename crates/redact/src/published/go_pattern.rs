//! Writes a pattern in the syntax of Go (RE2), which reads characters where ours reads bytes.
//!
//! Input: a parsed pattern. Output: a pattern that matches at least the same in a text of UTF-8. Bytes that are no ASCII
//! become any character that is none.

use std::fmt::Write;

use regex_syntax::hir::{Capture, Class, ClassBytesRange, Hir, HirKind, Look, Repetition};

/// Go refuses larger counts, also as the product of nested ones.
const COUNT_MAX: u32 = 1_000;

/// Writes a pattern; `None`: it cannot be written.
pub(super) fn write(hir: &Hir) -> Option<String> {
    let mut writer = Writer { out: String::new(), folds: folds(hir) && has_letters(hir) };
    if writer.folds {
        writer.out.push_str("(?i)");
    }
    writer.pattern(hir, 1)?;
    Some(writer.out)
}

/// Whether each letter stands for both of its cases.
fn folds(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => !literal.0.iter().any(u8::is_ascii_alphabetic),
        HirKind::Class(class) => ranges(class).is_some_and(|ranges| {
            (b'a'..=b'z').all(|letter| holds(&ranges, letter) == holds(&ranges, letter.to_ascii_uppercase()))
        }),
        HirKind::Capture(Capture { sub, .. }) | HirKind::Repetition(Repetition { sub, .. }) => folds(sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(folds),
        HirKind::Empty | HirKind::Look(_) => true,
    }
}

/// Whether one letter stands somewhere.
fn has_letters(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(class) => ranges(class).is_some_and(|ranges| letter(&ranges).is_some()),
        HirKind::Capture(Capture { sub, .. }) | HirKind::Repetition(Repetition { sub, .. }) => has_letters(sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_letters),
        _ => false,
    }
}

/// The bytes of a class. `None`: it has characters.
fn ranges(class: &Class) -> Option<Vec<ClassBytesRange>> {
    match class {
        Class::Bytes(bytes) => Some(bytes.ranges().to_vec()),
        Class::Unicode(characters) => characters.to_byte_class().map(|bytes| bytes.ranges().to_vec()),
    }
}

fn holds(ranges: &[ClassBytesRange], byte: u8) -> bool {
    ranges.iter().any(|range| (range.start()..=range.end()).contains(&byte))
}

/// The letter of a class that has one in both cases.
fn letter(ranges: &[ClassBytesRange]) -> Option<u8> {
    let [upper, lower] = ranges else { return None };
    let is_one = upper.start() == upper.end() && lower.start() == lower.end();
    let is_pair = upper.start().is_ascii_uppercase() && upper.start().to_ascii_lowercase() == lower.start();
    (is_one && is_pair).then(|| lower.start())
}

struct Writer {
    out: String,
    /// Letters stand for both of their cases.
    folds: bool,
}

impl Writer {
    /// `times`: how often it is repeated by what is around it.
    fn pattern(&mut self, hir: &Hir, times: u32) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => self.out.push_str("(?:)"),
            HirKind::Literal(literal) => self.literal(&literal.0),
            HirKind::Class(class) => self.class(&ranges(class)?),
            HirKind::Look(look) => self.out.push_str(look_around(*look)?),
            HirKind::Capture(Capture { name, sub, .. }) => {
                self.out.push('(');
                if let Some(name) = name {
                    self.out.extend(["?P<", name, ">"]);
                }
                self.pattern(sub, times)?;
                self.out.push(')');
            }
            HirKind::Repetition(repetition) => self.repetition(repetition, times)?,
            HirKind::Concat(parts) => {
                for part in parts {
                    let is_choice = matches!(part.kind(), HirKind::Alternation(_));
                    self.grouped(part, is_choice, times)?;
                }
            }
            HirKind::Alternation(parts) => {
                for (number, part) in parts.iter().enumerate() {
                    if number > 0 {
                        self.out.push('|');
                    }
                    self.pattern(part, times)?;
                }
            }
        }
        Some(())
    }

    fn grouped(&mut self, hir: &Hir, is_grouped: bool, times: u32) -> Option<()> {
        if is_grouped {
            self.out.push_str("(?:");
        }
        self.pattern(hir, times)?;
        if is_grouped {
            self.out.push(')');
        }
        Some(())
    }

    fn repetition(&mut self, repetition: &Repetition, times: u32) -> Option<()> {
        let Repetition { min, max, greedy, sub } = repetition;
        let max = max.filter(|max| max.saturating_mul(times) <= COUNT_MAX);
        let counted = max.unwrap_or(*min).max(1);
        if counted.saturating_mul(times) > COUNT_MAX {
            return None;
        }
        let is_single = match sub.kind() {
            HirKind::Literal(literal) => literal.0.len() == 1,
            HirKind::Class(_) | HirKind::Capture(_) => true,
            _ => false,
        };
        self.grouped(sub, !is_single, times * counted)?;
        match (*min, max) {
            (0, None) => self.out.push('*'),
            (1, None) => self.out.push('+'),
            (0, Some(1)) => self.out.push('?'),
            (min, Some(max)) if min == max => self.count(format_args!("{{{min}}}")),
            (min, Some(max)) => self.count(format_args!("{{{min},{max}}}")),
            (min, None) => self.count(format_args!("{{{min},}}")),
        }
        if !greedy {
            self.out.push('?');
        }
        Some(())
    }

    fn count(&mut self, count: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.out.write_fmt(count);
    }

    fn literal(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character);
            }
            // Go reads a byte that is no character as this one.
            chunk.invalid().iter().for_each(|_| self.out.push_str(r"\x{FFFD}"));
        }
    }

    fn character(&mut self, character: char) {
        if r"\.+*?()|[]{}^$".contains(character) {
            self.out.push('\\');
        }
        match u8::try_from(character) {
            Ok(byte) if character.is_ascii_control() => self.control(byte),
            _ => self.out.push(character),
        }
    }

    fn control(&mut self, byte: u8) {
        match byte {
            b'\t' => self.out.push_str(r"\t"),
            b'\n' => self.out.push_str(r"\n"),
            b'\r' => self.out.push_str(r"\r"),
            _ => self.count(format_args!(r"\x{{{byte:X}}}")),
        }
    }

    /// A class that has a byte beyond ASCII is written as what it has not.
    fn class(&mut self, ranges: &[ClassBytesRange]) {
        if let Some(letter) = letter(ranges).filter(|_| self.folds) {
            return self.out.push(char::from(letter));
        }
        let is_negated = ranges.iter().any(|range| range.end() >= 0x80);
        let mut written: Vec<(u8, u8)> = Vec::new();
        for byte in (0..0x80_u8).filter(|byte| holds(ranges, *byte) != is_negated) {
            // Lower case stands for both.
            if self.folds && byte.is_ascii_uppercase() {
                continue;
            }
            match written.last_mut().filter(|(_, end)| end + 1 == byte) {
                Some((_, end)) => *end = byte,
                None => written.push((byte, byte)),
            }
        }
        if written.is_empty() {
            return self.out.push_str(if is_negated { r"(?s:.)" } else { r"[^\x{0}-\x{10FFFF}]" });
        }
        self.out.push_str(if is_negated { "[^" } else { "[" });
        for (start, end) in written {
            self.class_byte(start);
            if start < end {
                if start + 1 < end {
                    self.out.push('-');
                }
                self.class_byte(end);
            }
        }
        self.out.push(']');
    }

    fn class_byte(&mut self, byte: u8) {
        if matches!(byte, b'[' | b']' | b'\\' | b'^' | b'-') {
            self.out.push('\\');
        }
        if (0x20..0x7f).contains(&byte) { self.out.push(char::from(byte)) } else { self.control(byte) }
    }
}

fn look_around(look: Look) -> Option<&'static str> {
    Some(match look {
        Look::Start => r"\A",
        Look::End => r"\z",
        Look::StartLF => "(?m:^)",
        Look::EndLF => "(?m:$)",
        Look::WordAscii => r"\b",
        Look::WordAsciiNegate => r"\B",
        _ => return None,
    })
}
