//! One entry of the list of variables: its section, shape and help.

/// The section of the reference that a variable belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Files and how they are read.
    Input,
    /// Parsing of lines into fields.
    Parse,
    /// Redaction.
    Redact,
    /// Content of a record.
    Record,
    /// Outputs.
    Output,
    /// Start, shutdown, HTTP and logskiff's own log.
    Process,
}

impl Section {
    /// All sections, in the order of the documentation.
    pub const ALL: [Self; 6] = [Self::Input, Self::Parse, Self::Redact, Self::Record, Self::Output, Self::Process];

    /// The section's heading.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Parse => "Parse",
            Self::Redact => "Redact",
            Self::Record => "Record",
            Self::Output => "Output",
            Self::Process => "Process",
        }
    }
}

/// The shape of a variable's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One text.
    Text,
    /// A whole number.
    Number,
    /// A number with `ms`, `s`, `m` or `h`.
    Duration,
    /// A number with `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`.
    Size,
    /// A size, or `off`.
    SizeOrOff,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any of these words, separated by commas or newlines.
    Choices(&'static [&'static str]),
    /// Texts separated by commas or newlines; commas within braces separate nothing.
    List,
    /// Texts, one per line.
    Lines,
    /// A path.
    Path,
    /// Text with `{name}` placeholders.
    Template,
}

impl Kind {
    /// A short description, such as `list of kafka, syslog`.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Size => "size".to_owned(),
            Self::SizeOrOff => "size or off".to_owned(),
            Self::Choice(words) => words.join(" or "),
            Self::Choices(words) => format!("list of {}", words.join(", ")),
            Self::List => "list".to_owned(),
            Self::Lines => "lines".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Template => "template".to_owned(),
        }
    }
}

/// One entry of the reference.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Name in the environment; `<NAME>` is a placeholder that the user fills in.
    pub name: &'static str,
    /// Default as it would be set; empty if there is none.
    pub default: &'static str,
    /// Section of the reference.
    pub section: Section,
    /// Shape of its value.
    pub kind: Kind,
    /// Help: one or two sentences of Markdown.
    pub doc: &'static str,
    /// A valid value.
    pub example: &'static str,
    /// Whether it is never printed; `NAME_FILE` names a file that holds it.
    pub secret: bool,
    /// Whether `LOGSKIFF_INPUT_<NAME>_…` can set it for one input.
    pub per_input: bool,
}

impl Variable {
    pub(super) const fn new(section: Section, name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self { name, default, section, kind, doc: "", example: default, secret: false, per_input: false }
    }

    pub(super) const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    pub(super) const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    pub(super) const fn per_input(self) -> Self {
        Self { per_input: true, ..self }
    }

    /// Whether the entry is a family of variables.
    #[must_use]
    pub fn is_family(&self) -> bool {
        self.name.contains('<')
    }
}
