//! Instants, counted in microseconds since the Unix epoch.
//!
//! Databases keep microseconds, so a timestamp that went through a row is the one that went in. As
//! text, which is what clients and events see, it is RFC 3339 in UTC with milliseconds: parsing
//! what was written gives the instant truncated to milliseconds, see
//! [`Timestamp::truncated_to_millis`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

mod rfc3339;

const MICROS_PER_MILLI: i64 = 1_000;

/// An instant between the years 0000 and 9999, exact to the microsecond.
///
/// Arithmetic stops at [`Timestamp::MIN`] and [`Timestamp::MAX`] instead of failing: a deadline
/// that far away means "never" either way.
///
/// ```
/// use std::time::Duration;
/// use ticketing_core::values::Timestamp;
///
/// let now: Timestamp = "2026-01-02T04:04:05.678+01:00".parse()?;
/// assert_eq!(now.to_string(), "2026-01-02T03:04:05.678Z");
/// let deadline = now.plus(Duration::from_secs(15 * 60));
/// assert_eq!(deadline.since(now), Duration::from_secs(900));
/// # Ok::<(), ticketing_core::values::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not an instant in the form of RFC 3339, or one outside the years 0000 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a time in the form of RFC 3339, such as 2026-01-02T03:04:05.678Z")]
pub struct InvalidTimestamp;

impl InvalidTimestamp {
    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        "invalid_timestamp"
    }
}

impl Timestamp {
    /// The first instant of 1970, in UTC.
    pub const EPOCH: Self = Self(0);

    /// The first instant of the year 0000, in UTC.
    pub const MIN: Self = Self(-62_167_219_200_000_000);

    /// The last microsecond of the year 9999, in UTC.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The instant this many microseconds after the epoch, or the nearest one there is.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// The instant this many milliseconds after the epoch, or the nearest one there is.
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis.saturating_mul(MICROS_PER_MILLI))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant this much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(whole_micros(duration)))
    }

    /// The instant this much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(whole_micros(duration)))
    }

    /// How long ago `earlier` was; nothing if it is still to come.
    pub fn since(self, earlier: Self) -> Duration {
        // A negative difference has no unsigned form and becomes zero, which is what is wanted.
        Duration::from_micros(u64::try_from(earlier.offset_to(self)).unwrap_or(0))
    }

    /// What to add to this instant to get the other, in microseconds.
    pub const fn offset_to(self, other: Self) -> i64 {
        // All of time here is 3.2e17 microseconds wide, so the difference always fits.
        other.0.saturating_sub(self.0)
    }

    /// The instant as its text gives it back: without what is finer than a millisecond.
    #[must_use]
    pub const fn truncated_to_millis(self) -> Self {
        // Towards the past also before 1970, because the text counts up within its second.
        Self::from_micros(self.0.saturating_sub(self.0.rem_euclid(MICROS_PER_MILLI)))
    }
}

/// A duration in microseconds, without what is finer; one that does not fit is longer than all of
/// time here.
fn whole_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = EPOCH_IN_UTC.saturating_add(SignedDuration::from_micros(self.0));
        let millis = time.subsec_nanosecond() / 1_000_000;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
        )
    }
}

/// 1970 as a date and time without zone. Civil times reach the ends of the years 0000 and 9999;
/// jiff's own instants stop a day short, to leave room for every zone.
const EPOCH_IN_UTC: DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self} = {} us)", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads RFC 3339 with any offset. Digits finer than a microsecond are dropped.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        rfc3339::read(text).ok_or(InvalidTimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        super::text::deserialize_from_text(input, "time")
    }
}

#[cfg(test)]
mod tests;
