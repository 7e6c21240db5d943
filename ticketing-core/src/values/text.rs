//! Text that people type, checked once and cheap to pass around.
//!
//! Every type here is trimmed, has an upper bound and holds no control characters. NUL in
//! particular is always refused: `PostgreSQL` cannot store it, and one such title would otherwise
//! make a whole group of unrelated writes fail.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserializer, Visitor};

mod held;
mod rule;

pub(super) use held::Text;
pub(super) use rule::{Rule, checked_text};

/// A text that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} {problem}")]
#[non_exhaustive]
pub struct InvalidText {
    /// The kind of text, in the words of the contract: `title`, `description`, `user id`.
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: TextProblem,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextProblem {
    /// Nothing is left after trimming, and this kind of text must say something.
    Empty,
    /// More than `max` characters (bytes, for identifiers and keys).
    TooLong {
        /// The most that is allowed.
        max: usize,
    },
    /// A control character, NUL among them, or another character that this kind of text excludes.
    ForbiddenCharacter,
}

impl InvalidText {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        match self.problem {
            TextProblem::Empty => "text_empty",
            TextProblem::TooLong { .. } => "text_too_long",
            TextProblem::ForbiddenCharacter => "text_forbidden_character",
        }
    }
}

impl fmt::Display for TextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            // Without a unit: it is characters for text and bytes for identifiers.
            Self::TooLong { max } => write!(f, "is too long (at most {max})"),
            Self::ForbiddenCharacter => f.write_str("contains a character that is not allowed"),
        }
    }
}

/// Text with paragraphs: line feeds and tabs, no other control characters.
fn paragraphs(c: char) -> bool {
    matches!(c, '\n' | '\t') || !c.is_control()
}

/// Trims, and writes line ends as one line feed each.
///
/// Browsers send the line ends of a text area as CR LF; without this a form with two lines would be
/// refused for a control character that its author never typed.
fn tidy(text: &str) -> String {
    text.trim().replace("\r\n", "\n")
}

checked_text! {
    /// The name of a listing: 1 to 200 characters on one line.
    ///
    /// ```
    /// use ticketing_core::values::Title;
    ///
    /// assert_eq!(Title::new("  Front row ")?.as_str(), "Front row");
    /// assert_eq!(Title::new("   ").unwrap_err().code(), "text_empty");
    /// # Ok::<(), ticketing_core::values::InvalidText>(())
    /// ```
    Title(&str),
    Rule::line("title", 200),
    str::trim
}

checked_text! {
    /// What a listing is about: up to 10 000 characters, with line feeds and tabs.
    ///
    /// A line end that arrives as CR LF is kept as one line feed.
    #[derive(Default)]
    Description(&str),
    Rule { may_be_empty: true, allows: paragraphs, ..Rule::line("description", 10_000) },
    tidy
}

checked_text! {
    /// Where it takes place: 1 to 200 characters on one line.
    Venue(&str),
    Rule::line("venue", 200),
    str::trim
}

checked_text! {
    /// Why something was done, as told by whoever did it: up to 500 characters on one line.
    #[derive(Default)]
    Note(&str),
    Rule { may_be_empty: true, ..Rule::line("note", 500) },
    str::trim
}

impl Description {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Note {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads a value that is written as text, through its own `FromStr`, without a copy of the text.
pub(super) fn deserialize_from_text<'de, D, T>(
    input: D,
    expecting: &'static str,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    input.deserialize_str(TextVisitor { expecting, value: PhantomData })
}

struct TextVisitor<T> {
    expecting: &'static str,
    value: PhantomData<T>,
}

impl<T> Visitor<'_> for TextVisitor<T>
where
    T: FromStr<Err: fmt::Display>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as text", self.expecting)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests;
