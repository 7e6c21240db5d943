//! Counts what was sold from the orders alone, without a look at pools and allowances.

use crate::domain::event::{AggregateRef, DomainEvent};
use crate::domain::order::{Line, Order, OrderState};
use crate::domain::ticket::{Ticket, TicketState};
use crate::ports::batch::{Change, State, WriteBatch};
use crate::ports::resolve::tests::store::Store;
use crate::values::{TicketId, Timestamp, UserId};

/// A world of which only tickets and orders count.
pub(super) struct Auditor {
    now: Timestamp,
    tickets: Vec<Ticket>,
    orders: Vec<Order>,
}

/// Units of one ticket.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) held: u32,
    pub(super) sold: u32,
}

impl Count {
    pub(super) fn claimed(&self) -> u32 {
        self.held + self.sold
    }
}

impl Auditor {
    pub(super) fn of(store: &Store) -> Self {
        let mut auditor = Self { now: store.now, tickets: Vec::new(), orders: Vec::new() };
        for state in store.states.values() {
            auditor.learn(state);
        }
        auditor
    }

    /// Goes through an accepted batch: was it applied in time, and did it claim too much?
    pub(super) fn check(&mut self, batch: &WriteBatch) {
        let skew = self.now.offset_to(batch.decided_at());
        assert!((-2_000_000..=2_000_000).contains(&skew), "skew of {skew}");
        let window = batch.window();
        assert!(window.from().is_none_or(|from| from <= self.now));
        assert!(window.until().is_none_or(|until| self.now < until));
        for change in batch.changes() {
            self.learn(&change.state);
        }
        for change in batch.changes() {
            self.check_claims(change);
        }
    }

    fn learn(&mut self, state: &State) {
        match state {
            State::Ticket(ticket) => put(&mut self.tickets, ticket.as_ref(), |t| t.id),
            State::Order(order) => put(&mut self.orders, order.as_ref(), |o| o.id),
            State::Payment(_) | State::Refund(_) => {}
        }
    }

    fn check_claims(&self, change: &Change) {
        let (State::Order(order), DomainEvent::OrderCreated(_)) =
            (&change.state, &change.event.data)
        else {
            return;
        };
        for line in order.lines.iter() {
            self.check_line(line, &order.buyer);
        }
    }

    fn check_line(&self, line: &Line, buyer: &UserId) {
        let mut tickets = self.tickets.iter();
        let ticket = tickets.find(|ticket| ticket.id == line.ticket_id);
        let ticket = ticket.expect("nothing is sold that is not listed");
        assert_eq!(ticket.state, TicketState::OnSale);
        assert_eq!(ticket.version, line.listing_version);
        let terms = &ticket.terms;
        assert!(terms.sale.from().is_none_or(|opens| opens <= self.now));
        assert!(terms.sale.until().is_none_or(|closes| self.now < closes));
        assert!(self.count(ticket.id).claimed() <= terms.capacity.get());
        if let Some(limit) = terms.max_per_order {
            assert!(line.quantity <= limit);
        }
        if let Some(limit) = terms.max_per_buyer {
            assert!(self.count_of(ticket.id, Some(buyer)).claimed() <= limit.get());
        }
    }

    pub(super) fn count(&self, ticket: TicketId) -> Count {
        self.count_of(ticket, None)
    }

    /// Units of one buyer, or of all of them.
    pub(super) fn count_of(&self, ticket: TicketId, buyer: Option<&UserId>) -> Count {
        let mut count = Count::default();
        for order in &self.orders {
            if buyer.is_some_and(|buyer| *buyer != order.buyer) {
                continue;
            }
            for line in order.lines.iter().filter(|line| line.ticket_id == ticket) {
                match order.state {
                    OrderState::Created
                    | OrderState::AwaitingPayment { .. }
                    | OrderState::Cancelling { .. } => count.held += line.quantity.get(),
                    OrderState::Complete { .. } | OrderState::Refunded { .. } => {
                        count.sold += line.quantity.get() - line.restocked;
                    }
                    OrderState::Cancelled { .. } => {}
                }
            }
        }
        count
    }

    /// Whether the pools and allowances of `store` say the same.
    pub(super) fn check_rows(&self, store: &Store) {
        for pool in store.pools.values() {
            let count = self.count(pool.id);
            let (held, sold) = (pool.held, pool.sold);
            assert_eq!(count, Count { held, sold }, "{}", pool.id);
            assert!(count.claimed() <= pool.terms.capacity);
            let listed = store.version(AggregateRef::from(pool.id));
            assert_eq!(listed, Some(pool.terms.listing));
        }
        for allowance in store.allowances.values() {
            let pool = &store.pools[&allowance.pool];
            if pool.terms.max_per_buyer.is_some() {
                let count = self.count_of(pool.id, Some(&allowance.buyer));
                assert_eq!(count.claimed(), allowance.taken);
            }
        }
        for order in &self.orders {
            for line in order.lines.iter() {
                let limited = store.pools[&line.ticket_id].terms.max_per_buyer.is_some();
                let key = (line.ticket_id, order.buyer.clone());
                let missing = !store.allowances.contains_key(&key);
                let count = self.count_of(line.ticket_id, Some(&order.buyer));
                assert!(!(limited && missing && count.claimed() > 0));
            }
        }
    }
}

fn put<T: Clone, K: PartialEq>(list: &mut Vec<T>, item: &T, id: impl Fn(&T) -> K) {
    list.retain(|old| id(old) != id(item));
    list.push(item.clone());
}
