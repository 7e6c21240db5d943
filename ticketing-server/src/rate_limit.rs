//! How often one may try, by key, counted in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};

/// How many keys are counted at once. When more than that try within the time in which a count is
/// good again, those that tried least lately are forgotten: memory stays bounded, and so does the
/// work of each try.
const KEYS_MAX: usize = 100_000;

/// Counts tries by key. Its clones count together; without a quota nothing is counted.
#[derive(Debug)]
pub(crate) struct KeyedLimit<K: Hash + Eq + Clone>(Option<Arc<Limiter<K>>>);

type Limiter<K> = RateLimiter<K, Recent<K>, DefaultClock>;

impl<K: Hash + Eq + Clone> KeyedLimit<K> {
    pub(crate) fn new(quota: Option<Quota>) -> Self {
        Self::of_at_most(KEYS_MAX, quota)
    }

    fn of_at_most(keys: usize, quota: Option<Quota>) -> Self {
        Self(quota.map(|quota| {
            let state = Recent::new(keys, quota.burst_size_replenished_in());
            Arc::new(RateLimiter::new(quota, state, DefaultClock::default()))
        }))
    }

    /// Counts a try.
    ///
    /// # Errors
    /// It is one too many; how long to wait for the next.
    pub(crate) fn count(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        let counted = limiter.check_key(key);
        counted.map_err(|early| early.wait_time_from(limiter.clock().now()))
    }
}

impl<K: Hash + Eq + Clone> Clone for KeyedLimit<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What is known of the keys that tried last.
#[derive(Debug)]
struct Recent<K>(Mutex<Generations<K>>);

/// Two generations of keys. A key that tries is in the young one. When that is full, or so old that
/// whoever has not tried since may try as if for the first time, it takes the place of the old one,
/// which is forgotten as a whole: no try ever has to look for what can be forgotten.
#[derive(Debug)]
struct Generations<K> {
    young: HashMap<K, Nanos>,
    old: HashMap<K, Nanos>,
    /// The most keys of one generation.
    size: usize,
    /// How long a count matters.
    matters_for: Duration,
    begun_at: Instant,
}

impl<K: Hash + Eq + Clone> Recent<K> {
    fn new(keys: usize, matters_for: Duration) -> Self {
        Self(Mutex::new(Generations {
            young: HashMap::new(),
            old: HashMap::new(),
            size: keys.div_ceil(2).max(1),
            matters_for,
            begun_at: Instant::now(),
        }))
    }
}

impl<K: Hash + Eq + Clone> StateStore for Recent<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = generations.recall(key);
        let (answer, next) = measure(known)?;
        generations.young.insert(key.clone(), next);
        Ok(answer)
    }
}

impl<K: Hash + Eq + Clone> Generations<K> {
    /// What is known of a key, which is now among the young. One that is refused stays so too: who
    /// goes on trying is not forgotten.
    fn recall(&mut self, key: &K) -> Option<Nanos> {
        if self.begun_at.elapsed() >= self.matters_for {
            self.age();
        }
        if let Some(known) = self.young.get(key) {
            return Some(*known);
        }
        if self.young.len() >= self.size {
            self.age();
        }
        let known = self.old.remove(key)?;
        self.young.insert(key.clone(), known);
        Some(known)
    }

    fn age(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.begun_at = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::num::NonZeroU32;

    use super::*;

    const NEVER: Duration = Duration::from_hours(1);

    impl Recent<u32> {
        /// What was known of a key, which now counts as tried at `next`.
        fn tried(&self, key: u32, next: u64) -> Option<u64> {
            let known = self.measure_and_replace(&key, |known| {
                Ok::<_, Infallible>((known.map(Nanos::as_u64), Nanos::new(next)))
            });
            known.unwrap_or_else(|never| match never {})
        }

        /// The same for one that is refused.
        fn refused(&self, key: u32) -> Option<u64> {
            let known: Result<(), _> = self.measure_and_replace(&key, Err);
            known.unwrap_err().map(Nanos::as_u64)
        }

        fn kept(&self) -> usize {
            let generations = self.0.lock().unwrap();
            generations.young.len() + generations.old.len()
        }
    }

    #[test]
    fn keys_are_counted_one_by_one() {
        let burst = NonZeroU32::new(2).unwrap();
        let limit = KeyedLimit::new(Some(Quota::with_period(NEVER).unwrap().allow_burst(burst)));
        for key in [1, 1, 2, 2] {
            limit.count(&key).unwrap();
        }
        for key in [1, 2] {
            let wait = limit.count(&key).unwrap_err();
            assert!(Duration::ZERO < wait && wait <= NEVER, "{wait:?}");
        }
        limit.clone().count(&3).unwrap();
    }

    #[test]
    fn a_crowd_of_keys_takes_no_more_memory_than_there_is() {
        let recent = Recent::new(100, NEVER);
        for key in 0..10_000 {
            assert_eq!(recent.tried(key, 1), None);
            assert!(recent.kept() <= 100, "{}", recent.kept());
        }
        assert!(recent.kept() >= 50, "{}", recent.kept());
    }

    #[test]
    fn who_goes_on_trying_is_not_forgotten_in_a_crowd() {
        let recent = Recent::new(100, NEVER);
        recent.tried(0, 7);
        for key in 1..1_000 {
            recent.tried(key, 1);
            if key % 40 == 0 {
                assert_eq!(recent.refused(0), Some(7), "after {key}");
            }
        }
    }

    #[test]
    fn what_does_not_matter_any_more_is_forgotten() {
        let recent = Recent::new(100, Duration::ZERO);
        recent.tried(0, 7);
        assert_eq!(recent.tried(0, 7), Some(7), "it was young, and is old");
        recent.tried(1, 1);
        recent.tried(2, 1);
        assert_eq!(recent.kept(), 2);
        assert_eq!(recent.tried(0, 7), None);
    }
}
