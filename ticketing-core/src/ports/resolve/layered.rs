//! Stored rows with the changes of a group over them, the last batch's of which can be taken back.

use std::collections::BTreeMap;

/// Rows by key.
pub(super) struct Layered<K, T> {
    stored: BTreeMap<K, T>,
    touched: BTreeMap<K, T>,
    /// What was in `touched` before each change that is not kept yet, oldest first.
    undo: Vec<(K, Option<T>)>,
}

impl<K: Ord + Clone, T> Layered<K, T> {
    /// The stored rows, untouched.
    pub(super) fn over(stored: BTreeMap<K, T>) -> Self {
        Self { stored, touched: BTreeMap::new(), undo: Vec::new() }
    }

    /// A row as it is now.
    pub(super) fn get(&self, key: &K) -> Option<&T> {
        self.touched.get(key).or_else(|| self.stored.get(key))
    }

    /// Changes a row until further notice.
    pub(super) fn put(&mut self, key: K, row: T) {
        let old = self.touched.insert(key.clone(), row);
        self.undo.push((key, old));
    }

    /// The changes since the last call stay.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes back the changes that are not kept.
    pub(super) fn take_back(&mut self) {
        while let Some((key, old)) = self.undo.pop() {
            match old {
                Some(row) => self.touched.insert(key, row),
                None => self.touched.remove(&key),
            };
        }
    }

    /// What was changed, by key: each row as it is stored, and as it is now.
    pub(super) fn into_touched(mut self) -> impl Iterator<Item = (Option<T>, T)> {
        let touched = self.touched.into_iter();
        touched.map(move |(key, row)| (self.stored.remove(&key), row))
    }
}
