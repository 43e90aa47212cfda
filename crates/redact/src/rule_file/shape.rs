//! What a pattern looks like: its groups, and the fixed text in each of its matches.

use regex_syntax::hir::{Capture, Class, Hir, HirKind};

/// The groups of which one is the secret: those without a name and outside all others, if no match has two of them. Of several
/// groups, none is all of the secret; a named one only says what kind of a secret it is.
pub(super) fn secret_groups(hir: &Hir) -> Vec<usize> {
    let groups = groups(hir);
    let outer: Vec<&Group> = groups.iter().filter(|group| group.is_outer).collect();
    let is_sure = most_at_once(hir) == 1 && outer.iter().all(|group| group.name.is_none());
    if is_sure { outer.iter().map(|group| group.number).collect() } else { Vec::new() }
}

/// How many groups outside others a match may have; a repeated one counts twice.
fn most_at_once(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Capture(_) => 1,
        HirKind::Concat(parts) => parts.iter().map(most_at_once).sum(),
        HirKind::Alternation(branches) => branches.iter().map(most_at_once).max().unwrap_or(0),
        HirKind::Repetition(repetition) => {
            most_at_once(&repetition.sub) * if repetition.max == Some(1) { 1 } else { 2 }
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => 0,
    }
}

/// The group with this number, if it takes part at most once: of one that is repeated, only the last part is known.
pub(super) fn single_group(hir: &Hir, number: usize) -> Option<usize> {
    groups(hir).iter().any(|group| group.number == number && !group.is_repeated).then_some(number)
}

/// The number of the group with this name.
pub(super) fn named_group(hir: &Hir, name: &str) -> Option<usize> {
    groups(hir).iter().find(|group| group.name.as_deref() == Some(name)).map(|group| group.number)
}

struct Group {
    number: usize,
    name: Option<String>,
    is_outer: bool,
    is_repeated: bool,
}

/// Where a part of a pattern stands.
#[derive(Clone, Copy)]
struct Place {
    is_outer: bool,
    is_repeated: bool,
}

fn groups(hir: &Hir) -> Vec<Group> {
    let mut groups = Vec::new();
    add_groups(hir, Place { is_outer: true, is_repeated: false }, &mut groups);
    groups
}

fn add_groups(hir: &Hir, place: Place, groups: &mut Vec<Group>) {
    match hir.kind() {
        HirKind::Capture(Capture { index, name, sub }) => {
            let Place { is_outer, is_repeated } = place;
            let name = name.as_deref().map(ToOwned::to_owned);
            groups.push(Group { number: *index as usize, name, is_outer, is_repeated });
            add_groups(sub, Place { is_outer: false, ..place }, groups);
        }
        HirKind::Repetition(repetition) => {
            let is_repeated = place.is_repeated || repetition.max != Some(1);
            add_groups(&repetition.sub, Place { is_repeated, ..place }, groups);
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            for part in parts {
                add_groups(part, place, groups);
            }
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

/// The length of the longest fixed text, in upper or lower case, that each match has.
pub(crate) fn literal_bytes(hir: &Hir) -> usize {
    let mut runs = Runs::default();
    runs.add(hir);
    runs.longest
}

/// Runs of fixed bytes.
#[derive(Default)]
struct Runs {
    current: usize,
    longest: usize,
}

impl Runs {
    fn add(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.extend(literal.0.len()),
            HirKind::Class(class) if is_one_letter(class) => self.extend(1),
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
            HirKind::Alternation(branches) => self.end(branches.iter().map(literal_bytes).min().unwrap_or(0)),
            HirKind::Repetition(repetition) if repetition.min > 0 => self.end(literal_bytes(&repetition.sub)),
            HirKind::Class(_) | HirKind::Repetition(_) => self.current = 0,
        }
    }

    fn extend(&mut self, bytes: usize) {
        self.current += bytes;
        self.longest = self.longest.max(self.current);
    }

    fn end(&mut self, bytes: usize) {
        self.current = 0;
        self.longest = self.longest.max(bytes);
    }
}

/// Whether a class has one letter, in both cases.
fn is_one_letter(class: &Class) -> bool {
    let ends: Vec<(u32, u32)> = match class {
        Class::Bytes(bytes) => bytes.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
        Class::Unicode(all) => all.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let one = |(start, end): &(u32, u32)| start == end;
    match &ends[..] {
        [only] => one(only),
        [upper, lower] => one(upper) && one(lower) && upper.0 + 32 == lower.0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hir(pattern: &str) -> Hir {
        regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).unwrap()
    }

    #[test]
    fn only_one_group_outside_others_is_the_secret() {
        let check = |pattern: &str, expected: &[usize]| assert_eq!(secret_groups(&hir(pattern)), expected, "{pattern}");
        check("a(b)c", &[1]);
        check("a(b)?c", &[1]);
        check("a((b)|(c))", &[1]);
        check("a(?:(b)|(c)|d)", &[1, 2]);
        check("a(?:(b)|(c))d(e)", &[]);
        check("a(b){4}", &[]);
        check("(?:a(b))*", &[]);
        check("a(b)c(d)", &[]);
        check("a(?:(?<kind>b)|(c))", &[]);
        check("abc", &[]);
    }

    #[test]
    fn a_repeated_group_is_no_single_one() {
        assert_eq!(single_group(&hir("(a)(b)+"), 1), Some(1));
        assert_eq!(single_group(&hir("(a)(b)+"), 2), None);
        assert_eq!(named_group(&hir("(a)(?<secret>b)"), "secret"), Some(2));
    }

    #[test]
    fn fixed_text_is_in_each_match() {
        let check = |pattern: &str, bytes: usize| assert_eq!(literal_bytes(&hir(pattern)), bytes, "{pattern}");
        check("ghp_[0-9a-z]{36}", 4);
        check("(?i-u)x(?:api|token)[0-9]", 3);
        check("[0-9a-f]{32}", 0);
        check("(?i-u)ab(c)d[0-9]", 4);
        check("(?:abc)?x", 1);
        check("(?:abc)+", 3);
        check(r"(?-u:\b)a(?-u:\b)b", 2);
    }
}
