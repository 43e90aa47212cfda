//! The outputs whose acknowledgements a span waits for.

/// At most this many outputs acknowledge spans.
pub const OUTPUTS_MAX: usize = 4;

/// One of the outputs that acknowledge spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputId(u8);

impl OutputId {
    /// The first output.
    pub const FIRST: Self = Self(0);

    /// The output with this number; `None` from [`OUTPUTS_MAX`] on.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        u8::try_from(number).ok().filter(|_| number < OUTPUTS_MAX).map(Self)
    }

    /// Its number.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.into()
    }
}

/// A set of outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputSet(u8);

impl OutputSet {
    /// All outputs.
    pub const ALL: Self = Self((1 << OUTPUTS_MAX) - 1);

    /// Whether it holds no output.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it holds this output.
    #[must_use]
    pub fn contains(self, output: OutputId) -> bool {
        self.0 & (1 << output.0) != 0
    }

    /// The outputs of both sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Adds an output.
    pub fn insert(&mut self, output: OutputId) {
        self.0 |= 1 << output.0;
    }
}

/// How many messages a span has for each output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts([u16; OUTPUTS_MAX]);

impl MessageCounts {
    /// Sets the number for one output.
    #[must_use]
    pub fn with(mut self, output: OutputId, messages: u16) -> Self {
        self.0[output.index()] = messages;
        self
    }

    /// The number for one output.
    #[must_use]
    pub fn get(self, output: OutputId) -> u16 {
        self.0[output.index()]
    }

    /// One less for this output; stays at zero.
    pub fn take_one(&mut self, output: OutputId) {
        let left = &mut self.0[output.index()];
        *left = left.saturating_sub(1);
    }

    /// The outputs with messages.
    #[must_use]
    pub fn outputs(self) -> OutputSet {
        let mut outputs = OutputSet::default();
        for number in (0..OUTPUTS_MAX).filter_map(OutputId::new).filter(|output| self.get(*output) > 0) {
            outputs.insert(number);
        }
        outputs
    }

    /// Whether no output has a message.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.iter().fold(0, |all, count| all | count) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_kept_for_each_output() {
        let outputs: Vec<OutputId> = (0..9).filter_map(OutputId::new).collect();
        assert_eq!(outputs.len(), OUTPUTS_MAX);
        let mut counts = MessageCounts::default().with(outputs[1], 2);
        assert!(counts.outputs().contains(outputs[1]) && !counts.outputs().contains(outputs[0]));
        for output in &outputs {
            counts.take_one(*output);
            assert!(OutputSet::ALL.contains(*output));
        }
        assert_eq!((counts.get(outputs[1]), counts.is_empty()), (1, false));
        counts.take_one(outputs[1]);
        assert!(counts.is_empty() && counts.outputs().is_empty());
    }
}
