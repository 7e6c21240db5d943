//! The orders, and the indexes over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::order::Order;
use crate::ports::storage::{DuePlace, LiveHolds, OrderDirection};
use crate::values::{OrderId, Page, Paged, PoolId, Timestamp, UserId};

use super::growing::{GrowingMap, GrowingSet};
use super::reads::paged;

/// Every order, by id, by buyer, by deadline and by the pools that it holds units of.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    rows: GrowingMap<OrderId, Arc<Order>>,
    /// By age, which ids need not grow with.
    of_buyer: GrowingMap<UserId, GrowingSet<(Timestamp, OrderId)>>,
    /// Those with a deadline in force, the earliest first.
    due: GrowingSet<DuePlace>,
    /// The same, by the pools that they hold units of.
    live: BTreeMap<PoolId, GrowingSet<DuePlace>>,
}

impl Orders {
    pub(super) fn get(&self, id: OrderId) -> Option<&Order> {
        self.rows.get(&id).map(Arc::as_ref)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Order> {
        self.rows.iter().map(|(_, order)| &**order)
    }

    /// Inserts or replaces.
    pub(super) fn put(&mut self, order: &Arc<Order>) {
        let before = self.rows.insert(order.id, Arc::clone(order));
        match &before {
            Some(before) => self.forget_work(before, order),
            None => self.note_buyer(order),
        }
        self.note_work(order, before.as_deref());
    }

    fn note_buyer(&mut self, order: &Order) {
        let place = (order.created_at, order.id);
        if let Some(orders) = self.of_buyer.get_mut(&order.buyer) {
            orders.insert(place);
        } else {
            let mut orders = GrowingSet::default();
            orders.insert(place);
            self.of_buyer.insert(order.buyer.clone(), orders);
        }
    }

    /// Takes out of the indexes what no longer holds.
    fn forget_work(&mut self, before: &Order, after: &Order) {
        let Some(place) = DuePlace::of(before).filter(|place| DuePlace::of(after) != Some(*place))
        else {
            return;
        };
        self.due.remove(&place);
        for line in before.lines.iter() {
            if let Some(orders) = self.live.get_mut(&line.ticket_id) {
                orders.remove(&place);
            }
        }
    }

    /// Puts into the indexes what did not hold before.
    fn note_work(&mut self, order: &Order, before: Option<&Order>) {
        let before = before.and_then(DuePlace::of);
        let Some(place) = DuePlace::of(order).filter(|place| before != Some(*place)) else {
            return;
        };
        self.due.insert(place);
        for line in order.lines.iter() {
            self.live.entry(line.ticket_id).or_default().insert(place);
        }
    }

    /// One buyer's orders, by age.
    pub(super) fn of_buyer(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Paged<Order> {
        let last = page.after.and_then(|at| self.get(OrderId::from_uuid(at.position())));
        let after = last.map(|order| (order.created_at, order.id));
        let places = self.of_buyer.get(buyer).into_iter();
        let places: Box<dyn Iterator<Item = &(Timestamp, OrderId)>> = match direction {
            OrderDirection::OldestFirst => Box::new(places.flat_map(|it| it.after(after.as_ref()))),
            OrderDirection::NewestFirst => {
                Box::new(places.flat_map(|it| it.before(after.as_ref())))
            }
        };
        let orders = places.filter_map(|(_, id)| self.get(*id).cloned());
        paged(orders, page.limit, |order| order.id.as_uuid())
    }

    /// Those whose deadline has come by `now`, the longest overdue first.
    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = &Order> {
        let due = self.due.iter().take_while(move |place| place.due_at <= now);
        due.filter_map(|place| self.get(place.id))
    }

    /// What all of them hold together. One that holds units has a deadline.
    pub(super) fn holds(&self) -> LiveHolds {
        let live = self.due.iter().filter_map(|place| self.get(place.id));
        live.fold(LiveHolds::default(), |holds, order| {
            let units: u64 = order.lines.iter().map(|line| u64::from(line.quantity.get())).sum();
            LiveHolds {
                orders: holds.orders.saturating_add(1),
                units: holds.units.saturating_add(units),
            }
        })
    }

    /// Those that hold units of `pool`, the soonest to end first, after `after`.
    pub(super) fn live(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
    ) -> impl Iterator<Item = &Order> {
        let orders = self.live.get(&pool).into_iter();
        orders
            .flat_map(move |orders| orders.after(after.as_ref()))
            .filter_map(|place| self.get(place.id))
    }
}
