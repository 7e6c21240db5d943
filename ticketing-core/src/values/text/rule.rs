//! What a kind of text allows, and the macro that makes a type of it.

use super::{InvalidText, Text, TextProblem};

/// What one kind of text allows.
#[derive(Debug)]
pub(in crate::values) struct Rule {
    pub(in crate::values) what: &'static str,
    pub(in crate::values) may_be_empty: bool,
    pub(in crate::values) max: usize,
    pub(in crate::values) measure: fn(&str) -> usize,
    pub(in crate::values) allows: fn(char) -> bool,
}

impl Rule {
    /// One line that people read: it must say something, and its length is counted in characters.
    pub(in crate::values) const fn line(what: &'static str, max: usize) -> Self {
        Self { what, may_be_empty: false, max, measure: chars, allows: one_line }
    }

    /// A name that machines compare: its length is counted in bytes, as columns and headers do.
    pub(in crate::values) const fn identifier(what: &'static str, max: usize) -> Self {
        Self { what, may_be_empty: false, max, measure: str::len, allows: one_line }
    }

    /// The text itself, or why this rule refuses it.
    pub(in crate::values) fn check(&self, text: &str) -> Result<Text, InvalidText> {
        match self.problem(text) {
            Some(problem) => Err(InvalidText { what: self.what, problem }),
            None => Ok(Text::shared(text)),
        }
    }

    fn problem(&self, text: &str) -> Option<TextProblem> {
        if text.is_empty() && !self.may_be_empty {
            Some(TextProblem::Empty)
        } else if (self.measure)(text) > self.max {
            Some(TextProblem::TooLong { max: self.max })
        } else if text.chars().all(self.allows) {
            None
        } else {
            Some(TextProblem::ForbiddenCharacter)
        }
    }
}

/// How long a text is to the person who typed it.
fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Text on one line: no control characters at all.
fn one_line(c: char) -> bool {
    !c.is_control()
}

/// Makes a newtype over [`Text`] whose values obey a [`Rule`].
///
/// It takes the type's name, the rule, and what is done to a text before the rule is asked. `new`
/// accepts anything that is text; behind the name stands what it accepts where that must be one
/// type, so that the function can be handed to another.
macro_rules! checked_text {
    ($(#[$docs:meta])* $name:ident, $rule:expr, $prepare:expr) => {
        $crate::values::text::checked_text! {
            $(#[$docs])* $name(impl AsRef<str>), $rule, $prepare
        }
    };
    ($(#[$docs:meta])* $name:ident($input:ty), $rule:expr, $prepare:expr) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($crate::values::text::Text);

        impl $name {
            const RULE: $crate::values::text::Rule = $rule;

            /// Checks the text.
            ///
            /// # Errors
            ///
            /// What is wrong with the text, and that it is this kind of text.
            pub fn new(text: $input) -> Result<Self, $crate::values::InvalidText> {
                let text = $prepare(AsRef::<str>::as_ref(&text));
                Self::RULE.check(text.as_ref()).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::values::InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::values::InvalidText;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::values::InvalidText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                $crate::values::text::deserialize_from_text(input, Self::RULE.what)
            }
        }
    };
}
pub(in crate::values) use checked_text;
