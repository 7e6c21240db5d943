//! What sums Stripe takes, from its page on currencies.

use crate::answer::Failure;

/// Currencies without decimals.
const NO_DECIMALS: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];
/// Currencies without decimals that are written with two, which must be zeros.
const TWO_ZEROS: &[&str] = &["isk", "ugx"];
/// Currencies with three decimals, the last of which must be a zero.
const THREE_DECIMALS: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];
/// Some of those with two.
const TWO_DECIMALS: &[&str] = &[
    "aed", "ars", "aud", "bgn", "brl", "cad", "chf", "cny", "cop", "czk", "dkk", "egp", "eur",
    "gbp", "gel", "hkd", "huf", "idr", "ils", "inr", "kes", "mad", "mxn", "myr", "ngn", "nok",
    "nzd", "pen", "php", "pkr", "pln", "qar", "ron", "rsd", "sar", "sek", "sgd", "thb", "try",
    "twd", "uah", "usd", "uyu", "zar",
];
/// The least that can be charged, where that is more than one.
const LEAST: &[(&str, i64)] = &[
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
    ("usd", 50),
];
/// Eight digits.
const MOST: i64 = 99_999_999;

/// Whether that sum can be charged.
pub(crate) fn check_charge(amount: i64, currency: &str) -> Result<(), Failure> {
    check_currency(currency)?;
    if amount < 1 {
        return Err(Failure::coded(
            "parameter_invalid_integer",
            "Invalid positive integer",
            AMOUNT,
        ));
    }
    if amount > MOST {
        return Err(Failure::coded(
            "amount_too_large",
            "Amount must be no more than 8 digits",
            AMOUNT,
        ));
    }
    let least = LEAST.iter().find(|(known, _)| *known == currency).map_or(1, |(_, least)| *least);
    if amount < least {
        return Err(Failure::coded(
            "amount_too_small",
            "Amount must convert to at least 50 cents",
            AMOUNT,
        ));
    }
    check_digits(amount, currency)
}

/// Whether that sum can be written in that currency.
pub(crate) fn check_digits(amount: i64, currency: &str) -> Result<(), Failure> {
    let step = if TWO_ZEROS.contains(&currency) {
        100
    } else if THREE_DECIMALS.contains(&currency) {
        10
    } else {
        1
    };
    if amount.checked_rem(step) == Some(0) {
        return Ok(());
    }
    Err(Failure::invalid(&format!("Amount must be evenly divisible by {step}"), AMOUNT))
}

fn check_currency(currency: &str) -> Result<(), Failure> {
    let known = [NO_DECIMALS, TWO_ZEROS, THREE_DECIMALS, TWO_DECIMALS];
    if known.iter().any(|list| list.contains(&currency)) {
        return Ok(());
    }
    Err(Failure::invalid(&format!("Invalid currency: {currency}"), "currency"))
}

const AMOUNT: &str = "amount";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_currency_has_its_rules() {
        for (amount, currency) in [
            (1999, "usd"),
            (50, "usd"),
            (500, "jpy"),
            (500, "isk"),
            (5120, "kwd"),
            (99_999_999, "eur"),
        ] {
            assert_eq!(check_charge(amount, currency), Ok(()), "{amount} {currency}");
        }
        for (amount, currency) in [
            (49, "usd"),
            (0, "kwd"),
            (-1, "usd"),
            (100_000_000, "usd"),
            (505, "isk"),
            (5124, "kwd"),
            (1000, "USD"),
            (1000, "xau"),
        ] {
            assert!(check_charge(amount, currency).is_err(), "{amount} {currency}");
        }
    }
}
