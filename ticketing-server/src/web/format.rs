//! Money and moments, as each language writes them.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use ticketing_core::values::{Money, Timestamp};

use super::language::Language;

/// An amount with its currency: `1,234.50 USD`, `1.234,50 EUR`.
pub(super) fn money(language: Language, amount: Money) -> String {
    let (group, point) = match language {
        Language::English => (',', '.'),
        Language::German => ('.', ','),
    };
    let major = amount.to_major();
    let (whole, decimals) = major.split_once('.').unwrap_or((&major, ""));
    let mut text = grouped(whole, group);
    if !decimals.is_empty() {
        text.push(point);
        text.push_str(decimals);
    }
    format!("{text}\u{a0}{}", amount.currency())
}

/// Digits in groups of three.
fn grouped(digits: &str, between: char) -> String {
    let count = digits.chars().count();
    let mut text = String::with_capacity(count + count / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (count - place).is_multiple_of(3) {
            text.push(between);
        }
        text.push(digit);
    }
    text
}

/// A moment that a page shows. Its script writes it in the visitor's own time zone; without one it is
/// in UTC, and says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// For machines: `2026-01-02T19:00:00Z`.
    pub(super) machine: String,
    /// For people.
    pub(super) text: String,
}

impl Moment {
    pub(super) fn of(language: Language, at: Timestamp) -> Self {
        let seconds = at.as_micros().div_euclid(1_000_000);
        let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        let pattern = match language {
            Language::English => "%-d %b %Y, %H:%M UTC",
            Language::German => "%-d.%-m.%Y, %H:%M UTC",
        };
        let at_utc = at.to_zoned(TimeZone::UTC);
        let text = strtime::format(pattern, &at_utc).unwrap_or_else(|_unfit| at.to_string());
        Self { machine: at.to_string(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_marks_of_the_language() {
        let amount = Money::usd(123_456_750);
        assert_eq!(money(Language::English, amount), "1,234,567.50\u{a0}USD");
        assert_eq!(money(Language::German, amount), "1.234.567,50\u{a0}USD");
        assert_eq!(money(Language::English, Money::usd(5)), "0.05\u{a0}USD");
        let yen = Money::parse_major("500", "JPY".parse().unwrap()).unwrap();
        assert_eq!(money(Language::German, yen), "500\u{a0}JPY");
    }

    #[test]
    fn moments_say_that_they_are_in_utc() {
        let at = Timestamp::from_millis(1_767_294_000_000);
        let english = Moment::of(Language::English, at);
        assert_eq!(english.machine, "2026-01-01T19:00:00Z");
        assert_eq!(english.text, "1 Jan 2026, 19:00 UTC");
        assert_eq!(Moment::of(Language::German, at).text, "1.1.2026, 19:00 UTC");
    }
}
