//! The port itself: each call takes a connection of its kind, and names itself where something fails.
//!
//! Every call runs in a task of its own. A caller who goes away in the middle of one would leave a
//! connection that has to be thrown away.

use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::domain::{Event, EventKey, Order, Payment, Refund};
use ticketing_core::ports::{
    Committed, DeadLetter, Due, DuePlace, Group, KeyRecord, Listing, ListingQuery, LiveHolds,
    OrderDirection, OutboxDepth, OutboxRow, OutboxRowId, PortError, Received, Storage, Webhook,
};
use ticketing_core::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

use crate::error::Failure;
use crate::storage::{PostgresStorage, Session};
use crate::{leases, listings, orders, outbox, reads, time, webhooks, work};

impl Session {
    /// What single statements came to. The connection goes back unless nobody knows how it is.
    fn checked<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        if done.as_ref().err().is_none_or(Failure::is_certain) {
            self.release();
        }
        done
    }
}

/// Does something with a connection of one of the pools, in a task of its own.
macro_rules! with {
    ($storage:ident.$pool:ident, $operation:literal, |$conn:ident| $work:expr) => {
        $storage
            .detached($operation, move |shared| async move {
                let mut session = Session::from(&shared.$pool).await?;
                let $conn = session.conn();
                let done = $work.await;
                session.checked(done)
            })
            .await
    };
}

#[async_trait]
impl Storage for PostgresStorage {
    fn lanes(&self) -> usize {
        self.shared.lanes
    }

    async fn commit(&self, group: Group) -> Committed {
        self.commit_detached(group).await
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        with!(self.readers, "now", |conn| time::read(conn))
    }

    async fn store_id(&self) -> Result<StoreId, PortError> {
        Ok(self.shared.store)
    }

    async fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError> {
        let ids = ids.to_vec();
        with!(self.readers, "listings", |conn| listings::by_id(conn, &ids))
    }

    async fn search(&self, query: &ListingQuery) -> Result<Paged<Listing>, PortError> {
        let query = query.clone();
        with!(self.readers, "search", |conn| listings::search(conn, &query))
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, PortError> {
        with!(self.readers, "order", |conn| orders::one(conn, id))
    }

    async fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<Order>, PortError> {
        let buyer = buyer.clone();
        with!(self.readers, "orders_of", |conn| orders::of_buyer(conn, &buyer, direction, page))
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        with!(self.readers, "payment", |conn| reads::payment(conn, id))
    }

    async fn payment_by_intent(&self, intent: &IntentRef) -> Result<Option<Payment>, PortError> {
        let intent = intent.clone();
        with!(self.readers, "payment_by_intent", |conn| reads::payment_by_intent(conn, &intent))
    }

    async fn payments_of(&self, order: OrderId) -> Result<Vec<Payment>, PortError> {
        with!(self.readers, "payments_of", |conn| reads::payments_of(conn, order))
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        with!(self.readers, "refund", |conn| reads::refund(conn, id))
    }

    async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refund>, PortError> {
        with!(self.readers, "refunds_of", |conn| reads::refunds_of(conn, payment))
    }

    async fn key(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, PortError> {
        let wanted = (user.clone(), key.clone());
        with!(self.readers, "key", |conn| reads::key(conn, &wanted))
    }

    async fn event(&self, key: EventKey) -> Result<Option<Event>, PortError> {
        with!(self.readers, "event", |conn| reads::event(conn, key))
    }

    async fn due_orders(&self, limit: usize) -> Result<Due<Order>, PortError> {
        with!(self.background, "due_orders", |conn| orders::due(conn, limit))
    }

    async fn due_orders_of(&self, pool: PoolId, limit: usize) -> Result<Due<Order>, PortError> {
        with!(self.background, "due_orders_of", |conn| orders::due_of(conn, pool, limit))
    }

    async fn live_orders(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Order>, PortError> {
        with!(self.background, "live_orders", |conn| orders::live(conn, pool, after, limit))
    }

    async fn clearing_pools(&self, limit: usize) -> Result<Vec<PoolId>, PortError> {
        with!(self.background, "clearing_pools", |conn| reads::clearing_pools(conn, limit))
    }

    async fn unsettled_payments(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Payment>, PortError> {
        with!(self.notes, "unsettled_payments", |conn| leases::PAYMENTS.lease(conn, lease, limit))
    }

    async fn unsettled_refunds(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Refund>, PortError> {
        with!(self.notes, "unsettled_refunds", |conn| leases::REFUNDS.lease(conn, lease, limit))
    }

    async fn parked_payments(&self, limit: usize) -> Result<Vec<Payment>, PortError> {
        with!(self.readers, "parked_payments", |conn| reads::parked_payments(conn, limit))
    }

    async fn failed_refunds(&self, limit: usize) -> Result<Vec<Refund>, PortError> {
        with!(self.readers, "failed_refunds", |conn| reads::failed_refunds(conn, limit))
    }

    async fn receive(&self, webhook: &Webhook) -> Result<Received, PortError> {
        let webhook = webhook.clone();
        with!(self.background, "receive", |conn| webhooks::receive(conn, &webhook))
    }

    async fn claim_webhooks(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Webhook>, PortError> {
        with!(self.notes, "claim_webhooks", |conn| webhooks::claim(conn, lease, limit))
    }

    async fn claim_outbox(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        with!(self.notes, "claim_outbox", |conn| work::claim_outbox(conn, lease, limit))
    }

    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError> {
        let dead = dead.to_vec();
        with!(self.notes, "outbox_done", |conn| outbox::done(conn, row, epoch, &dead))
    }

    async fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        with!(self.background, "published_since", |conn| {
            work::published_since(conn, since, after, limit)
        })
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, PortError> {
        with!(self.background, "outbox_depth", |conn| work::outbox_depth(conn))
    }

    async fn live_holds(&self) -> Result<LiveHolds, PortError> {
        with!(self.background, "live_holds", |conn| orders::live_holds(conn))
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        with!(self.readers, "dead_letters", |conn| reads::dead_letters(conn, limit))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        let mut gone = 0_usize;
        loop {
            let some = limit.saturating_sub(gone).min(work::ROWS_AT_ONCE);
            let forget = self.detached("prune", move |shared| async move {
                let session = Session::from(&shared.background).await?;
                work::forget_published(session, before, some).await
            });
            let rows = forget.await?;
            gone = gone.saturating_add(rows);
            if rows < work::ROWS_AT_ONCE {
                break;
            }
        }
        let rest = limit.saturating_sub(gone);
        let others =
            with!(self.background, "prune", |conn| work::forget_others(conn, before, rest))?;
        Ok(gone.saturating_add(others))
    }
}
