//! How long lists are read: one bounded page at a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many items a page may have: 1 to 100, 100 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct PageLimit(u8);

/// A number that is not a [`PageLimit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a page has 1 to 100 items")]
pub struct InvalidPageLimit;

impl InvalidPageLimit {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        "invalid_page_limit"
    }
}

impl PageLimit {
    /// The most items that one page may have.
    pub const MAX: Self = Self(100);

    /// Checks the number.
    ///
    /// # Errors
    ///
    /// [`InvalidPageLimit`] for zero and for more than 100.
    pub fn new(items: u32) -> Result<Self, InvalidPageLimit> {
        match u8::try_from(items) {
            Ok(items @ 1..=100) => Ok(Self(items)),
            Ok(_) | Err(_) => Err(InvalidPageLimit),
        }
    }

    /// The number.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self::MAX
    }
}

impl TryFrom<u32> for PageLimit {
    type Error = InvalidPageLimit;

    fn try_from(items: u32) -> Result<Self, InvalidPageLimit> {
        Self::new(items)
    }
}

impl From<PageLimit> for u32 {
    fn from(limit: PageLimit) -> Self {
        Self::from(limit.0)
    }
}

/// Where a page ended, as an opaque token that a client hands back to read on.
///
/// It names a position, not a page number: items that appear or vanish meanwhile neither repeat nor
/// hide others.
///
/// ```
/// use ticketing_core::values::Cursor;
/// use uuid::Uuid;
///
/// let cursor = Cursor::at(Uuid::from_u128(7));
/// assert_eq!(cursor.to_string(), "00000000000000000000000000000007");
/// assert_eq!(cursor.to_string().parse(), Ok(cursor));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(Uuid);

/// A text that is not a cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl InvalidCursor {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        "invalid_cursor"
    }
}

impl Cursor {
    /// The cursor after the item with this id.
    pub const fn at(position: Uuid) -> Self {
        Self(position)
    }

    /// The id of the item after which to read on.
    pub const fn position(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_simple(), f)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    /// Reads exactly what `Display` writes: 32 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidCursor);
        }
        match text.parse::<uuid::fmt::Simple>() {
            Ok(simple) => Ok(Self(simple.into_uuid())),
            Err(_) => Err(InvalidCursor),
        }
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        super::text::deserialize_from_text(input, "cursor")
    }
}

/// Which part of a list to read: the first 100 items unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Where the page before this one ended; the beginning if there was none.
    pub after: Option<Cursor>,
    /// How many items to read at most.
    pub limit: PageLimit,
}

/// Part of a list, and where to read on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paged<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where to read on; nothing if this was the end.
    pub next: Option<Cursor>,
}

impl<T> Paged<T> {
    /// The same page with every item turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Paged<U> {
        Paged { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_are_one_to_a_hundred() {
        assert_eq!(PageLimit::default().get(), 100);
        assert_eq!(PageLimit::new(1).unwrap().get(), 1);
        for items in [0, 101, 256, 257, u32::MAX] {
            assert_eq!(PageLimit::new(items), Err(InvalidPageLimit), "{items}");
        }
    }

    #[test]
    fn a_page_starts_at_the_beginning_unless_told() {
        let page: Page = serde_json::from_str("{}").unwrap();
        assert_eq!(page, Page::default());
        assert_eq!((page.after, page.limit), (None, PageLimit::MAX));
        assert!(serde_json::from_str::<Page>(r#"{"limit":0}"#).is_err());
    }

    #[test]
    fn other_texts_are_not_cursors() {
        let short = "0".repeat(31);
        let long = "0".repeat(33);
        let upper = "A".repeat(32);
        let hyphenated = Uuid::nil().to_string();
        for text in ["", "7", &short, &long, &upper, &hyphenated] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text:?}");
        }
    }

    #[test]
    fn mapping_a_page_keeps_its_place() {
        let next = Some(Cursor::at(Uuid::from_u128(2)));
        let paged = Paged { items: vec![1, 2], next };
        assert_eq!(paged.map(|n| n * 10), Paged { items: vec![10, 20], next });
    }

    proptest! {
        #[test]
        fn every_cursor_reads_back(number: u128) {
            let cursor = Cursor::at(Uuid::from_u128(number));
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            let json = serde_json::to_string(&cursor).unwrap();
            prop_assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor);
        }

        #[test]
        fn a_cursor_has_one_spelling(text: String) {
            prop_assert!(text.parse::<Cursor>().is_ok_and(|c| c.to_string() == text)
                || text.parse::<Cursor>().is_err());
        }
    }
}
