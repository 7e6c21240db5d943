//! A field of a request: there, not there, or of the wrong kind.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use super::extract::Problems;

/// What a number of units must be.
pub(crate) const UNITS: &str = "a whole number from 1 to 4294967295";

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

impl Given<String> {
    /// The text; one of blanks is as good as none.
    pub(crate) fn required_text(
        self,
        field: &'static str,
        message: &str,
        problems: &mut Problems,
    ) -> Option<String> {
        let text = self.required(field, message, problems)?;
        if text.trim().is_empty() {
            problems.add(field, "text_empty", message);
            return None;
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(default)]
        units: Given<u32>,
    }

    fn read(json: &str) -> Given<u32> {
        serde_json::from_str::<Body>(json).unwrap().units
    }

    #[test]
    fn reading_a_field_never_fails() {
        assert_eq!(read("{}"), Given::Missing);
        assert_eq!(read(r#"{"units":null}"#), Given::Null);
        assert_eq!(read(r#"{"units":7}"#), Given::Value(7));
        for wrong in ["-1", "1.5", "\"7\"", "[]", "{}", "true", "4294967296", "1e400"] {
            assert_eq!(read(&format!(r#"{{"units":{wrong}}}"#)), Given::Wrong, "{wrong}");
        }
    }

    #[test]
    fn only_a_field_of_another_kind_is_a_problem_unless_it_is_required() {
        let tell = |given: Given<u32>| {
            let mut optional = Problems::default();
            let value = given.clone().optional("units", "a number", &mut optional);
            let mut change = Problems::default();
            let changed = given.clone().change("units", "a number", &mut change);
            let mut required = Problems::default();
            given.required("units", "How many?", &mut required);
            (value, changed, optional.refuse().is_ok(), required.refuse().is_ok())
        };
        assert_eq!(tell(Given::Value(7)), (Some(7), Some(Some(7)), true, true));
        assert_eq!(tell(Given::Null), (None, Some(None), true, false));
        assert_eq!(tell(Given::Missing), (None, None, true, false));
        assert_eq!(tell(Given::Wrong), (None, None, false, false));
    }
}
