//! Spans of time, open or closed at either end.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// From an instant on, until just before another; either may be missing.
///
/// The end is excluded everywhere in the engine: at the deadline itself a hold has expired.
///
/// ```
/// use std::time::Duration;
/// use ticketing_core::values::{TimeWindow, Timestamp};
///
/// let doors = Timestamp::from_millis(1_767_323_045_678);
/// let sale = TimeWindow::ending(doors);
/// assert!(sale.contains(doors.minus(Duration::from_micros(1))));
/// assert!(!sale.contains(doors));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bounds", into = "Bounds")]
pub struct TimeWindow {
    // Where both are there, `from <= until`; equal means empty. Every constructor keeps this.
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// A window that would end before, or when, it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a window must end after it begins")]
pub struct EmptyWindow;

impl EmptyWindow {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        "empty_window"
    }
}

impl TimeWindow {
    /// All of time.
    pub const fn always() -> Self {
        Self { from: None, until: None }
    }

    /// From `from` on, until just before `until`; a missing one does not bound.
    ///
    /// # Errors
    ///
    /// [`EmptyWindow`] unless `until` is after `from`.
    pub fn new(from: Option<Timestamp>, until: Option<Timestamp>) -> Result<Self, EmptyWindow> {
        let window = Self::closed_early(from, until);
        if window.is_empty() { Err(EmptyWindow) } else { Ok(window) }
    }

    /// From `from` on, without an end.
    pub const fn starting(from: Timestamp) -> Self {
        Self { from: Some(from), until: None }
    }

    /// Until just before `until`, without a beginning.
    pub const fn ending(until: Timestamp) -> Self {
        Self { from: None, until: Some(until) }
    }

    /// The first instant inside.
    pub const fn from(self) -> Option<Timestamp> {
        self.from
    }

    /// The first instant after it that is outside.
    pub const fn until(self) -> Option<Timestamp> {
        self.until
    }

    /// Whether `now` is inside: `from <= now < until`.
    pub fn contains(self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// What is inside both, which may be nothing.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        // `None` sorts first, which is right for the later beginning; for the earlier end it is
        // not.
        let from = self.from.max(other.from);
        let until = match (self.until, other.until) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        Self::closed_early(from, until)
    }

    /// Whether no instant is inside.
    pub fn is_empty(self) -> bool {
        self.from.is_some() && self.from == self.until
    }

    /// A window whose end never lies before its beginning.
    ///
    /// All windows that end early become the same empty one, so what is written can be read again.
    fn closed_early(from: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { from, until: until.map(|until| from.map_or(until, |from| until.max(from))) }
    }
}

/// The window as it is written.
#[derive(Serialize, Deserialize)]
struct Bounds {
    #[serde(default)]
    from: Option<Timestamp>,
    #[serde(default)]
    until: Option<Timestamp>,
}

impl From<TimeWindow> for Bounds {
    fn from(window: TimeWindow) -> Self {
        Self { from: window.from, until: window.until }
    }
}

impl TryFrom<Bounds> for TimeWindow {
    type Error = EmptyWindow;

    /// Accepts equal ends: text carries milliseconds, so a shorter window reads as an empty one.
    fn try_from(Bounds { from, until }: Bounds) -> Result<Self, EmptyWindow> {
        match (from, until) {
            (Some(from), Some(until)) if until < from => Err(EmptyWindow),
            _ => Ok(Self { from, until }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn the_beginning_is_inside_and_the_end_is_not() {
        let window = TimeWindow::new(Some(at(10)), Some(at(20))).unwrap();
        let inside = [9, 10, 19, 20].map(|micros| window.contains(at(micros)));
        assert_eq!(inside, [false, true, true, false]);
        assert!(TimeWindow::starting(at(10)).contains(Timestamp::MAX));
        assert!(!TimeWindow::starting(at(10)).contains(at(9)));
        assert!(TimeWindow::ending(at(20)).contains(Timestamp::MIN));
        assert!(!TimeWindow::ending(at(20)).contains(at(20)));
        assert!(TimeWindow::always().contains(Timestamp::EPOCH));
    }

    #[test]
    fn a_window_ends_after_it_begins() {
        for until in [9, 10] {
            assert_eq!(TimeWindow::new(Some(at(10)), Some(at(until))), Err(EmptyWindow));
        }
        assert_eq!(TimeWindow::new(None, None), Ok(TimeWindow::always()));
    }

    #[test]
    fn windows_apart_have_nothing_in_common() {
        let early = TimeWindow::ending(at(10));
        let late = TimeWindow::starting(at(20));
        assert!(early.intersect(late).is_empty());
        assert!(early.intersect(TimeWindow::starting(at(10))).is_empty());
        assert!(!early.intersect(TimeWindow::starting(at(9))).is_empty());
    }

    #[test]
    fn missing_ends_are_open() {
        assert_eq!(serde_json::from_str::<TimeWindow>("{}").unwrap(), TimeWindow::always());
        let json = r#"{"from":"2026-01-02T00:00:00.000Z","until":null}"#;
        let window: TimeWindow = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&window).unwrap(), json);
        let backwards = r#"{"from":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}"#;
        assert!(serde_json::from_str::<TimeWindow>(backwards).is_err());
    }

    /// Windows around few instants, so that ends meet often; empty ones among them.
    fn windows() -> impl Strategy<Value = TimeWindow> {
        let end = || proptest::option::of((0..20_i64).prop_map(|tick| at(tick * 300)));
        (end(), end()).prop_map(|(from, until)| TimeWindow::closed_early(from, until))
    }

    proptest! {
        #[test]
        fn inside_both_is_inside_the_intersection(
            a in windows(), b in windows(), now in 0..6_000_i64,
        ) {
            let both = a.contains(at(now)) && b.contains(at(now));
            prop_assert_eq!(a.intersect(b).contains(at(now)), both);
            prop_assert_eq!(a.intersect(b).contains(at(now)), b.intersect(a).contains(at(now)));
        }

        #[test]
        fn an_empty_window_holds_nothing(window in windows(), now in 0..6_000_i64) {
            prop_assert!(!(window.is_empty() && window.contains(at(now))));
        }

        #[test]
        fn what_is_written_can_be_read(window in windows()) {
            let json = serde_json::to_string(&window).unwrap();
            let read: TimeWindow = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.from(), window.from().map(Timestamp::truncated_to_millis));
            prop_assert_eq!(read.until(), window.until().map(Timestamp::truncated_to_millis));
        }
    }
}
