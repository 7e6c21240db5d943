//! The reference: a storage in memory that is told the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::outcome::Outcome;
use super::super::scene::Scene;
use super::poison::Poisoned;
use crate::domain::envelope::Event;
use crate::domain::event::{DomainEvent, EventKey};
use crate::domain::inventory::Pool;
use crate::memory::{Books, MemoryStorage};
use crate::ports::{ListingQuery, OrderDirection, Storage};
use crate::testing::ManualClock;
use crate::testing::conformance::storage::reads::same_on_the_wire;
use crate::testing::conformance::verdict::{fail, worked};
use crate::values::{Page, PageLimit, Timestamp, UserId};

/// The reference, whose clock is set to the storage's before every group.
#[derive(Debug)]
pub(super) struct Twin {
    clock: ManualClock,
    memory: MemoryStorage,
}

impl Twin {
    pub(super) fn new() -> Self {
        let clock = ManualClock::new(Timestamp::EPOCH);
        let memory = MemoryStorage::with_clock(Arc::new(clock.clone()));
        Self { clock, memory }
    }

    /// Everything that is stored.
    pub(super) fn books(&self, now: Timestamp) -> Books {
        self.clock.set(now);
        self.memory.books()
    }

    /// Commits a group to both.
    pub(super) async fn commit(
        &self,
        scene: &Scene,
        group: Poisoned,
        now: Timestamp,
        place: &str,
    ) -> Vec<Pool> {
        self.clock.set(now);
        let expected = self.memory.commit(group.heard()).await;
        let outcomes = group.expected(Outcome::all(&expected));
        let committed = scene.storage().commit(group.whole()).await;
        assert_eq!(Outcome::all(&committed), outcomes, "{place}");
        let (mut read, mut wanted) = (committed.pools.clone(), expected.pools);
        read.sort_by_key(|pool| pool.id);
        wanted.sort_by_key(|pool| pool.id);
        // A storage may leave out pools that only refused batches touched.
        wanted.retain(|pool| read.iter().any(|told| told.id == pool.id));
        assert_eq!(read, wanted, "the pools as they are now, {place}");
        committed.pools
    }

    /// Compares everything that can be read.
    pub(super) async fn compare(&self, scene: &Scene) {
        let books = self.memory.books();
        self.compare_rows(scene, &books).await;
        self.compare_events(scene, &books).await;
        self.compare_lists(scene, &books).await;
        self.compare_work(scene, &books).await;
    }

    async fn compare_rows(&self, scene: &Scene, books: &Books) {
        for order in &books.orders {
            assert_eq!(scene.order(order.id).await, *order);
        }
        for payment in &books.payments {
            assert_eq!(scene.payment(payment.id).await, *payment);
        }
        for refund in &books.refunds {
            let read = worked(scene.storage().refund(refund.id).await, "refund");
            assert_eq!(read.as_ref(), Some(refund));
        }
        for (ticket, pool) in books.tickets.iter().zip(&books.pools) {
            let listing = scene.listing(ticket.id).await;
            assert_eq!((&listing.ticket, &listing.pool), (ticket, pool));
        }
        for record in &books.keys {
            let read = worked(scene.storage().key(&record.user, &record.key).await, "key");
            assert_eq!(read.as_ref(), Some(record));
        }
    }

    async fn compare_events(&self, scene: &Scene, books: &Books) {
        for event in &books.events {
            let read = worked(scene.storage().event(event.key()).await, "event");
            match read {
                Some(read) => same_event(&read, event),
                None => fail(&format!("no event of {:?}", event.key())),
            }
        }
    }

    async fn compare_lists(&self, scene: &Scene, books: &Books) {
        let storage = scene.storage();
        let seller = books.tickets.first().map(|ticket| ticket.seller.clone());
        let some_words = vec!["ro".to_owned()];
        for all in [true, false] {
            for seller in [None, seller.clone()] {
                for words in [Vec::new(), some_words.clone()] {
                    let limit = worked(PageLimit::new(7), "a page limit");
                    let page = Page { limit, after: None };
                    self.compare_pages(
                        scene,
                        ListingQuery { words, seller: seller.clone(), all, page },
                    )
                    .await;
                }
            }
        }
        let buyers: BTreeSet<&UserId> = books.orders.iter().map(|order| &order.buyer).collect();
        for buyer in buyers {
            let (direction, page) = (OrderDirection::NewestFirst, Page::default());
            let read = worked(storage.orders_of(buyer, direction, page).await, "orders_of");
            let wanted = self.memory.orders_of(buyer, direction, page).await;
            let wanted = worked(wanted, "orders_of");
            assert_eq!(read, wanted, "orders of {buyer}");
        }
        for order in &books.orders {
            let read = worked(storage.payments_of(order.id).await, "payments_of");
            let wanted = worked(self.memory.payments_of(order.id).await, "payments_of");
            assert_eq!(read, wanted, "payments of {}", order.id);
        }
        for payment in &books.payments {
            let read = worked(storage.refunds_of(payment.id).await, "refunds_of");
            let wanted = worked(self.memory.refunds_of(payment.id).await, "refunds_of");
            assert_eq!(read, wanted, "refunds of {}", payment.id);
            if let Some(intent) = &payment.intent {
                let read = worked(storage.payment_by_intent(intent).await, "payment_by_intent");
                assert_eq!(read.as_ref(), Some(payment));
            }
        }
        let read = worked(storage.parked_payments(1000).await, "parked_payments");
        assert_eq!(read, worked(self.memory.parked_payments(1000).await, "parked_payments"));
        let read = worked(storage.failed_refunds(1000).await, "failed_refunds");
        assert_eq!(read, worked(self.memory.failed_refunds(1000).await, "failed_refunds"));
    }

    /// Compares every page of a list of listings.
    async fn compare_pages(&self, scene: &Scene, mut query: ListingQuery) {
        loop {
            self.clock.set(scene.now().await);
            let read = worked(scene.storage().search(&query).await, "search");
            let wanted = worked(self.memory.search(&query).await, "search");
            assert_eq!(read, wanted, "{query:?}");
            match read.next {
                Some(after) => query.page.after = Some(after),
                None => return,
            }
        }
    }

    async fn compare_work(&self, scene: &Scene, books: &Books) {
        let storage = scene.storage();
        let read = worked(storage.clearing_pools(1000).await, "clearing_pools");
        let wanted = worked(self.memory.clearing_pools(1000).await, "clearing_pools");
        let sets = [read, wanted].map(|pools| pools.into_iter().collect::<BTreeSet<_>>());
        let [read, wanted] = &sets;
        assert_eq!(read, wanted, "clearing pools");
        for pool in &books.pools {
            let read = worked(storage.live_orders(pool.id, None, 1000).await, "live_orders");
            let wanted = self.memory.live_orders(pool.id, None, 1000).await;
            assert_eq!(read, worked(wanted, "live_orders"), "live orders of {}", pool.id);
        }
        let now = scene.now().await;
        self.clock.set(now);
        let wanted = worked(self.memory.due_orders(1000).await, "due_orders").items;
        let read = worked(storage.due_orders(1000).await, "due_orders").items;
        let ids = read.iter().map(|order| order.id).collect::<BTreeSet<_>>();
        assert!(wanted.iter().all(|order| ids.contains(&order.id)), "due orders");
        if scene.namespace().time_stands() {
            assert_eq!(read.len(), wanted.len(), "due orders");
        }
    }
}

/// The event of a pool carries the time of its commit, which no two storages share.
fn same_event(read: &Event, wanted: &Event) {
    match &read.data {
        DomainEvent::InventoryChanged(_) => {
            let what = |event: &Event| -> (_, EventKey, _) {
                (event.header.id, event.key(), event.data.clone())
            };
            assert_eq!(what(read), what(wanted));
        }
        DomainEvent::TicketCreated(_)
        | DomainEvent::TicketUpdated(_)
        | DomainEvent::TicketWithdrawn(_)
        | DomainEvent::OrderCreated(_)
        | DomainEvent::OrderUpdated(_)
        | DomainEvent::OrderCancelled(_)
        | DomainEvent::OrderCompleted(_)
        | DomainEvent::OrderRefunded(_)
        | DomainEvent::PaymentCreated(_)
        | DomainEvent::PaymentUpdated(_)
        | DomainEvent::PaymentFailed(_)
        | DomainEvent::PaymentRefunded(_)
        | DomainEvent::RefundUpdated(_)
        | DomainEvent::ExpirationCompleted(_) => same_on_the_wire(read, wanted),
    }
}
