//! Sums as Stripe writes them, which is not always as ISO 4217 has them.
//!
//! | currency | here | at Stripe |
//! |---|---|---|
//! | most, such as USD | 19.99 is 1999 | 1999 |
//! | without decimals, such as JPY | 500 is 500 | 500 |
//! | ISK, UGX | 500 is 500 | 50000: two decimals, which must be zeros |
//! | MGA | 500.00 is 50000 | 500: none |
//! | with three decimals, such as KWD | 5.120 is 5120 | 5120: the last must be a zero |

use ticketing_core::values::{Currency, Money};

/// Currencies that Stripe writes without decimals.
const NO_DECIMALS: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF",
    "XOF", "XPF",
];
/// Currencies that Stripe writes with three, of which the last must be a zero.
const THREE_DECIMALS: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];

/// A sum that can't be charged in its currency, or a number that is no sum of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Stripe has no such amount in {currency}")]
pub(crate) struct NoSuchAmount {
    currency: Currency,
}

/// The number that Stripe writes a sum as.
pub(crate) fn to_stripe(money: Money) -> Result<i64, NoSuchAmount> {
    let currency = money.currency();
    let refused = NoSuchAmount { currency };
    let (ours, theirs) = (currency.exponent(), decimals(currency).ok_or(refused)?);
    let amount = moved(money.minor(), ours, theirs).ok_or(refused)?;
    let step = if theirs == 3 { 10 } else { 1 };
    if amount.checked_rem(step) == Some(0) { Ok(amount) } else { Err(refused) }
}

/// The sum that Stripe writes as this number.
pub(crate) fn from_stripe(amount: i64, currency: Currency) -> Result<Money, NoSuchAmount> {
    let refused = NoSuchAmount { currency };
    let theirs = decimals(currency).ok_or(refused)?;
    let minor = moved(amount, theirs, currency.exponent()).ok_or(refused)?;
    Money::new(minor, currency).map_err(|_out_of_range| refused)
}

/// How many decimals Stripe writes a currency with; nothing if it does not have it.
fn decimals(currency: Currency) -> Option<u8> {
    let code = currency.code();
    if NO_DECIMALS.contains(&code) {
        Some(0)
    } else if THREE_DECIMALS.contains(&code) {
        Some(3)
    } else {
        // ISK and UGX among them, which have none themselves.
        (currency.exponent() <= 2).then_some(2)
    }
}

/// A number with other decimals; nothing if that would round it.
fn moved(amount: i64, from: u8, to: u8) -> Option<i64> {
    let factor = |digits: u8| 10_i64.checked_pow(digits.into());
    if from <= to {
        return amount.checked_mul(factor(to.checked_sub(from)?)?);
    }
    let factor = factor(from.checked_sub(to)?)?;
    (amount.checked_rem(factor)? == 0).then_some(amount.checked_div(factor)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(major: &str, currency: &str) -> Money {
        Money::parse_major(major, currency.parse().unwrap()).unwrap()
    }

    #[test]
    fn sums_are_written_as_stripe_does() {
        for (major, currency, written) in [
            ("19.99", "USD", 1999),
            ("19.99", "EUR", 1999),
            ("500", "JPY", 500),
            ("500", "ISK", 50_000),
            ("5", "UGX", 500),
            ("5.120", "KWD", 5120),
            ("500.00", "MGA", 500),
            ("1000", "XAF", 1000),
            ("0.01", "USD", 1),
        ] {
            let money = money(major, currency);
            assert_eq!(to_stripe(money), Ok(written), "{money}");
            assert_eq!(from_stripe(written, money.currency()), Ok(money));
        }
    }

    #[test]
    fn what_can_not_be_charged_is_refused_and_never_rounded() {
        for (major, currency) in
            [("5.124", "KWD"), ("0.50", "MGA"), ("1.0000", "CLF"), ("1.000", "IQD")]
        {
            assert!(to_stripe(money(major, currency)).is_err(), "{major} {currency}");
        }
        for (written, currency) in [(505, "ISK"), (-1, "USD"), (i64::MAX, "USD")] {
            assert!(
                from_stripe(written, currency.parse().unwrap()).is_err(),
                "{written} {currency}"
            );
        }
    }
}
