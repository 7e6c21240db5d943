//! Reading RFC 3339, and nothing beyond it: the time library reads many more spellings of a time,
//! and a client that relied on one of those could not be moved to another server.

use jiff::civil::{Date, Time};

use super::{EPOCH_IN_UTC, Timestamp};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_MINUTE: i64 = 60;
const SECONDS_PER_HOUR: i64 = 3_600;

/// The instant, if the whole text is one.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let mut reader = Reader { rest: text.as_bytes() };
    reader.instant().filter(|_| reader.rest.is_empty())
}

/// Reads a text from its beginning; every step gives nothing if the text does not go on that way.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn instant(&mut self) -> Option<Timestamp> {
        let date = self.date()?;
        self.one_of(b"Tt ")?;
        let time = self.time()?;
        let micros = self.fraction()?;
        let offset = self.offset()?;
        let local = date.to_datetime(time).duration_since(EPOCH_IN_UTC).as_secs();
        let total = (local - offset).checked_mul(MICROS_PER_SECOND)?.checked_add(micros)?;
        // An offset can push the ends of the range out of it; then there is no such instant.
        Some(Timestamp::from_micros(total)).filter(|instant| instant.0 == total)
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.digits(4)?;
        self.one_of(b"-")?;
        let month = self.two_digits()?;
        self.one_of(b"-")?;
        Date::new(year, month, self.two_digits()?).ok()
    }

    fn time(&mut self) -> Option<Time> {
        let hour = self.two_digits()?;
        self.one_of(b":")?;
        let minute = self.two_digits()?;
        self.one_of(b":")?;
        // A leap second has no instant of its own in Unix time; it reads as the second before it.
        let second = match self.two_digits()? {
            60 => 59,
            second => second,
        };
        Time::new(hour, minute, second, 0).ok()
    }

    /// Microseconds of a fraction, if there is one.
    fn fraction(&mut self) -> Option<i64> {
        if self.one_of(b".").is_none() {
            return Some(0);
        }
        let mut micros = i64::from(self.digit()?) * 100_000;
        let mut unit = 10_000;
        while let Some(digit) = self.digit() {
            micros += i64::from(digit) * unit;
            unit /= 10;
        }
        Some(micros)
    }

    /// Seconds to the east of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.two_digits().filter(|hours| *hours < 24)?;
        self.one_of(b":")?;
        let minutes = self.two_digits().filter(|minutes| *minutes < 60)?;
        let seconds = i64::from(hours) * SECONDS_PER_HOUR + i64::from(minutes) * SECONDS_PER_MINUTE;
        Some(sign * seconds)
    }

    fn two_digits(&mut self) -> Option<i8> {
        i8::try_from(self.digits(2)?).ok()
    }

    /// A number of exactly so many digits, of which there are at most four.
    fn digits(&mut self, count: usize) -> Option<i16> {
        (0..count).try_fold(0, |number: i16, _| Some(number * 10 + i16::from(self.digit()?)))
    }

    fn digit(&mut self) -> Option<u8> {
        self.one_of(b"0123456789").map(|digit| digit - b'0')
    }

    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first().filter(|(first, _)| set.contains(first))?;
        self.rest = rest;
        Some(*first)
    }
}
