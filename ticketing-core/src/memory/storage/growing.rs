//! A sorted map for keys that mostly grow, as ids and times do.
//!
//! Every order adds a row to half a dozen tables. In a `BTreeMap` each of those is a search from
//! the root; here a key above all others is one comparison and one push. Other keys are found by
//! two binary searches, and an insertion among them moves a part of one run.

use std::mem;

/// How many entries a run has at most: enough that the list of runs stays short, and so few that
/// an insertion into the middle of one moves a few kilobytes.
const RUN_MAX: usize = 512;

/// Sorted runs of sorted entries. No run is empty.
#[derive(Debug, Clone)]
pub(super) struct GrowingMap<K, V> {
    runs: Vec<Vec<(K, V)>>,
}

/// A [`GrowingMap`] of keys alone.
#[derive(Debug, Clone)]
pub(super) struct GrowingSet<K> {
    keys: GrowingMap<K, ()>,
}

impl<K: Ord, V> GrowingMap<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let run = self.runs.get(self.run_of(key))?;
        let found = place_in(run, key).ok()?;
        run.get(found).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.run_of(key);
        let run = self.runs.get_mut(at)?;
        let found = place_in(run, key).ok()?;
        run.get_mut(found).map(|(_, value)| value)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Puts the value there and gives the one that was there.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.run_of(&key);
        let Some(run) = self.runs.get_mut(at) else {
            self.runs.push(vec![(key, value)]);
            return None;
        };
        match place_in(run, &key) {
            Ok(found) => {
                let entry = run.get_mut(found);
                entry.map(|(_, old)| mem::replace(old, value))
            }
            Err(place) if run.len() < RUN_MAX => {
                run.insert(place, (key, value));
                None
            }
            Err(place) if place == run.len() => {
                let mut run = Vec::with_capacity(RUN_MAX);
                run.push((key, value));
                self.runs.insert(at.saturating_add(1), run);
                None
            }
            Err(_) => {
                let upper = run.split_off(RUN_MAX / 2);
                self.runs.insert(at.saturating_add(1), upper);
                self.insert(key, value)
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.run_of(key);
        let run = self.runs.get_mut(at)?;
        let found = place_in(run, key).ok()?;
        let (_, value) = run.remove(found);
        if run.is_empty() {
            self.runs.remove(at);
        }
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.runs.iter().flatten().map(|(key, value)| (key, value))
    }

    /// What comes after `key`, upwards; everything, if there is none.
    pub(super) fn after<'a>(
        &'a self,
        key: Option<&K>,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        let (at, place) = key.map_or((0, 0), |key| {
            let at = self.run_of(key);
            (at, self.count_in(at, |other| other <= key))
        });
        let first = self.runs.get(at).and_then(|run| run.get(place..));
        let others = self.runs.get(at.saturating_add(1)..).unwrap_or_default();
        let entries = first.into_iter().flatten().chain(others.iter().flatten());
        entries.map(|(key, value)| (key, value))
    }

    /// What comes before `key`, downwards; everything, if there is none.
    pub(super) fn before<'a>(
        &'a self,
        key: Option<&K>,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        let (at, place) = key.map_or((self.runs.len(), 0), |key| {
            let at = self.run_of(key);
            (at, self.count_in(at, |other| other < key))
        });
        let last = self.runs.get(at).and_then(|run| run.get(..place));
        let others = self.runs.get(..at).unwrap_or_default();
        let entries = others.iter().flatten().chain(last.into_iter().flatten());
        entries.rev().map(|(key, value)| (key, value))
    }

    /// The run that has the key, or into which it goes.
    fn run_of(&self, key: &K) -> usize {
        let begins_by = |run: &Vec<(K, V)>| run.first().is_some_and(|(first, _)| first <= key);
        let runs = match self.runs.last() {
            Some(last) if begins_by(last) => self.runs.len(),
            Some(_) | None => self.runs.partition_point(begins_by),
        };
        runs.saturating_sub(1)
    }

    /// How many keys of a run, from its beginning, are as wanted.
    fn count_in(&self, at: usize, wanted: impl Fn(&K) -> bool) -> usize {
        let run = self.runs.get(at);
        run.map_or(0, |run| run.partition_point(|(key, _)| wanted(key)))
    }
}

/// Where in a run the key is, or would be.
fn place_in<K: Ord, V>(run: &[(K, V)], key: &K) -> Result<usize, usize> {
    match run.last() {
        Some((last, _)) if last < key => Err(run.len()),
        Some(_) | None => run.binary_search_by(|(other, _)| other.cmp(key)),
    }
}

impl<K: Ord> GrowingSet<K> {
    pub(super) fn insert(&mut self, key: K) {
        self.keys.insert(key, ());
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.keys.remove(key);
    }

    /// The keys, upwards.
    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.keys.iter().map(|(key, ())| key)
    }

    /// What comes after `key`, upwards; everything, if there is none.
    pub(super) fn after<'a>(&'a self, key: Option<&K>) -> impl Iterator<Item = &'a K> + use<'a, K> {
        self.keys.after(key).map(|(key, ())| key)
    }

    /// What comes before `key`, downwards; everything, if there is none.
    pub(super) fn before<'a>(
        &'a self,
        key: Option<&K>,
    ) -> impl Iterator<Item = &'a K> + use<'a, K> {
        self.keys.before(key).map(|(key, ())| key)
    }
}

impl<K, V> Default for GrowingMap<K, V> {
    fn default() -> Self {
        Self { runs: Vec::new() }
    }
}

impl<K> Default for GrowingSet<K> {
    fn default() -> Self {
        Self { keys: GrowingMap::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::Bound;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Keys that mostly grow, with some that don't, and enough of them to fill several runs.
    fn steps() -> impl Strategy<Value = Vec<(bool, u32)>> {
        let growing = (0u32..4000).prop_map(|from| (from..from + 700).map(|key| (true, key)));
        let scattered = vec((any::<bool>(), 0u32..5000), 0..700);
        (vec(growing, 0..4), scattered).prop_map(|(growing, scattered)| {
            let mut steps: Vec<(bool, u32)> = growing.into_iter().flatten().collect();
            steps.extend(scattered);
            steps
        })
    }

    proptest! {

        #[test]
        fn it_is_a_sorted_map(steps in steps(), from in 0u32..5000) {
            let mut map = GrowingMap::default();
            let mut model = BTreeMap::new();
            for (number, (insert, key)) in steps.into_iter().enumerate() {
                if insert {
                    prop_assert_eq!(map.insert(key, number), model.insert(key, number));
                } else {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
            }
            prop_assert!(map.iter().eq(model.iter()));
            prop_assert!(map.after(None).eq(model.iter()));
            prop_assert!(map.before(None).eq(model.iter().rev()));
            let above = (Bound::Excluded(from), Bound::Unbounded);
            prop_assert!(map.after(Some(&from)).eq(model.range(above)));
            prop_assert!(map.before(Some(&from)).eq(model.range(..from).rev()));
            prop_assert_eq!(map.get(&from), model.get(&from));
            prop_assert_eq!(map.get_mut(&from), model.get_mut(&from));
            prop_assert_eq!(map.contains(&from), model.contains_key(&from));
            prop_assert!(map.runs.iter().all(|run| (1..=RUN_MAX).contains(&run.len())));
        }
    }

    #[test]
    fn growing_keys_fill_runs() {
        let mut set = GrowingSet::default();
        for key in 0..10 * RUN_MAX {
            set.insert(key);
        }
        assert_eq!(set.keys.runs.len(), 10);
        assert!(set.iter().copied().eq(0..10 * RUN_MAX));
    }
}
