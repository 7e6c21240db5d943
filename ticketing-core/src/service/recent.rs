//! What was used lately, and no more of it than is allowed.

use std::collections::BTreeMap;

/// A map that forgets what was not used for longest, roughly.
///
/// It keeps two halves: what was used since the last change of halves, and what was used before
/// that. When the first is full, it becomes the second, and what is left of the second is forgotten.
/// So a use costs two searches at most, and there is no list to keep in order.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    half_max: usize,
    used: BTreeMap<K, V>,
    before: BTreeMap<K, V>,
}

impl<K: Ord + Copy, V> Recent<K, V> {
    /// Of so many at most.
    pub(crate) fn of(max: usize) -> Self {
        Self { half_max: (max / 2).max(1), used: BTreeMap::new(), before: BTreeMap::new() }
    }

    /// What is kept under `key`, which is a use of it.
    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        if let Some(value) = self.before.remove(key) {
            self.insert(*key, value);
        }
        self.used.get_mut(key)
    }

    /// Keeps a value in place of what was there.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.before.remove(&key);
        if self.used.len() >= self.half_max && !self.used.contains_key(&key) {
            self.before = std::mem::take(&mut self.used);
        }
        self.used.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.used.remove(key);
        self.before.remove(key);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.used.len() + self.before.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_used_stays_however_much_comes() {
        let mut recent = Recent::of(8);
        recent.insert(0, "hot");
        for other in 1..1_000 {
            recent.insert(other, "cold");
            assert_eq!(recent.get(&0), Some(&mut "hot"), "after {other}");
        }
        assert_eq!(recent.get(&1), None);
    }

    #[test]
    fn a_removed_one_is_gone_from_both_halves() {
        let mut recent = Recent::of(4);
        for key in 0..3 {
            recent.insert(key, key);
        }
        for key in 0..3 {
            recent.remove(&key);
            assert_eq!(recent.get(&key), None);
        }
        assert_eq!(recent.len(), 0);
    }

    proptest! {
        /// It never keeps more than allowed, never two values of one key, never an old one.
        #[test]
        fn what_is_found_is_what_was_put_there_last(
            keys in proptest::collection::vec((0_u8..20, any::<bool>()), 1..200)
        ) {
            let mut recent = Recent::of(6);
            let mut last = BTreeMap::new();
            for (turn, (key, looks)) in keys.into_iter().enumerate() {
                if looks {
                    let found = recent.get(&key).copied();
                    prop_assert!(found.is_none() || found == last.get(&key).copied());
                } else {
                    recent.insert(key, turn);
                    last.insert(key, turn);
                    prop_assert_eq!(recent.get(&key).copied(), Some(turn));
                }
                prop_assert!(recent.len() <= 6);
            }
        }
    }
}
