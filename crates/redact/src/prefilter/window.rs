//! The windows of a pattern: short patterns, of which one matches in every line in which the pattern matches or begins to.
//!
//! Input: a regular expression. Output: sequences of bytes and loops. A window begins at the rarest place of the pattern,
//! ends where it is rare enough, and holds no long counts, which would need a state of the automaton for each number. It
//! does not reach over a line's end: a byte that may be a newline may also be the end of the line.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ptr;
use std::rc::Rc;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::byte_set::ByteSet;

/// Bits from which a window is rare enough, and ends. Words are less rare than their letters: a window goes on behind them.
const ENOUGH_BITS: f64 = 90.0;

/// Bits from which a loop of nearly any byte ends a window.
const GAP_BITS: f64 = 24.0;

/// Bits from which counts become short.
const RARE_BITS: f64 = 18.0;

/// Maximum number of bytes that a count contributes to a rare window.
const COUNT_MAX: u32 = 8;

/// Maximum number of bytes that a count contributes to another one.
const LONG_COUNT_MAX: u32 = 16;

/// Bits below which a first byte is common: at each such byte the automaton begins anew, which multiplies its states.
const COMMON_BITS: f64 = 4.5;

/// What a common first byte costs, for each bit.
const COMMON_WEIGHT: f64 = 3.0;

/// What a word's boundary before the first byte counts.
const BOUNDARY_BITS: f64 = 2.0;

/// What each further byte of a class counts: digits come with digits.
const AGAIN_WEIGHT: f64 = 0.3;

/// Bits below which a class is broad: most bytes of a log belong to it.
const BROAD_BITS: f64 = 0.1;

/// What the rarity of a window's first bytes counts besides its own: the automaton then has few states.
const FIRST_WEIGHT: f64 = 0.3;

/// Bits of the first bytes beyond which rarer ones are no better.
const FIRST_BITS_MAX: f64 = 20.0;

/// Maximum number of windows that alternatives at the beginning of a pattern are distributed to.
const BRANCHES_MAX: usize = 64;

/// Bits of a class with characters of several bytes.
const CHARACTER_BITS: f64 = 6.0;

/// Bits of the end of a line.
const END_BITS: f64 = 6.0;

/// One window: its parts, which follow each other.
pub(super) type Window = Vec<Part>;

/// A part of a window.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(super) enum Part {
    /// One byte of a set.
    Byte(ByteSet),
    /// The boundary of a word of ASCII letters, digits and `_`.
    Boundary,
    /// The end of a line, also before its carriage return.
    End,
    /// Parts that follow each other.
    All(Rc<[Part]>),
    /// One of several parts.
    One(Rc<[Part]>),
    /// A part several times.
    Repeat { part: Rc<Part>, min: u32, max: Option<u32> },
}

/// The windows of a pattern. `None`: it cannot be parsed.
pub(super) fn windows(pattern: &str) -> Option<Vec<Window>> {
    let hir = ParserBuilder::new().utf8(false).build().parse(pattern).ok()?;
    Some(Simplifier::default().best(&[Element::Hir(&hir)]).windows)
}

/// A part of a pattern.
#[derive(Clone, Copy)]
enum Element<'h> {
    Hir(&'h Hir),
    /// A repetition without its first time.
    Again(&'h Repetition),
}

impl Element<'_> {
    /// The minimum length in bytes.
    fn minimum(self) -> usize {
        match self {
            Self::Hir(hir) => minimum(hir),
            Self::Again(repetition) => minimum(&repetition.sub),
        }
    }

    fn is_boundary(self) -> bool {
        matches!(self, Self::Hir(hir) if matches!(hir.kind(), HirKind::Look(Look::WordAscii | Look::WordStartAscii)))
    }

    /// The rarity of the byte that it begins with.
    fn first_byte_bits(self) -> f64 {
        match self {
            Self::Hir(hir) => first_byte_bits(hir),
            Self::Again(repetition) => first_byte_bits(&repetition.sub),
        }
    }
}

/// The best windows of a part of a pattern.
struct Best {
    windows: Vec<Window>,
    /// The rarity of a match of one of them.
    bits: f64,
    /// The rarity of their first bytes.
    first_bits: f64,
    /// The rarity of their first byte.
    byte_bits: f64,
}

impl Best {
    /// The windows of alternatives.
    fn of_all(all: impl IntoIterator<Item = Self>) -> Self {
        let never = f64::INFINITY;
        let mut sum = Self { windows: Vec::new(), bits: never, first_bits: never, byte_bits: never };
        for one in all {
            sum.windows.extend(one.windows);
            sum.bits = either(sum.bits, one.bits);
            sum.first_bits = either(sum.first_bits, one.first_bits);
            sum.byte_bits = sum.byte_bits.min(one.byte_bits);
        }
        sum
    }

    fn merit(&self) -> f64 {
        let common = (COMMON_BITS - self.byte_bits).max(0.0);
        self.bits.min(ENOUGH_BITS) + FIRST_WEIGHT * self.first_bits.min(FIRST_BITS_MAX) - COMMON_WEIGHT * common
    }
}

/// The rarity of one of two events.
fn either(one: f64, other: f64) -> f64 {
    -((-one).exp2() + (-other).exp2()).log2()
}

/// Derives the windows of one pattern.
#[derive(Default)]
struct Simplifier {
    /// What was simplified before: each part is part of many windows.
    known: RefCell<HashMap<(*const Hir, bool), Simple>>,
}

impl Simplifier {
    /// The best windows of parts that follow each other; alternatives at the beginning have windows of their own.
    fn best(&self, pattern: &[Element<'_>]) -> Best {
        let mut elements = Vec::new();
        for element in pattern {
            flatten(*element, &mut elements);
        }
        if let [Element::Hir(first), rest @ ..] = &elements[..]
            && let HirKind::Alternation(branches) = first.kind()
            && (rest.is_empty() || branches.len() <= BRANCHES_MAX)
        {
            let whole = |branch| [&[Element::Hir(branch)], rest].concat();
            return Best::of_all(branches.iter().map(|branch| self.best(&whole(branch))));
        }
        let mut best: Option<Best> = None;
        for at in (0..elements.len()).filter(|at| elements[*at].minimum() > 0) {
            let word = at.checked_sub(1).is_some_and(|before| elements[before].is_boundary());
            let next = Best::of_all(branches(&elements[at..], word).iter().map(|branch| self.cut(branch)));
            if best.as_ref().is_none_or(|best| next.merit() > best.merit() + 0.01) {
                best = Some(next);
            }
        }
        // A pattern of nothing but ends of lines matches in each line.
        best.unwrap_or_else(|| Best { windows: vec![Vec::new()], bits: 0.0, first_bits: 0.0, byte_bits: 0.0 })
    }

    /// One window from the beginning of a branch.
    fn cut(&self, branch: &Branch<'_>) -> Best {
        let (mut window, mut bits, mut first_bits, mut in_first) = (Vec::new(), 0.0, 0.0, true);
        let mut byte_bits = branch.elements.first().map_or(0.0, |first| first.first_byte_bits());
        if branch.word {
            window.push(Part::Boundary);
            byte_bits += BOUNDARY_BITS;
        }
        for element in &branch.elements {
            if bits >= ENOUGH_BITS || bits >= GAP_BITS && self.is_broad_loop(*element) {
                break;
            }
            if element.is_boundary() && window.is_empty() {
                window.push(Part::Boundary);
                continue;
            }
            let simple = self.simplify_element(*element, bits >= RARE_BITS);
            in_first &=
                matches!(element, Element::Hir(hir) if matches!(hir.kind(), HirKind::Literal(_) | HirKind::Class(_)));
            if in_first || first_bits == 0.0 {
                first_bits += simple.bits;
            }
            bits += simple.bits;
            apart(simple.part, &mut window);
            if !simple.is_complete {
                break;
            }
        }
        shorten(&mut window);
        Best { windows: vec![window], bits, first_bits, byte_bits }
    }

    fn simplify_element(&self, element: Element<'_>, is_rare: bool) -> Simple {
        match element {
            Element::Hir(hir) => self.simplify(hir, is_rare),
            Element::Again(repetition) => {
                let max = repetition.max.map(|max| max - 1);
                self.repeat(&repetition.sub, repetition.min - 1, max, is_rare)
            }
        }
    }

    /// Whether it is a loop of nearly any byte, in which the automaton would stay to the line's end.
    fn is_broad_loop(&self, element: Element<'_>) -> bool {
        let Element::Hir(hir) = element else { return false };
        let HirKind::Repetition(repetition) = hir.kind() else { return false };
        let is_loop = repetition.max != Some(1) && repetition.max != Some(repetition.min);
        is_loop && self.simplify(&repetition.sub, false).bits < BROAD_BITS
    }

    /// `is_rare`: whether what precedes the part is rare.
    fn simplify(&self, hir: &Hir, is_rare: bool) -> Simple {
        let key = (ptr::from_ref(hir), is_rare);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let simple = self.simplify_anew(hir, is_rare);
        self.known.borrow_mut().insert(key, simple.clone());
        simple
    }

    fn simplify_anew(&self, hir: &Hir, is_rare: bool) -> Simple {
        match hir.kind() {
            HirKind::Look(Look::End | Look::EndLF) => Simple { part: Part::End, is_complete: true, bits: END_BITS },
            HirKind::Empty | HirKind::Look(_) => Simple::empty(true),
            HirKind::Literal(literal) => {
                let line = literal.0.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let mut parts: Vec<Part> = line.iter().map(|byte| Part::Byte(ByteSet::of(*byte))).collect();
                let is_complete = line.len() == literal.0.len();
                if !is_complete {
                    parts.push(Part::End);
                }
                let bits = line.iter().map(|byte| ByteSet::of(*byte).bits()).sum();
                Simple { part: Part::All(parts.into()), is_complete, bits }
            }
            HirKind::Class(class) => simplify_class(class),
            HirKind::Capture(capture) => self.simplify(&capture.sub, is_rare),
            HirKind::Repetition(repetition) => self.repeat(&repetition.sub, repetition.min, repetition.max, is_rare),
            HirKind::Alternation(branches) => {
                let parts: Vec<Simple> = branches.iter().map(|branch| self.simplify(branch, is_rare)).collect();
                Simple {
                    is_complete: parts.iter().all(|part| part.is_complete),
                    bits: parts.iter().map(|part| part.bits).fold(f64::INFINITY, either).max(0.0),
                    part: Part::One(parts.into_iter().map(|part| part.part).collect()),
                }
            }
            HirKind::Concat(parts) => {
                let mut whole = Simple { part: Part::Boundary, is_complete: true, bits: 0.0 };
                let mut all = Vec::new();
                for part in parts {
                    let simple = self.simplify(part, is_rare || whole.bits >= RARE_BITS);
                    apart(simple.part, &mut all);
                    whole.bits += simple.bits;
                    whole.is_complete = simple.is_complete;
                    if !whole.is_complete {
                        break;
                    }
                }
                Simple { part: Part::All(all.into()), ..whole }
            }
        }
    }

    /// A loop stays a loop, a short count a count; of a long one, the first bytes.
    fn repeat(&self, sub: &Hir, min: u32, max: Option<u32>, is_rare: bool) -> Simple {
        let sub = self.simplify(sub, is_rare);
        if !sub.is_complete {
            return if min == 0 { Simple::empty(false) } else { sub };
        }
        let of = |count: u32| sub.bits * (f64::from(count.min(1)) + AGAIN_WEIGHT * f64::from(count.saturating_sub(1)));
        let count_max = if is_rare { COUNT_MAX } else { LONG_COUNT_MAX };
        let part = Rc::new(sub.part);
        if min > count_max {
            let part = Part::Repeat { part, min: count_max, max: Some(count_max) };
            return Simple { part, is_complete: false, bits: of(count_max) };
        }
        let is_short = max.is_some_and(|max| max == min || max == 1);
        let part = Part::Repeat { part, min, max: max.filter(|_| is_short) };
        Simple { part, is_complete: true, bits: of(min) }
    }
}

/// Takes apart what follows each other, and the first of several times, so that a window can begin within it.
fn flatten<'h>(element: Element<'h>, out: &mut Vec<Element<'h>>) {
    let Element::Hir(hir) = element else { return out.push(element) };
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(Element::Hir(part), out)),
        HirKind::Capture(capture) => flatten(Element::Hir(&capture.sub), out),
        HirKind::Repetition(repetition) if repetition.min > 1 && is_concat(&repetition.sub) => {
            flatten(Element::Hir(&repetition.sub), out);
            out.push(Element::Again(repetition));
        }
        _ => out.push(element),
    }
}

/// A way to match, after the alternatives at its beginning.
struct Branch<'h> {
    elements: Vec<Element<'h>>,
    /// Whether a word begins there.
    word: bool,
}

/// Distributes alternatives at the beginning to branches of their own, and omits what may be missing there.
fn branches<'h>(elements: &[Element<'h>], word: bool) -> Vec<Branch<'h>> {
    let (mut queue, mut out) = (vec![Branch { elements: elements.to_vec(), word }], Vec::new());
    while let Some(Branch { mut elements, word }) = queue.pop() {
        let Some(Element::Hir(first)) = elements.first().copied() else {
            out.push(Branch { elements, word });
            continue;
        };
        match first.kind() {
            HirKind::Capture(_) | HirKind::Concat(_) => {
                let mut inner = Vec::new();
                flatten(Element::Hir(first), &mut inner);
                elements.splice(..1, inner);
                queue.push(Branch { elements, word });
            }
            _ if minimum(first) == 0 && elements.len() > 1 && !elements[0].is_boundary() => {
                elements.remove(0);
                queue.push(Branch { elements, word: false });
            }
            HirKind::Alternation(branches) if queue.len() + out.len() + branches.len() <= BRANCHES_MAX => {
                queue.extend(branches.iter().rev().map(|branch| {
                    let mut elements = elements.clone();
                    elements[0] = Element::Hir(branch);
                    Branch { elements, word }
                }));
            }
            _ => out.push(Branch { elements, word }),
        }
    }
    out
}

/// Adds a part; what follows each other one by one, so that what begins alike is found.
fn apart(part: Part, window: &mut Window) {
    match part {
        Part::All(parts) => parts.iter().for_each(|part| apart(part.clone(), window)),
        part => window.push(part),
    }
}

/// Removes what may be missing at a window's end.
fn shorten(window: &mut Window) {
    loop {
        let is_alone = window.len() == 1;
        match window.last_mut() {
            Some(Part::Repeat { min, max, .. }) if *min > 0 => return *max = Some(*min),
            Some(Part::Repeat { .. }) if !is_alone => window.pop(),
            _ => return,
        };
    }
}

/// What matches at the beginning of each match of a part of a pattern.
#[derive(Clone)]
struct Simple {
    part: Part,
    /// Whether it matches all of the part's match, so that what follows the part follows it.
    is_complete: bool,
    bits: f64,
}

impl Simple {
    fn empty(is_complete: bool) -> Self {
        Self { part: Part::All(Rc::from([])), is_complete, bits: 0.0 }
    }
}

/// A class without the newline, in place of which a line may end. Characters of several bytes: any such.
fn simplify_class(class: &Class) -> Simple {
    let mut bytes = ByteSet::default();
    let mut has_characters = false;
    match class {
        Class::Bytes(class) => class.iter().for_each(|range| bytes.add(range.start()..=range.end())),
        Class::Unicode(class) => {
            for range in class.iter() {
                let ascii = |character| u8::try_from(u32::from(character)).ok().filter(u8::is_ascii);
                has_characters |= ascii(range.end()).is_none();
                if let Some(start) = ascii(range.start()) {
                    bytes.add(start..=ascii(range.end()).unwrap_or(0x7f));
                }
            }
        }
    }
    let has_newline = bytes.remove(b'\n');
    let mut ways = Vec::new();
    if !bytes.is_empty() {
        ways.push(Part::Byte(bytes));
    }
    if has_characters {
        let more = Part::Repeat { part: Rc::new(Part::Byte(ByteSet::range(0x80..=0xbf))), min: 1, max: None };
        ways.push(Part::All(Rc::from([Part::Byte(ByteSet::range(0xc2..=0xf4)), more])));
    }
    if has_newline {
        ways.push(Part::End);
    }
    let bits = if ways.len() > 1 { bytes.bits().min(CHARACTER_BITS) } else { bytes.bits() };
    let part = if ways.len() == 1 { ways.remove(0) } else { Part::One(ways.into()) };
    Simple { part, is_complete: !has_newline, bits }
}

/// The rarity of the byte that a part begins with.
fn first_byte_bits(hir: &Hir) -> f64 {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.first().map_or(0.0, |byte| ByteSet::of(*byte).bits()),
        HirKind::Class(class) => simplify_class(class).bits,
        HirKind::Capture(capture) => first_byte_bits(&capture.sub),
        HirKind::Repetition(repetition) => first_byte_bits(&repetition.sub),
        HirKind::Concat(parts) => {
            let required = parts.iter().position(|part| minimum(part) > 0).map_or(parts.len(), |at| at + 1);
            parts[..required].iter().map(first_byte_bits).fold(f64::INFINITY, either)
        }
        HirKind::Alternation(branches) => branches.iter().map(first_byte_bits).fold(f64::INFINITY, f64::min),
        HirKind::Empty | HirKind::Look(_) => f64::INFINITY,
    }
}

fn minimum(hir: &Hir) -> usize {
    hir.properties().minimum_len().unwrap_or(0)
}

fn is_concat(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => is_concat(&capture.sub),
        HirKind::Concat(_) => true,
        _ => false,
    }
}
