//! Ids in no order, so that nothing can rely on one.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::ports::IdSource;

/// A source of ids that are always the same, and follow each other in no order.
///
/// The contract of [`IdSource`] says that nothing relies on the order of ids. An adapter that
/// sorts by id where it is asked to sort by time fails with these.
#[derive(Debug, Default)]
pub struct UnorderedIds {
    given: AtomicU64,
}

impl IdSource for UnorderedIds {
    fn next(&self) -> Uuid {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_neither_rise_nor_fall() {
        let ids = UnorderedIds::default();
        let given: Vec<Uuid> = (0..100).map(|_| ids.next()).collect();
        assert!(given.windows(2).any(|pair| pair[0] < pair[1]));
        assert!(given.windows(2).any(|pair| pair[0] > pair[1]));
    }
}
