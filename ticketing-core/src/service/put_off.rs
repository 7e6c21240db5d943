//! Work that did not get anywhere, and is left alone for a while.

use std::collections::BTreeMap;
use std::time::Duration;

/// The most that is put off at a time. What is more is tried again and again.
const PUT_OFF_MAX: usize = 4_096;

/// Which pieces of work are put off, and until when, so that they don't stand before others in a
/// list that gives no leases.
#[derive(Debug)]
pub(crate) struct PutOff<K> {
    pause: Duration,
    until: BTreeMap<K, Duration>,
}

impl<K: Ord + Copy> PutOff<K> {
    /// Puts work off for so long.
    pub(crate) fn by(pause: Duration) -> Self {
        Self { pause, until: BTreeMap::new() }
    }

    /// Forgets what has waited long enough. Answers how many are still put off: so much longer
    /// must a list be that is to have others in it.
    pub(crate) fn begin(&mut self, elapsed: Duration) -> usize {
        self.until.retain(|_, until| elapsed < *until);
        self.until.len()
    }

    pub(crate) fn contains(&self, key: K) -> bool {
        self.until.contains_key(&key)
    }

    pub(crate) fn add(&mut self, key: K, elapsed: Duration) {
        if self.until.len() < PUT_OFF_MAX {
            self.until.insert(key, elapsed.saturating_add(self.pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_put_off_for_a_while() {
        let seconds = Duration::from_secs;
        let mut put_off = PutOff::by(seconds(5));
        put_off.add('a', seconds(1));
        put_off.add('b', seconds(2));
        assert_eq!(put_off.begin(seconds(5)), 2);
        assert!(put_off.contains('a') && put_off.contains('b') && !put_off.contains('c'));
        assert_eq!(put_off.begin(seconds(6)), 1);
        assert!(!put_off.contains('a'));
        assert_eq!(put_off.begin(seconds(7)), 0);
    }

    #[test]
    fn what_is_put_off_is_bounded() {
        let mut put_off = PutOff::by(Duration::MAX);
        for key in 0..PUT_OFF_MAX * 2 {
            put_off.add(key, Duration::ZERO);
        }
        assert_eq!(put_off.begin(Duration::from_secs(1)), PUT_OFF_MAX);
    }
}
