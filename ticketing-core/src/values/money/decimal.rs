//! Decimal text to minor units and back, digit by digit.

use super::{Money, MoneyError};

/// The longest number that is read, in bytes.
///
/// The largest amount has 13 digits; the rest is room for exponents and zeros that change nothing.
pub(super) const MAX_LEN: usize = 64;

/// The amount that a decimal text stands for, in units of `10^-exponent`.
pub(super) fn minor_units(text: &str, exponent: u8) -> Result<i64, MoneyError> {
    let number = Decimal::read(text).ok_or(MoneyError::NotANumber)?;
    let digits = number.digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        // Zero, whatever its sign and however large its exponent.
        return Ok(0);
    }
    if number.negative {
        return Err(MoneyError::Negative);
    }
    let dropped_zeros = length(digits).saturating_sub(length(significant));
    let power = number.power.saturating_add(dropped_zeros).saturating_add(i64::from(exponent));
    match u32::try_from(power) {
        Ok(zeros) => scaled(significant, zeros).ok_or(MoneyError::TooLarge),
        Err(_) if power < 0 => Err(MoneyError::TooManyDecimals { allowed: exponent }),
        Err(_) => Err(MoneyError::TooLarge),
    }
}

/// The digits with so many zeros after them, unless that is more than any amount.
fn scaled(digits: &str, zeros: u32) -> Option<i64> {
    // Also keeps the work small: `1e999999999` is refused here, not multiplied out.
    let value = digits.parse::<i64>().ok()?.checked_mul(10_i64.checked_pow(zeros)?)?;
    (value <= Money::MAX_MINOR).then_some(value)
}

/// An amount in units of `10^-exponent` as decimal text, with all its decimals.
pub(super) fn major_units(minor: i64, exponent: u8) -> String {
    if exponent == 0 {
        return minor.to_string();
    }
    let unit = 10_i64.saturating_pow(u32::from(exponent));
    let (whole, rest) = (minor / unit, minor % unit);
    format!("{whole}.{rest:0width$}", width = usize::from(exponent))
}

/// The number `digits * 10^power`, taken apart but not yet calculated.
struct Decimal {
    negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    /// Takes `[-]digits[.digits][e[+|-]digits]` apart; nothing if the text is anything else.
    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        let unsigned = text.strip_prefix('-');
        let (mantissa, exponent) = match unsigned.unwrap_or(text).split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned.unwrap_or(text), 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, all_digits(fraction)?),
            None => (mantissa, ""),
        };
        Some(Self {
            negative: unsigned.is_some(),
            digits: [all_digits(whole)?, fraction].concat(),
            power: exponent.saturating_sub(length(fraction)),
        })
    }
}

/// An exponent with an optional sign. One that no integer holds counts as the largest there is,
/// which is beyond every amount all the same.
fn read_exponent(text: &str) -> Option<i64> {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let size = i64::from(all_digits(digits)?.parse::<u32>().unwrap_or(u32::MAX));
    Some(if negative { -size } else { size })
}

/// The text, if it is one ASCII digit or more and nothing else.
fn all_digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// A length that is added to exponents; a text here has at most [`MAX_LEN`] bytes.
fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}
