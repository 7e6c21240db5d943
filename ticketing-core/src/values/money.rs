//! Amounts of money: whole numbers of a currency's smallest unit, and never a float.
//!
//! Clients write prices in major units (`20`, `19.99`, `"20.00"`). A binary float cannot hold most
//! of those exactly, so the text itself is read digit by digit ([`MajorUnits`]) and written back
//! the same way ([`JsonAmount`]): 19.99 USD is 1999 from the request to the gateway.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Currency;

mod decimal;
mod wire;

pub use wire::{JsonAmount, MajorUnits};

/// An amount in one currency, from zero to [`Money::MAX_MINOR`] minor units.
///
/// ```
/// use ticketing_core::values::{Currency, Money};
///
/// let price = Money::parse_major("19.99", Currency::USD)?;
/// assert_eq!(price, Money::usd(19_99));
/// assert_eq!(price.times(3u32)?.to_string(), "59.97 USD");
/// # Ok::<(), ticketing_core::values::MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "StoredMoney", into = "StoredMoney")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an amount was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// The text is not a decimal number, or is longer than any price needs to be.
    #[error("not a decimal number")]
    NotANumber,
    /// The amount is below zero.
    #[error("an amount must not be negative")]
    Negative,
    /// The amount is not a whole number of minor units.
    #[error("an amount in this currency has at most {allowed} decimals")]
    TooManyDecimals {
        /// How many decimals the currency has.
        allowed: u8,
    },
    /// The amount is above [`Money::MAX_MINOR`].
    #[error("the amount is too large")]
    TooLarge,
    /// The two amounts are in different currencies.
    #[error("the amounts are in different currencies")]
    CurrencyMismatch,
    /// The result of a calculation is above [`Money::MAX_MINOR`].
    #[error("the result is too large")]
    Overflow,
}

impl MoneyError {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::Negative => "negative_amount",
            Self::TooManyDecimals { .. } => "too_many_decimals",
            Self::TooLarge => "amount_too_large",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::Overflow => "amount_overflow",
        }
    }
}

impl Money {
    /// The largest amount: a million million minor units, ten thousand million dollars.
    ///
    /// It is far above any order and far below 2^53, so that every client can hold it.
    pub const MAX_MINOR: i64 = 1_000_000_000_000;

    /// An amount of so many minor units: `1999` is 19.99 in a currency with two decimals.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Negative`] below zero, [`MoneyError::TooLarge`] above [`Money::MAX_MINOR`].
    pub const fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor < 0 {
            Err(MoneyError::Negative)
        } else if minor > Self::MAX_MINOR {
            Err(MoneyError::TooLarge)
        } else {
            Ok(Self { minor, currency })
        }
    }

    /// Nothing, in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// So many cents: `Money::usd(20_00)` is twenty dollars.
    pub const fn usd(minor: u32) -> Self {
        Self { minor: widen(minor), currency: Currency::USD }
    }

    /// So many euro cents: `Money::eur(20_00)` is twenty euros.
    pub const fn eur(minor: u32) -> Self {
        Self { minor: widen(minor), currency: Currency::EUR }
    }

    /// Reads a decimal number of major units exactly: `19.99`, `20`, `2e1`.
    ///
    /// Accepts digits with an optional fraction and an optional exponent, which is every number
    /// that JSON can write, up to 64 bytes. Decimals beyond the currency's must be zeros: `20.000`
    /// is 20.00 USD.
    ///
    /// # Errors
    ///
    /// [`MoneyError::NotANumber`], [`MoneyError::Negative`], [`MoneyError::TooManyDecimals`] or
    /// [`MoneyError::TooLarge`]; nothing is ever rounded.
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        decimal::minor_units(text, currency.exponent()).and_then(|minor| Self::new(minor, currency))
    }

    /// The amount in minor units, which is what is stored and what a gateway is sent.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether there is nothing to pay.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Both amounts together.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`], or [`MoneyError::Overflow`] above [`Money::MAX_MINOR`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::result(self.minor.checked_add(other.minor), self.currency)
    }

    /// What is left after taking the other amount away.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`], or [`MoneyError::Negative`] if the other is larger.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::result(self.minor.checked_sub(other.minor), self.currency)
    }

    /// The amount for so many units, given as a [`Quantity`](super::Quantity) or a number.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] above [`Money::MAX_MINOR`].
    pub fn times(self, units: impl Into<u32>) -> Result<Self, MoneyError> {
        Self::result(self.minor.checked_mul(i64::from(units.into())), self.currency)
    }

    /// The amount in major units with all of the currency's decimals: `20.00`, `500` for yen.
    pub fn to_major(self) -> String {
        decimal::major_units(self.minor, self.currency.exponent())
    }

    /// The amount as a JSON number in major units: `20`, `19.9`, `19.99`.
    pub const fn as_json_number(self) -> JsonAmount {
        JsonAmount::new(self)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }

    /// The outcome of a calculation: too large is an overflow here, not a bad input.
    fn result(minor: Option<i64>, currency: Currency) -> Result<Self, MoneyError> {
        match minor {
            Some(minor) if minor <= Self::MAX_MINOR => Self::new(minor, currency),
            Some(_) | None => Err(MoneyError::Overflow),
        }
    }
}

#[expect(
    clippy::as_conversions,
    reason = "`From` cannot be called in a constant yet; widening 32 bits to 64 loses nothing"
)]
const fn widen(minor: u32) -> i64 {
    minor as i64
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_major(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({self})")
    }
}

/// An amount as rows and events keep it: minor units beside the currency's code.
#[derive(Serialize, Deserialize)]
struct StoredMoney {
    amount: i64,
    currency: Currency,
}

impl From<Money> for StoredMoney {
    fn from(money: Money) -> Self {
        Self { amount: money.minor, currency: money.currency }
    }
}

impl TryFrom<StoredMoney> for Money {
    type Error = MoneyError;

    fn try_from(stored: StoredMoney) -> Result<Self, MoneyError> {
        Self::new(stored.amount, stored.currency)
    }
}

#[cfg(test)]
mod tests;
