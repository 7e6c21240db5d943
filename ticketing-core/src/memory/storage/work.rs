//! What somebody must do: due orders, clearing pools, unsettled money, and what to forget.

use std::time::Duration;

use crate::domain::envelope::Event;
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::{Refund, RefundState};
use crate::ports::storage::{OutboxRow, OutboxRowId};
use crate::values::{BatchId, IdempotencyKey, PoolId, Timestamp, UserId};

use super::outbox::Pointers;
use super::tables::Tables;

impl Tables {
    pub(super) fn due_orders(&self, now: Timestamp, limit: usize) -> Vec<Order> {
        self.orders.due(now).take(limit).cloned().collect()
    }

    pub(super) fn due_orders_of(&self, pool: PoolId, now: Timestamp, limit: usize) -> Vec<Order> {
        let due = self.orders.due(now);
        due.filter(|order| order.lines.iter().any(|line| line.ticket_id == pool))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Up to `limit` payments that are with an operator, the oldest first.
    pub(super) fn parked_payments(&self, limit: usize) -> Vec<Payment> {
        let parked = |payment: &&Payment| payment.is_parked();
        let mut payments: Vec<Payment> = self.payments.all().filter(parked).cloned().collect();
        payments.sort_by_key(|payment| payment.created_at);
        payments.truncate(limit);
        payments
    }

    /// Up to `limit` refunds that failed, the oldest first.
    pub(super) fn failed_refunds(&self, limit: usize) -> Vec<Refund> {
        let failed = |refund: &&Refund| refund.state == RefundState::Failed;
        let mut refunds: Vec<Refund> = self.refunds.all().filter(failed).cloned().collect();
        refunds.sort_by_key(|refund| refund.created_at);
        refunds.truncate(limit);
        refunds
    }

    pub(super) fn claim_outbox(
        &mut self,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Vec<OutboxRow> {
        let claimed = self.outbox.claim(now, lease, limit);
        claimed.into_iter().map(|row| self.with_events(row)).collect()
    }

    pub(super) fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Vec<OutboxRow> {
        let published = self.outbox.published_since(since, after, limit);
        published.into_iter().map(|row| self.with_events(row)).collect()
    }

    fn with_events(&self, row: Pointers) -> OutboxRow {
        let events = row.events.into_iter();
        OutboxRow {
            id: row.id,
            epoch: row.epoch,
            events: events.filter_map(|key| self.event(key)).collect(),
        }
    }

    /// Forgets up to `limit` rows in all: published outbox rows first, then keys, then webhooks.
    pub(super) fn prune(&mut self, before: Timestamp, limit: usize) -> usize {
        let mut gone = self.forget_published(before, limit);
        gone += self.forget_keys(before, limit.saturating_sub(gone));
        gone += self.webhooks.forget(before, limit.saturating_sub(gone));
        gone
    }

    fn forget_published(&mut self, before: Timestamp, limit: usize) -> usize {
        let rows = self.outbox.forget(before, limit);
        for key in rows.iter().flatten() {
            let event = self.events.remove(*key);
            if let Some(batch) = event.as_deref().and_then(names_batch) {
                self.receipts.remove(&batch);
            }
        }
        rows.len()
    }

    fn forget_keys(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = self.keys.iter().filter(|(_, record)| record.used_at < before);
        let old: Vec<(UserId, IdempotencyKey)> =
            old.map(|(key, _)| key.clone()).take(limit).collect();
        for key in &old {
            self.keys.remove(key);
        }
        old.len()
    }
}

/// The batch whose first event this is.
fn names_batch(event: &Event) -> Option<BatchId> {
    let batch = BatchId::from(event.header.id);
    (event.header.causation == Some(batch)).then_some(batch)
}
