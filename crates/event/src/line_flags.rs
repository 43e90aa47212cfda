//! What framing did to a line, as its record says it in `log.flags`.

/// A set of facts about the framing of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineFlags(u8);

impl LineFlags {
    /// The empty set: one whole line.
    pub const NONE: Self = Self(0);
    /// It is part of a record of several lines, or such a record itself: see [`Self::CUT`].
    pub const MULTILINE: Self = Self(1);
    /// Only a part: a limit cut it.
    pub const TRUNCATED: Self = Self(1 << 1);
    /// Several lines of the file. This has no name in `log.flags`.
    pub const JOINED: Self = Self(1 << 2);
    /// A part of a record of several lines, which a limit or a timeout cut.
    pub const CUT: Self = Self::MULTILINE.and(Self::TRUNCATED);

    /// All flags with their names in `log.flags`, in the order in which they are written.
    const NAMES: [(Self, &'static str); 2] = [(Self::MULTILINE, "multiline"), (Self::TRUNCATED, "truncated")];

    /// The union of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set contains all flags of `other`.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of its flags in `log.flags`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_names_its_flags_in_order() {
        let names = |flags: LineFlags| flags.names().collect::<Vec<_>>();
        assert_eq!(names(LineFlags::NONE), [""; 0]);
        assert_eq!(names(LineFlags::TRUNCATED), ["truncated"]);
        assert_eq!(names(LineFlags::TRUNCATED.and(LineFlags::MULTILINE)), ["multiline", "truncated"]);
    }
}
