//! How a checked text is held: shared, or as it stands in the program.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A checked text. How it is held makes no difference to what it is.
#[derive(Clone)]
pub(in crate::values) struct Text(Held);

#[derive(Clone)]
enum Held {
    Fixed(&'static str),
    Shared(Arc<str>),
}

impl Text {
    /// A text that stands in the program.
    pub(in crate::values) const fn fixed(text: &'static str) -> Self {
        Self(Held::Fixed(text))
    }

    /// A text from elsewhere, copied once.
    pub(in crate::values) fn shared(text: &str) -> Self {
        Self(Held::Shared(Arc::from(text)))
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::fixed("")
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Held::Fixed(text) => text,
            Held::Shared(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}
