//! A field of a request: there, not there, or of the wrong kind.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use super::extract::Problems;

/// A field of a request. Reading it never fails, so that one wrong field does not hide the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// It is not there.
    #[default]
    Missing,
    /// It is `null`.
    Null,
    /// It is there, and of another kind than it should be.
    Wrong,
    /// It is there.
    Value(T),
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(input)?;
        if raw.get() == "null" {
            return Ok(Self::Null);
        }
        Ok(serde_json::from_str(raw.get()).map_or(Self::Wrong, Self::Value))
    }
}

impl<T> Given<T> {
    /// The value, if it is there; one of another kind is a problem.
    pub(crate) fn optional(
        self,
        field: &'static str,
        expected: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        self.change(field, expected, problems).flatten()
    }

    #[expect(
        clippy::option_option,
        reason = "a term that stays, one that goes, and one that comes"
    )]
    /// What the field changes: nothing, unless it is there; `null` takes the value away. One of
    /// another kind is a problem.
    pub(crate) fn change(
        self,
        field: &'static str,
        expected: &str,
        problems: &mut Problems,
    ) -> Option<Option<T>> {
        match self {
            Self::Value(value) => Some(Some(value)),
            Self::Null => Some(None),
            Self::Missing => None,
            Self::Wrong => {
                problems.add(field, "wrong_type", format_args!("{field} must be {expected}"));
                None
            }
        }
    }

    /// The value; anything else is a problem, told in these words.
    pub(crate) fn required(
        self,
        field: &'static str,
        message: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        match self {
            Self::Value(value) => return Some(value),
            Self::Missing | Self::Null => problems.add(field, "required", message),
            Self::Wrong => problems.add(field, "wrong_type", message),
        }
        None
    }
}
