//! Prices as people and programs write them, and the arithmetic of amounts.

use super::*;
use crate::values::Quantity;
use proptest::prelude::*;

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn minor(text: &str, code: &str) -> Result<i64, MoneyError> {
    Money::parse_major(text, currency(code)).map(Money::minor)
}

#[test]
fn the_prices_that_a_float_gets_wrong_are_exact() {
    // As floats, times 100 and without the rest, each of these comes out one cent short.
    let cases = [
        ("0.29", 29),
        ("1.13", 113),
        ("1.15", 115),
        ("4.10", 410),
        ("8.37", 837),
        ("19.99", 1999),
        ("64.1", 6410),
    ];
    for (text, cents) in cases {
        assert_eq!(minor(text, "USD"), Ok(cents), "{text}");
    }
    assert_eq!(minor("1.005", "USD"), Err(MoneyError::TooManyDecimals { allowed: 2 }));
}

#[test]
fn every_way_to_write_a_number_is_read() {
    let cases = [
        ("20", "USD", 2_000),
        ("20.0", "USD", 2_000),
        ("20.00", "USD", 2_000),
        ("20.000", "USD", 2_000),
        ("020", "USD", 2_000),
        ("2e1", "USD", 2_000),
        ("2E+1", "USD", 2_000),
        ("2000e-2", "USD", 2_000),
        ("1.5E+2", "USD", 15_000),
        ("1999e-2", "USD", 1_999),
        ("199900e-4", "USD", 1_999),
        ("0.00001999e6", "USD", 1_999),
        ("0", "USD", 0),
        ("-0", "USD", 0),
        ("0.000", "JPY", 0),
        ("500", "JPY", 500),
        ("500.0", "JPY", 500),
        ("5e2", "JPY", 500),
        ("1.234", "KWD", 1_234),
        ("1.2345", "CLF", 12_345),
        ("10000000000", "USD", Money::MAX_MINOR),
        ("1000000000000", "JPY", Money::MAX_MINOR),
    ];
    for (text, code, expected) in cases {
        assert_eq!(minor(text, code), Ok(expected), "{text} {code}");
    }
}

#[test]
fn what_is_not_a_number_is_refused() {
    let cases = [
        "",
        " ",
        "-",
        "+",
        ".",
        "e",
        "e5",
        "1e",
        "1e+",
        "1e-",
        "1e1e1",
        "1e1.5",
        ".5",
        "5.",
        "-.5",
        "+5",
        "--5",
        "1.2.3",
        "1,5",
        "1_000",
        "1 000",
        " 5",
        "5 ",
        "5\n",
        "$5",
        "5 USD",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "0x10",
        "five",
        "٥",
        "５",
        "1\0",
        "null",
        "true",
        "[1]",
        "{}",
    ];
    for text in cases {
        assert_eq!(minor(text, "USD"), Err(MoneyError::NotANumber), "{text:?}");
    }
    assert_eq!(minor(&"0".repeat(64), "USD"), Ok(0));
    assert_eq!(minor(&"0".repeat(65), "USD"), Err(MoneyError::NotANumber));
    assert_eq!(minor(&"9".repeat(1_000_000), "USD"), Err(MoneyError::NotANumber));
}

#[test]
fn numbers_that_are_no_price_say_why() {
    let too_fine = |allowed| MoneyError::TooManyDecimals { allowed };
    let cases = [
        ("-10", "USD", MoneyError::Negative),
        ("-0.001", "USD", MoneyError::Negative),
        ("-1e999999999", "USD", MoneyError::Negative),
        ("0.001", "USD", too_fine(2)),
        ("1999e-3", "USD", too_fine(2)),
        ("0.5", "JPY", too_fine(0)),
        ("1.2345", "KWD", too_fine(3)),
        ("1e-999999999", "USD", too_fine(2)),
        ("1e-99999999999999999999999999", "USD", too_fine(2)),
        ("10000000000.01", "USD", MoneyError::TooLarge),
        ("1000000000001", "JPY", MoneyError::TooLarge),
        ("1e11", "USD", MoneyError::TooLarge),
        ("1e999999999", "USD", MoneyError::TooLarge),
        ("1e4294967295", "USD", MoneyError::TooLarge),
        ("1e99999999999999999999999999", "USD", MoneyError::TooLarge),
        ("99999999999999999999999999999999", "USD", MoneyError::TooLarge),
    ];
    for (text, code, expected) in cases {
        assert_eq!(minor(text, code), Err(expected), "{text} {code}");
    }
    assert_eq!(minor("0e999999999", "USD"), Ok(0));
    assert_eq!(minor("0e-999999999", "USD"), Ok(0));
}

#[test]
fn amounts_are_bounded() {
    assert_eq!(Money::new(-1, Currency::USD), Err(MoneyError::Negative));
    assert_eq!(Money::new(i64::MIN, Currency::USD), Err(MoneyError::Negative));
    assert!(Money::new(Money::MAX_MINOR, Currency::USD).is_ok());
    assert_eq!(Money::new(Money::MAX_MINOR + 1, Currency::USD), Err(MoneyError::TooLarge));
    assert_eq!(Money::usd(u32::MAX).minor(), 4_294_967_295);
    assert!(Money::zero(Currency::EUR).is_zero() && !Money::eur(1).is_zero());
}

#[test]
fn text_has_all_decimals() {
    let cases = [
        (1_999, "USD", "19.99"),
        (2_000, "USD", "20.00"),
        (5, "USD", "0.05"),
        (0, "USD", "0.00"),
        (500, "JPY", "500"),
        (1_234, "KWD", "1.234"),
        (7, "CLF", "0.0007"),
    ];
    for (amount, code, text) in cases {
        let money = Money::new(amount, currency(code)).unwrap();
        assert_eq!(money.to_major(), text);
        assert_eq!(money.to_string(), format!("{text} {code}"));
    }
    assert_eq!(format!("{:?}", Money::usd(19_99)), "Money(19.99 USD)");
}

#[test]
fn arithmetic_stays_in_one_currency_and_in_bounds() {
    let most = Money::new(Money::MAX_MINOR, Currency::USD).unwrap();
    let (ten, cent) = (Money::usd(10_00), Money::usd(1));
    assert_eq!(ten.checked_add(cent), Ok(Money::usd(10_01)));
    assert_eq!(ten.checked_sub(cent), Ok(Money::usd(9_99)));
    assert_eq!(ten.checked_sub(ten), Ok(Money::zero(Currency::USD)));
    assert_eq!(cent.checked_sub(ten), Err(MoneyError::Negative));
    assert_eq!(most.checked_sub(cent).and_then(|less| less.checked_add(cent)), Ok(most));
    assert_eq!(most.checked_add(cent), Err(MoneyError::Overflow));
    assert_eq!(ten.checked_add(Money::eur(1)), Err(MoneyError::CurrencyMismatch));
    assert_eq!(ten.checked_sub(Money::eur(1)), Err(MoneyError::CurrencyMismatch));
    assert_eq!(ten.times(Quantity::new(3).unwrap()), Ok(Money::usd(30_00)));
    assert_eq!(ten.times(0_u32), Ok(Money::zero(Currency::USD)));
    assert_eq!(most.times(2_u32), Err(MoneyError::Overflow));
    assert_eq!(most.times(u32::MAX), Err(MoneyError::Overflow));
}

#[test]
fn rows_keep_minor_units_and_reading_them_checks() {
    let json = r#"{"amount":1999,"currency":"USD"}"#;
    assert_eq!(serde_json::to_string(&Money::usd(19_99)).unwrap(), json);
    assert_eq!(serde_json::from_str::<Money>(json).unwrap(), Money::usd(19_99));
    for json in [
        r#"{"amount":-1,"currency":"USD"}"#,
        r#"{"amount":1000000000001,"currency":"USD"}"#,
        r#"{"amount":19.99,"currency":"USD"}"#,
        r#"{"amount":1,"currency":"XXX"}"#,
        r#"{"amount":1}"#,
    ] {
        assert!(serde_json::from_str::<Money>(json).is_err(), "{json}");
    }
}

#[test]
fn a_price_in_json_is_a_number_or_a_text() {
    for json in ["19.99", r#""19.99""#, " 19.99 ", r#""\u00319.99""#, "1999e-2", "19.990"] {
        let price: MajorUnits = serde_json::from_str(json).unwrap();
        assert_eq!(price.in_currency(Currency::USD), Ok(Money::usd(19_99)), "{json}");
    }
    // The longest way to write the longest text: every character as an escape.
    let json = format!("\"{}\"", r"\u0030".repeat(64));
    let price: MajorUnits = serde_json::from_str(&json).unwrap();
    assert_eq!(price.in_currency(Currency::USD), Ok(Money::zero(Currency::USD)));
    // More digits than a float holds: the text decides, not its nearest float.
    let price: MajorUnits = serde_json::from_str("19.990000000000000000001").unwrap();
    let refused = price.in_currency(Currency::USD);
    assert_eq!(refused, Err(MoneyError::TooManyDecimals { allowed: 2 }));
}

#[test]
fn anything_else_as_a_price_is_refused_as_a_price() {
    let long_number = "1".repeat(100_000);
    let long_text = format!("\"{long_number}\"");
    let jsons = [
        "null",
        "true",
        "[]",
        "[20]",
        "{}",
        r#"{"a":20}"#,
        r#""""#,
        r#""free""#,
        r#"" 20""#,
        r#""\ud800""#,
        r#""20\u0000""#,
        &long_number,
        &long_text,
    ];
    for json in jsons {
        let price: MajorUnits = serde_json::from_str(json).unwrap();
        assert_eq!(price.in_currency(Currency::USD), Err(MoneyError::NotANumber), "{json:.20}");
    }
    assert!(serde_json::from_str::<MajorUnits>("20,").is_err());
}

#[test]
fn a_price_is_read_from_inside_a_request() {
    #[derive(Deserialize)]
    struct Request {
        price: MajorUnits,
        list_price: Option<MajorUnits>,
    }
    let request: Request = serde_json::from_slice(br#"{"title":"x","price":8.37}"#).unwrap();
    assert_eq!(request.price, MajorUnits::new("8.37"));
    assert_eq!(request.list_price, None);
}

#[test]
fn a_price_never_comes_by_way_of_a_buffered_float() {
    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        price: MajorUnits,
    }
    #[derive(Debug, Deserialize)]
    struct Outer {
        #[serde(flatten)]
        _inner: Inner,
    }
    assert!(serde_json::from_str::<Outer>(r#"{"price":19.99}"#).is_err());
}

#[test]
fn a_json_amount_has_no_needless_zeros() {
    let cases = [
        (1_999, "USD", "19.99"),
        (1_990, "USD", "19.9"),
        (2_000, "USD", "20"),
        (0, "USD", "0"),
        (10, "USD", "0.1"),
        (500, "JPY", "500"),
        (1_000, "JPY", "1000"),
        (1_230, "KWD", "1.23"),
        (Money::MAX_MINOR, "USD", "10000000000"),
    ];
    for (amount, code, json) in cases {
        let money = Money::new(amount, currency(code)).unwrap();
        assert_eq!(serde_json::to_string(&money.as_json_number()).unwrap(), json);
    }
}

#[test]
fn each_problem_has_a_code() {
    let codes = [
        MoneyError::NotANumber,
        MoneyError::Negative,
        MoneyError::TooManyDecimals { allowed: 2 },
        MoneyError::TooLarge,
        MoneyError::CurrencyMismatch,
        MoneyError::Overflow,
    ]
    .map(MoneyError::code);
    let expected = [
        "not_a_number",
        "negative_amount",
        "too_many_decimals",
        "amount_too_large",
        "currency_mismatch",
        "amount_overflow",
    ];
    assert_eq!(codes, expected);
}

/// Amounts in currencies with every number of decimals that there is.
fn amounts() -> impl Strategy<Value = Money> {
    let code = prop::sample::select(vec!["JPY", "USD", "EUR", "KWD", "CLF"]);
    let amount = prop_oneof![0..=Money::MAX_MINOR, 0..10_000_i64];
    (amount, code).prop_map(|(amount, code)| Money::new(amount, currency(code)).unwrap())
}

fn dollars() -> impl Strategy<Value = Money> {
    let amount = prop_oneof![0..=Money::MAX_MINOR, 0..10_000_i64];
    amount.prop_map(|amount| Money::new(amount, Currency::USD).unwrap())
}

proptest! {
    #[test]
    fn what_is_written_is_read(money in amounts()) {
        prop_assert_eq!(Money::parse_major(&money.to_major(), money.currency()), Ok(money));
        let json = serde_json::to_string(&money.as_json_number()).unwrap();
        let read: MajorUnits = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read.in_currency(money.currency()), Ok(money));
        let row = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&row).unwrap(), money);
    }

    #[test]
    fn moving_the_point_changes_nothing(money in amounts(), zeros in 0..40_usize) {
        let decimals = zeros + usize::from(money.currency().exponent());
        let text = format!("{}{}e-{decimals}", money.minor(), "0".repeat(zeros));
        prop_assert_eq!(Money::parse_major(&text, money.currency()), Ok(money));
    }

    #[test]
    fn reading_never_panics(text: String, like in "[-+0-9.eE]{0,70}") {
        for text in [text, like] {
            for code in ["USD", "JPY", "CLF"] {
                if let Ok(money) = Money::parse_major(&text, currency(code)) {
                    prop_assert!((0..=Money::MAX_MINOR).contains(&money.minor()));
                }
            }
        }
    }

    #[test]
    fn a_number_reads_like_the_same_text(
        text in r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?([eE][-+]?[0-9]{1,3})?",
    ) {
        let number: MajorUnits = serde_json::from_str(&text).unwrap();
        let quoted: MajorUnits = serde_json::from_str(&format!("\"{text}\"")).unwrap();
        prop_assert_eq!(number.in_currency(Currency::USD), quoted.in_currency(Currency::USD));
        prop_assert_eq!(number, quoted);
    }

    #[test]
    fn any_json_is_a_price_or_refused_as_one(text: String) {
        let json = serde_json::to_string(&text).unwrap();
        let price: MajorUnits = serde_json::from_str(&json).unwrap();
        let expected = Money::parse_major(&text, Currency::EUR);
        prop_assert_eq!(price.in_currency(Currency::EUR), expected);
    }

    #[test]
    fn sums_do_not_depend_on_grouping(a in dollars(), b in dollars(), c in dollars()) {
        let left = a.checked_add(b).and_then(|sum| sum.checked_add(c));
        let right = b.checked_add(c).and_then(|sum| a.checked_add(sum));
        prop_assert_eq!(left, right);
        prop_assert_eq!(a.checked_add(b), b.checked_add(a));
    }

    #[test]
    fn taking_away_undoes_adding(a in dollars(), b in dollars()) {
        if let Ok(sum) = a.checked_add(b) {
            prop_assert_eq!(sum.checked_sub(b), Ok(a));
        }
    }

    #[test]
    fn multiplying_is_adding_again_and_again(price in 0..1_000_000_u32, units in 0..50_u32) {
        let price = Money::usd(price);
        let sum = (0..units).try_fold(Money::zero(Currency::USD), |sum, _| sum.checked_add(price));
        prop_assert_eq!(price.times(units), sum);
    }
}
