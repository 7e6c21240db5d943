//! So many places for each address, of what one client could otherwise take all of.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client_address::network;

/// The places that addresses have taken. Clones share them.
///
/// Only who has a place is remembered, so there are no more entries than places in all.
#[derive(Debug, Clone)]
pub(crate) struct AddressPlaces {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// A place; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct AddressPlace {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    by: IpAddr,
}

impl AddressPlaces {
    /// At most so many places for each address; for IPv6, for each network.
    pub(crate) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// A place for an address, unless it has all that it may have.
    pub(crate) fn take(&self, address: IpAddr) -> Option<AddressPlace> {
        let by = network(address);
        let mut all = locked(&self.taken);
        let taken = all.get(&by).copied().unwrap_or_default().saturating_add(1);
        if taken > self.most {
            return None;
        }
        all.insert(by, taken);
        Some(AddressPlace { taken: Arc::clone(&self.taken), by })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut all = locked(&self.taken);
        let Some(taken) = all.get_mut(&self.by) else { return };
        *taken = taken.saturating_sub(1);
        if *taken == 0 {
            all.remove(&self.by);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_no_other_has_less_for_that() {
        let places = AddressPlaces::new(2);
        let (one, other) = ("2001:db8::1".parse().unwrap(), "1.1.1.1".parse().unwrap());
        let same_network = "2001:db8::2".parse().unwrap();
        let first = places.take(one).unwrap();
        let second = places.clone().take(same_network).unwrap();
        assert!(places.take(one).is_none());
        let third = places.take(other).unwrap();
        drop(first);
        let fourth = places.take(one).unwrap();
        assert!(places.take(one).is_none());
        drop((second, third, fourth));
        assert!(locked(&places.taken).is_empty(), "who has no place is not remembered");
    }

    #[test]
    fn without_places_nobody_is_remembered() {
        let places = AddressPlaces::new(0);
        assert!(places.take("1.1.1.1".parse().unwrap()).is_none());
        assert!(locked(&places.taken).is_empty());
    }
}
