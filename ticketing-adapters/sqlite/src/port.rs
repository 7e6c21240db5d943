//! The port itself: each call takes a connection to read or the turn to write, and names itself
//! where something fails.

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
use crate::leases::{Term, Unsettled};
use crate::outbox::Pointers;
use crate::storage::SqliteStorage;
use crate::{leases, listings, orders, reads, webhooks, work};

impl SqliteStorage {
    /// Whether `sql` finds anything that is due. The writer is only asked when there is.
    async fn is_waiting(&self, sql: &'static str, now: Timestamp) -> Result<bool, Failure> {
        leases::is_waiting(&mut *self.shared.background().await?, sql, now).await
    }

    /// What of a table is due, leased.
    async fn unsettled<T>(
        &self,
        table: &Unsettled<T>,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<T>, Failure> {
        let now = self.shared.clock.now();
        if !self.is_waiting(table.waits, now).await? {
            return Ok(Due { now, items: Vec::new() });
        }
        let mut writer = self.shared.notes().await?;
        let term = Term::new(self.shared.clock.now(), lease);
        let leased = table.lease(&mut writer.conn, term, limit).await;
        Ok(Due { now, items: writer.checked(leased)? })
    }

    /// Claimed rows with their events. An event that can't be read becomes a dead letter.
    async fn complete(&self, claimed: Vec<Pointers>) -> Result<Vec<OutboxRow>, Failure> {
        let mut lost = Vec::new();
        let mut reader = self.shared.background().await?;
        let rows = work::with_events(&mut reader, claimed, &mut lost).await?;
        drop(reader);
        if !lost.is_empty() {
            let mut writer = self.shared.notes().await?;
            let buried = work::bury_lost(&mut writer.conn, lost, self.shared.clock.now()).await;
            writer.checked(buried)?;
        }
        Ok(rows)
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    fn lanes(&self) -> usize {
        1
    }

    async fn commit(&self, group: Group) -> Committed {
        self.commit_detached(group).await
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        Ok(self.shared.clock.now())
    }

    async fn store_id(&self) -> Result<StoreId, PortError> {
        Ok(self.shared.store)
    }

    async fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError> {
        let read = async { listings::by_id(&mut *self.shared.reader().await?, ids).await };
        self.shared.call("listings", read).await
    }

    async fn search(&self, query: &ListingQuery) -> Result<Paged<Listing>, PortError> {
        let now = self.shared.clock.now();
        let read = async { listings::search(&mut *self.shared.reader().await?, query, now).await };
        self.shared.call("search", read).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, PortError> {
        let read = async { orders::one(&mut *self.shared.reader().await?, id).await };
        self.shared.call("order", read).await
    }

    async fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<Order>, PortError> {
        let read = async {
            orders::of_buyer(&mut *self.shared.reader().await?, buyer, direction, page).await
        };
        self.shared.call("orders_of", read).await
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        let read = async { reads::payment(&mut *self.shared.reader().await?, id).await };
        self.shared.call("payment", read).await
    }

    async fn payment_by_intent(&self, intent: &IntentRef) -> Result<Option<Payment>, PortError> {
        let read =
            async { reads::payment_by_intent(&mut *self.shared.reader().await?, intent).await };
        self.shared.call("payment_by_intent", read).await
    }

    async fn payments_of(&self, order: OrderId) -> Result<Vec<Payment>, PortError> {
        let read = async { reads::payments_of(&mut *self.shared.reader().await?, order).await };
        self.shared.call("payments_of", read).await
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        let read = async { reads::refund(&mut *self.shared.reader().await?, id).await };
        self.shared.call("refund", read).await
    }

    async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refund>, PortError> {
        let read = async { reads::refunds_of(&mut *self.shared.reader().await?, payment).await };
        self.shared.call("refunds_of", read).await
    }

    async fn key(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, PortError> {
        let read = async { reads::key(&mut *self.shared.reader().await?, user, key).await };
        self.shared.call("key", read).await
    }

    async fn event(&self, key: EventKey) -> Result<Option<Event>, PortError> {
        let read = async { reads::event(&mut *self.shared.reader().await?, key).await };
        self.shared.call("event", read).await
    }

    async fn due_orders(&self, limit: usize) -> Result<Due<Order>, PortError> {
        let now = self.shared.clock.now();
        let read = async { orders::due(&mut *self.shared.background().await?, now, limit).await };
        self.shared.call("due_orders", read).await.map(|items| Due { now, items })
    }

    async fn due_orders_of(&self, pool: PoolId, limit: usize) -> Result<Due<Order>, PortError> {
        let now = self.shared.clock.now();
        let read =
            async { orders::due_of(&mut *self.shared.background().await?, pool, now, limit).await };
        self.shared.call("due_orders_of", read).await.map(|items| Due { now, items })
    }

    async fn live_orders(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Order>, PortError> {
        let read =
            async { orders::live(&mut *self.shared.background().await?, pool, after, limit).await };
        self.shared.call("live_orders", read).await
    }

    async fn clearing_pools(&self, limit: usize) -> Result<Vec<PoolId>, PortError> {
        let read =
            async { reads::clearing_pools(&mut *self.shared.background().await?, limit).await };
        self.shared.call("clearing_pools", read).await
    }

    async fn unsettled_payments(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Payment>, PortError> {
        self.shared
            .call("unsettled_payments", self.unsettled(&leases::PAYMENTS, lease, limit))
            .await
    }

    async fn unsettled_refunds(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Refund>, PortError> {
        self.shared.call("unsettled_refunds", self.unsettled(&leases::REFUNDS, lease, limit)).await
    }

    async fn parked_payments(&self, limit: usize) -> Result<Vec<Payment>, PortError> {
        let read = async { reads::parked_payments(&mut *self.shared.reader().await?, limit).await };
        self.shared.call("parked_payments", read).await
    }

    async fn failed_refunds(&self, limit: usize) -> Result<Vec<Refund>, PortError> {
        let read = async { reads::failed_refunds(&mut *self.shared.reader().await?, limit).await };
        self.shared.call("failed_refunds", read).await
    }

    async fn receive(&self, webhook: &Webhook) -> Result<Received, PortError> {
        let write = async {
            let mut writer = self.shared.writer().await?;
            let received = webhooks::receive(&mut writer.conn, webhook).await;
            writer.checked(received)
        };
        self.shared.call("receive", write).await
    }

    async fn claim_webhooks(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Webhook>, PortError> {
        let now = self.shared.clock.now();
        let write = async {
            if !self.is_waiting(webhooks::WEBHOOK_WAITS, now).await? {
                return Ok(Vec::new());
            }
            let mut writer = self.shared.notes().await?;
            let term = Term::new(self.shared.clock.now(), lease);
            let claimed = webhooks::claim(&mut writer.conn, term, limit).await;
            writer.checked(claimed)
        };
        self.shared.call("claim_webhooks", write).await
    }

    async fn claim_outbox(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        let now = self.shared.clock.now();
        let write = async {
            if !self.is_waiting(work::ROW_WAITS, now).await? {
                return Ok(Vec::new());
            }
            let mut writer = self.shared.notes().await?;
            let term = Term::new(self.shared.clock.now(), lease);
            let claimed = work::claim_outbox(&mut writer.conn, term, limit).await;
            let claimed = writer.checked(claimed)?;
            drop(writer);
            self.complete(claimed).await
        };
        self.shared.call("claim_outbox", write).await
    }

    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError> {
        let write = async {
            let mut writer = self.shared.notes().await?;
            let done = work::outbox_done(&mut writer.conn, row, epoch, dead).await;
            writer.checked(done)
        };
        self.shared.call("outbox_done", write).await
    }

    async fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        let read = async {
            work::published_since(&mut *self.shared.background().await?, since, after, limit).await
        };
        self.shared.call("published_since", read).await
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, PortError> {
        let read = async { work::outbox_depth(&mut *self.shared.background().await?).await };
        self.shared.call("outbox_depth", read).await
    }

    async fn live_holds(&self) -> Result<LiveHolds, PortError> {
        let read = async { orders::live_holds(&mut *self.shared.background().await?).await };
        self.shared.call("live_holds", read).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        let read = async { reads::dead_letters(&mut *self.shared.reader().await?, limit).await };
        self.shared.call("dead_letters", read).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        let write = async {
            let mut gone = 0_usize;
            while gone < limit {
                // Others have their turn between the pieces.
                let mut writer = self.shared.notes().await?;
                let left = limit.saturating_sub(gone);
                let rows = work::forget_published(&mut writer.conn, before, left).await;
                let rows = writer.checked(rows)?;
                if rows == 0 {
                    break;
                }
                gone = gone.saturating_add(rows);
            }
            let mut writer = self.shared.notes().await?;
            let others = work::forget_others(&mut writer.conn, before, limit.saturating_sub(gone));
            let others = others.await;
            Ok(gone.saturating_add(writer.checked(others)?))
        };
        self.shared.call("prune", write).await
    }
}
