//! How many units of a listing.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// A number of units: at least one, at most [`Quantity::MAX`].
///
/// ```
/// use ticketing_core::values::Quantity;
///
/// assert_eq!(Quantity::new(3)?.get(), 3);
/// assert!(Quantity::new(0).is_err());
/// # Ok::<(), ticketing_core::values::InvalidQuantity>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(NonZeroU32);

/// A number that is not a [`Quantity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a quantity must be between 1 and {}", Quantity::MAX)]
pub struct InvalidQuantity;

impl InvalidQuantity {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        "invalid_quantity"
    }
}

impl Quantity {
    /// One unit, which is what a classic one-off ticket has.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// Ten million units: more than any venue holds, and small enough that the sums of a pool
    /// (held, sold, capacity) stay far from the end of any integer column.
    pub const MAX: Self = match NonZeroU32::new(10_000_000) {
        Some(units) => Self(units),
        None => Self::ONE,
    };

    /// Checks the number.
    ///
    /// # Errors
    ///
    /// [`InvalidQuantity`] for zero and for more than [`Quantity::MAX`].
    pub fn new(units: u32) -> Result<Self, InvalidQuantity> {
        NonZeroU32::new(units).map(Self).filter(|q| *q <= Self::MAX).ok_or(InvalidQuantity)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Both together.
    ///
    /// # Errors
    ///
    /// [`InvalidQuantity`] if that is more than [`Quantity::MAX`].
    pub fn checked_add(self, other: Self) -> Result<Self, InvalidQuantity> {
        // Two quantities of at most ten million each fit a u32; saturating states it without a
        // panic.
        Self::new(self.get().saturating_add(other.get()))
    }
}

impl TryFrom<u32> for Quantity {
    type Error = InvalidQuantity;

    fn try_from(units: u32) -> Result<Self, InvalidQuantity> {
        Self::new(units)
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.get()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bounds_are_inside() {
        assert_eq!(Quantity::new(1), Ok(Quantity::ONE));
        assert_eq!(Quantity::new(10_000_000), Ok(Quantity::MAX));
        for units in [0, 10_000_001, u32::MAX] {
            assert_eq!(Quantity::new(units), Err(InvalidQuantity), "{units}");
        }
        assert_eq!(InvalidQuantity.to_string(), "a quantity must be between 1 and 10000000");
    }

    #[test]
    fn reading_checks_as_well() {
        assert_eq!(serde_json::from_str::<Quantity>("2").unwrap().get(), 2);
        for json in ["0", "-1", "1.5", "10000001", "4294967297", "\"2\"", "null"] {
            assert!(serde_json::from_str::<Quantity>(json).is_err(), "{json}");
        }
        assert_eq!(serde_json::to_string(&Quantity::ONE).unwrap(), "1");
    }

    proptest! {
        #[test]
        fn sums_are_sums_or_refused(a in 1..=10_000_000_u32, b in 1..=10_000_000_u32) {
            let sum = Quantity::new(a).unwrap().checked_add(Quantity::new(b).unwrap());
            prop_assert_eq!(sum, Quantity::new(a + b));
        }
    }
}
