//! Currencies of ISO 4217, and how many decimals each has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A currency that an amount can be counted in.
///
/// Only currencies with a minor unit exist here: gold (`XAU`) or "no currency" (`XXX`) have no
/// smallest amount that a price could be a whole number of.
///
/// ```
/// use ticketing_core::values::Currency;
///
/// let yen: Currency = "jpy".parse()?;
/// assert_eq!(yen, Currency::JPY);
/// assert_eq!((yen.code(), yen.exponent()), ("JPY", 0));
/// # Ok::<(), ticketing_core::values::UnknownCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    // Kept beside the code so that `exponent` needs no answer for a currency without one.
    exponent: u8,
}

/// A text that is not the code of a currency with a minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a currency that prices can be given in")]
pub struct UnknownCurrency;

impl UnknownCurrency {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        "unknown_currency"
    }
}

/// Makes the constants; a test holds each exponent against the table.
macro_rules! currencies {
    ($($name:ident $exponent:literal $words:literal),+ $(,)?) => {
        $(
            #[doc = $words]
            pub const $name: Self =
                Self { iso: iso_currency::Currency::$name, exponent: $exponent };
        )+

        #[cfg(test)]
        const NAMED: &[Self] = &[$(Self::$name),+];
    };
}

impl Currency {
    currencies! {
        AUD 2 "Australian dollar.",
        BRL 2 "Brazilian real.",
        CAD 2 "Canadian dollar.",
        CHF 2 "Swiss franc.",
        CNY 2 "Chinese yuan.",
        CZK 2 "Czech koruna.",
        DKK 2 "Danish krone.",
        EUR 2 "Euro.",
        GBP 2 "Pound sterling.",
        INR 2 "Indian rupee.",
        JPY 0 "Japanese yen, which has no decimals.",
        KRW 0 "South Korean won, which has no decimals.",
        KWD 3 "Kuwaiti dinar, which has three decimals.",
        MXN 2 "Mexican peso.",
        NOK 2 "Norwegian krone.",
        NZD 2 "New Zealand dollar.",
        PLN 2 "Polish zloty.",
        SEK 2 "Swedish krona.",
        SGD 2 "Singapore dollar.",
        USD 2 "United States dollar.",
        ZAR 2 "South African rand.",
    }

    /// The code in upper case: `USD`.
    pub fn code(&self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals an amount has: 2 for `USD`, 0 for `JPY`, 3 for `KWD`.
    pub const fn exponent(self) -> u8 {
        self.exponent
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    /// Reads a code in any case.
    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        // The length first: there is no reason to copy a long text only to refuse it.
        if text.len() != 3 {
            return Err(UnknownCurrency);
        }
        let iso = iso_currency::Currency::from_code(&text.to_ascii_uppercase());
        iso.and_then(|iso| {
            let exponent = iso.exponent().and_then(|digits| u8::try_from(digits).ok())?;
            Some(Self { iso, exponent })
        })
        .ok_or(UnknownCurrency)
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    /// Alphabetical by code.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        super::text::deserialize_from_text(input, "currency code")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_agree_with_the_table() {
        for constant in Currency::NAMED {
            assert_eq!(constant.code().parse(), Ok(*constant), "{constant}");
        }
    }

    #[test]
    fn codes_are_read_in_any_case_and_written_in_upper_case() {
        for text in ["usd", "USD", "uSd"] {
            assert_eq!(text.parse(), Ok(Currency::USD));
        }
        assert_eq!(Currency::USD.to_string(), "USD");
        assert_eq!(serde_json::to_string(&Currency::EUR).unwrap(), "\"EUR\"");
        assert_eq!(serde_json::from_str::<Currency>("\"eur\"").unwrap(), Currency::EUR);
    }

    #[test]
    fn decimals_are_those_of_the_standard() {
        let exponents = [("USD", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("TND", 3), ("CLF", 4)];
        for (code, exponent) in exponents {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), exponent, "{code}");
        }
    }

    #[test]
    fn what_no_price_can_be_given_in_is_refused() {
        for text in ["", "US", "USDT", "ZZZ", "XXX", "XTS", "XAU", "XAG", "XDR", "€", "us€", " usd"]
        {
            assert_eq!(text.parse::<Currency>(), Err(UnknownCurrency), "{text:?}");
        }
        assert!(serde_json::from_str::<Currency>("840").is_err());
    }

    #[test]
    fn they_sort_by_code() {
        let mut currencies = [Currency::USD, Currency::EUR, Currency::JPY];
        currencies.sort();
        assert_eq!(currencies, [Currency::EUR, Currency::JPY, Currency::USD]);
    }
}
