//! The tickets that the streams of each address name.
//!
//! What counts is how many different ones they are: a crowd that looks at the same tickets from behind
//! one address costs what one of them costs.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::values::TicketId;

use crate::http::client_address::network;

/// How many streams of an address name each ticket. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct NamedTickets {
    named: Arc<Mutex<Named>>,
    most: usize,
}

type Named = HashMap<IpAddr, HashMap<TicketId, usize>>;

/// The names of one stream; given up when this is dropped.
#[derive(Debug)]
pub(super) struct Names {
    named: Arc<Mutex<Named>>,
    by: IpAddr,
    tickets: BTreeSet<TicketId>,
}

impl NamedTickets {
    /// At most so many different tickets for each address; for IPv6, for each network.
    pub(super) fn new(most: usize) -> Self {
        Self { named: Arc::default(), most }
    }

    /// Names these, unless there would be more then than may be.
    pub(super) fn take(&self, address: IpAddr, tickets: &BTreeSet<TicketId>) -> Option<Names> {
        let by = network(address);
        let mut named = locked(&self.named);
        let known = named.get(&by);
        let is_new = |id: &&TicketId| known.is_none_or(|known| !known.contains_key(*id));
        let new = tickets.iter().filter(is_new).count();
        if known.map_or(0, HashMap::len).saturating_add(new) > self.most {
            return None;
        }
        if !tickets.is_empty() {
            let known = named.entry(by).or_default();
            for id in tickets {
                let streams = known.entry(*id).or_default();
                *streams = streams.saturating_add(1);
            }
        }
        Some(Names { named: Arc::clone(&self.named), by, tickets: tickets.clone() })
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let mut named = locked(&self.named);
        let Some(known) = named.get_mut(&self.by) else { return };
        for id in &self.tickets {
            if let Some(streams) = known.get_mut(id) {
                *streams = streams.saturating_sub(1);
                if *streams == 0 {
                    known.remove(id);
                }
            }
        }
        if known.is_empty() {
            named.remove(&self.by);
        }
    }
}

fn locked(mutex: &Mutex<Named>) -> MutexGuard<'_, Named> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tickets(ids: impl IntoIterator<Item = u128>) -> BTreeSet<TicketId> {
        ids.into_iter().map(|id| TicketId::from_uuid(Uuid::from_u128(id))).collect()
    }

    #[test]
    fn different_tickets_count_and_the_same_do_not() {
        let named = NamedTickets::new(5);
        let (one, other) = ("2001:db8::1".parse().unwrap(), "1.1.1.1".parse().unwrap());
        let same_network = "2001:db8::2".parse().unwrap();
        let crowd: Vec<Names> =
            (0..100).map(|_| named.take(one, &tickets(1..=4)).unwrap()).collect();
        let fifth = named.take(same_network, &tickets(4..=5)).unwrap();
        assert!(named.take(one, &tickets([6])).is_none());
        assert!(named.take(other, &tickets([6])).is_some());
        drop(fifth);
        let another = named.take(one, &tickets([6])).unwrap();
        drop(crowd);
        assert!(named.take(one, &tickets(7..=10)).is_some());
        drop((another, named.take(one, &tickets([])).unwrap()));
        assert!(locked(&named.named).is_empty(), "who names nothing is not remembered");
    }
}
