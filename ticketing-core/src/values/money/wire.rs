//! Amounts in JSON, in both directions, without a float in between.

use serde::de::Deserializer;
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::decimal::MAX_LEN;
use super::{Money, MoneyError};
use crate::values::Currency;

/// A price as a client sent it: a number of major units, not yet in any currency.
///
/// In JSON it is a number or a text, `19.99` or `"19.99"`, and its digits are kept as they were
/// written. Whatever else stands in its place is read too, and refused by
/// [`in_currency`](MajorUnits::in_currency), so that the refusal names the price, beside other
/// fields that are wrong, and does not discard the whole request.
///
/// It needs the characters of the JSON text, so it is read by `serde_json` from text, and reading
/// it fails inside `#[serde(flatten)]` and untagged enums. A `serde_json::Value` in between has
/// already made a float of the number.
///
/// ```
/// use ticketing_core::values::{Currency, MajorUnits, Money, MoneyError};
///
/// let price: MajorUnits = serde_json::from_str("19.99")?;
/// assert_eq!(price.in_currency(Currency::USD), Ok(Money::usd(19_99)));
/// let price: MajorUnits = serde_json::from_str(r#""free""#)?;
/// assert_eq!(price.in_currency(Currency::USD), Err(MoneyError::NotANumber));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct MajorUnits(Box<str>);

impl MajorUnits {
    /// The price that this text stands for, whether it is one or not.
    pub fn new(text: impl AsRef<str>) -> Self {
        // A text that is too long to be a price is not worth keeping; none at all is none either.
        Self(Some(text.as_ref()).filter(|text| text.len() <= MAX_LEN).unwrap_or_default().into())
    }

    /// The exact amount in this currency.
    ///
    /// # Errors
    ///
    /// Those of [`Money::parse_major`].
    pub fn in_currency(&self, currency: Currency) -> Result<Money, MoneyError> {
        Money::parse_major(&self.0, currency)
    }
}

impl<'de> Deserialize<'de> for MajorUnits {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(input)?;
        let json = raw.get();
        // JSON may write each character of a text as an escape of six; more than that is too long.
        if !json.starts_with('"') || json.len() > 6 * MAX_LEN + 2 {
            return Ok(Self::new(json));
        }
        // Half of a surrogate pair is valid JSON and no text; it is not a number either.
        Ok(Self::new(serde_json::from_str::<String>(json).unwrap_or_default()))
    }
}

/// An amount that is written as a JSON number of major units, without needless zeros.
///
/// ```
/// use ticketing_core::values::Money;
///
/// assert_eq!(serde_json::to_string(&Money::usd(19_99).as_json_number())?, "19.99");
/// assert_eq!(serde_json::to_string(&Money::usd(20_00).as_json_number())?, "20");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JsonAmount(Money);

impl JsonAmount {
    pub(super) const fn new(money: Money) -> Self {
        Self(money)
    }
}

impl From<Money> for JsonAmount {
    fn from(money: Money) -> Self {
        Self(money)
    }
}

impl Serialize for JsonAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut digits = self.0.to_major();
        if digits.contains('.') {
            digits.truncate(digits.trim_end_matches('0').trim_end_matches('.').len());
        }
        RawValue::from_string(digits).map_err(S::Error::custom)?.serialize(serializer)
    }
}
