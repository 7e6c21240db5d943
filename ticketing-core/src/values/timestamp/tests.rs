//! Instants at the edges of their range, in text, and against the time library.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|refused| panic!("{text}: {refused}"))
}

#[test]
fn text_is_utc_with_milliseconds() {
    let cases = [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_323_045_678_000, "2026-01-02T03:04:05.678Z"),
        (1_767_323_045_678_999, "2026-01-02T03:04:05.678Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_709_164_800_000_000, "2024-02-29T00:00:00.000Z"),
        (Timestamp::MIN.as_micros(), "0000-01-01T00:00:00.000Z"),
        (Timestamp::MAX.as_micros(), "9999-12-31T23:59:59.999Z"),
    ];
    for (micros, text) in cases {
        let instant = Timestamp::from_micros(micros);
        assert_eq!(instant.to_string(), text);
        assert_eq!(read(text), instant.truncated_to_millis());
    }
}

#[test]
fn every_form_of_rfc_3339_is_read() {
    let cases = [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01 00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T14:30:00-09:30", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T00:00:00.1Z", 100_000),
        ("1970-01-01T00:00:00.123456Z", 123_456),
        ("1970-01-01T00:00:00.123456999999999999999999Z", 123_456),
        ("1969-12-31T23:59:59.5Z", -500_000),
        ("1970-01-01T00:00:60Z", 59_000_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
    ];
    for (text, micros) in cases {
        assert_eq!(read(text).as_micros(), micros, "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    let cases = [
        "",
        "now",
        "1767323045678",
        "2026-01-02",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:05+01",
        "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05Z ",
        " 2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z[Europe/Oslo]",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T00:60:00Z",
        "2026-01-02T00:00:61Z",
        "+02026-01-02T03:04:05Z",
        "-0001-01-02T03:04:05Z",
        "12026-01-02T03:04:05Z",
        "2026-1-2T3:4:5Z",
        "２026-01-02T03:04:05Z",
    ];
    for text in cases {
        assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text:?}");
    }
}

#[test]
fn an_offset_does_not_lead_out_of_the_range() {
    assert_eq!(read("0000-01-01T01:00:00+01:00"), Timestamp::MIN);
    assert!("0000-01-01T00:59:59+01:00".parse::<Timestamp>().is_err());
    assert!("9999-12-31T23:59:59-00:01".parse::<Timestamp>().is_err());
}

#[test]
fn arithmetic_stops_at_the_ends() {
    assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::from_micros(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::from_millis(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::EPOCH.plus(Duration::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::EPOCH.minus(Duration::MAX), Timestamp::MIN);
    assert_eq!(Timestamp::MAX.plus(Duration::from_micros(1)), Timestamp::MAX);
    assert_eq!(Timestamp::MIN.minus(Duration::from_micros(1)), Timestamp::MIN);
    assert_eq!(Timestamp::MIN.truncated_to_millis(), Timestamp::MIN);
    let all_of_time = Timestamp::MIN.offset_to(Timestamp::MAX);
    assert_eq!(Timestamp::from_micros(Timestamp::MIN.as_micros() + all_of_time), Timestamp::MAX);
}

#[test]
fn the_future_was_no_time_ago() {
    let (early, late) = (Timestamp::from_millis(1), Timestamp::from_millis(3));
    assert_eq!(late.since(early), Duration::from_millis(2));
    assert_eq!(early.since(late), Duration::ZERO);
    assert_eq!((early.offset_to(late), late.offset_to(early)), (2_000, -2_000));
}

#[test]
fn json_is_the_text() {
    let instant = Timestamp::from_millis(1_767_323_045_678);
    let json = "\"2026-01-02T03:04:05.678Z\"";
    assert_eq!(serde_json::to_string(&instant).unwrap(), json);
    assert_eq!(serde_json::from_str::<Timestamp>(json).unwrap(), instant);
    assert!(serde_json::from_str::<Timestamp>("1767323045678").is_err());
    let debug = "Timestamp(2026-01-02T03:04:05.678Z = 1767323045678000 us)";
    assert_eq!(format!("{instant:?}"), debug);
}

fn instants() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()).prop_map(Timestamp::from_micros)
}

proptest! {
    #[test]
    fn what_is_written_is_read_to_the_millisecond(instant in instants()) {
        prop_assert_eq!(read(&instant.to_string()), instant.truncated_to_millis());
    }

    #[test]
    fn text_sorts_like_time(one in instants(), other in instants()) {
        let (one, other) = (one.truncated_to_millis(), other.truncated_to_millis());
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }

    #[test]
    fn the_time_library_agrees(
        seconds in -60_000_000_000..=250_000_000_000_i64,
        micros in 0..1_000_000,
    ) {
        let library = jiff::Timestamp::new(seconds, micros * 1_000).unwrap();
        let ours = read(&library.to_string());
        prop_assert_eq!(ours.as_micros(), library.as_microsecond());
        prop_assert_eq!(ours.to_string(), format!("{:.3}", ours_in_library(ours)));
    }

    #[test]
    fn going_there_and_back_is_staying(instant in instants(), micros in 0..1_u64 << 40) {
        let duration = Duration::from_micros(micros);
        let later = instant.plus(duration);
        prop_assume!(later < Timestamp::MAX);
        prop_assert_eq!(later.minus(duration), instant);
        prop_assert_eq!(later.since(instant), duration);
    }

    #[test]
    fn reading_never_panics(text: String, like in "[0-9TZtz:+. -]{0,40}") {
        for text in [text, like] {
            prop_assert!(text.parse::<Timestamp>().is_ok_and(|read| read >= Timestamp::MIN)
                || text.parse::<Timestamp>().is_err());
        }
    }
}

fn ours_in_library(instant: Timestamp) -> jiff::Timestamp {
    let millis = instant.truncated_to_millis().as_micros() / MICROS_PER_MILLI;
    jiff::Timestamp::from_millisecond(millis).unwrap()
}
