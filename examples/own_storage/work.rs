//! What is left to do: lists of what is due, and rows that are leased.

use std::time::Duration;

use ticketing_core::domain::{Order, Payment, PaymentState, Refund, RefundState};
use ticketing_core::ports::{DeadLetter, Due, OutboxRow, OutboxRowId, Received, Webhook};
use ticketing_core::values::Timestamp;

use crate::tables::{Incoming, Lease, Outgoing, Tables};

impl Tables {
    pub(crate) fn due_orders(&mut self, limit: usize, of: impl Fn(&Order) -> bool) -> Due<Order> {
        let now = self.now();
        let ours = self.orders.values().filter(|order| of(order));
        let due = ours.filter_map(|order| Some((order.due_at().filter(|at| *at <= now)?, order)));
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(at, order)| (*at, order.id));
        Due { now, items: due.into_iter().take(limit).map(|(_, order)| order.clone()).collect() }
    }

    pub(crate) fn unsettled_payments(&mut self, lease: Duration, limit: usize) -> Due<Payment> {
        let now = self.now();
        let rows = self.payments.values_mut();
        let mut due: Vec<_> = rows.filter(|it| is_due(it.next_action_at, now)).collect();
        due.sort_by_key(|payment| (payment.next_action_at, payment.id));
        let given = due.into_iter().take(limit).map(|payment| {
            payment.next_action_at = Some(now.plus(lease));
            payment.clone()
        });
        Due { now, items: given.collect() }
    }

    pub(crate) fn unsettled_refunds(&mut self, lease: Duration, limit: usize) -> Due<Refund> {
        let now = self.now();
        let rows = self.refunds.values_mut();
        let mut due: Vec<_> = rows.filter(|it| is_due(it.next_action_at, now)).collect();
        due.sort_by_key(|refund| (refund.next_action_at, refund.id));
        let given = due.into_iter().take(limit).map(|refund| {
            refund.next_action_at = Some(now.plus(lease));
            refund.clone()
        });
        Due { now, items: given.collect() }
    }

    pub(crate) fn parked_payments(&self, limit: usize) -> Vec<Payment> {
        let payments = self.payments.values();
        let parked = payments.filter(|it| matches!(it.state, PaymentState::NeedsOperator { .. }));
        let mut parked: Vec<Payment> = parked.cloned().collect();
        parked.sort_by_key(|payment| (payment.created_at, payment.id));
        parked.truncate(limit);
        parked
    }

    pub(crate) fn failed_refunds(&self, limit: usize) -> Vec<Refund> {
        let failed = self.refunds.values().filter(|it| it.state == RefundState::Failed);
        let mut failed: Vec<Refund> = failed.cloned().collect();
        failed.sort_by_key(|refund| (refund.created_at, refund.id));
        failed.truncate(limit);
        failed
    }

    pub(crate) fn receive(&mut self, webhook: &Webhook) -> Received {
        let now = self.now();
        if self.webhooks.contains_key(&webhook.key) {
            return Received::Seen;
        }
        let row = Incoming { webhook: webhook.clone(), lease: Lease::free(now), closed: false };
        self.webhooks.insert(webhook.key.clone(), row);
        Received::New
    }

    pub(crate) fn claim_webhooks(&mut self, lease: Duration, limit: usize) -> Vec<Webhook> {
        let now = self.now();
        let rows = self.webhooks.values_mut();
        let mut open: Vec<_> = rows.filter(|it| !it.closed && it.lease.free_at <= now).collect();
        open.sort_by_key(|it| it.webhook.received_at);
        let given = open.into_iter().take(limit).map(|it| {
            it.lease.claim(now, lease);
            it.webhook.clone()
        });
        given.collect()
    }

    pub(crate) fn claim_outbox(&mut self, lease: Duration, limit: usize) -> Vec<OutboxRow> {
        let now = self.now();
        let rows = self.outbox.iter_mut();
        let waiting = rows.filter(|(_, row)| !row.published && row.lease.free_at <= now);
        let claimed = waiting.take(limit).map(|(id, row)| {
            row.lease.claim(now, lease);
            *id
        });
        let claimed: Vec<i64> = claimed.collect();
        claimed.into_iter().filter_map(|id| self.outbox_row(id)).collect()
    }

    pub(crate) fn outbox_row(&self, id: i64) -> Option<OutboxRow> {
        let row = self.outbox.get(&id)?;
        let events = row.events.iter().filter_map(|key| self.events.get(key));
        let events = events.map(|event| event.as_ref().clone()).collect();
        Some(OutboxRow { id: OutboxRowId(id), epoch: row.lease.epoch, events })
    }

    pub(crate) fn outbox_done(&mut self, id: i64, epoch: u64, dead: &[DeadLetter]) -> bool {
        let Some(row) = self.outbox.get_mut(&id).filter(|row| row.lease.epoch == epoch) else {
            return false;
        };
        if !row.published {
            row.published = true;
            self.dead_letters.extend_from_slice(dead);
        }
        true
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Outgoing> {
        self.outbox.values().filter(|row| !row.published)
    }

    pub(crate) fn prune(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = self.outbox.iter().filter(|(_, row)| row.published && row.committed_at < before);
        let rows: Vec<i64> = old.map(|(id, _)| *id).take(limit).collect();
        for row in rows.iter().filter_map(|id| self.outbox.remove(id)) {
            self.events.retain(|key, _| !row.events.contains(key));
            self.receipts.retain(|id, _| !row.batches.contains(id));
        }
        let left = limit.saturating_sub(rows.len());
        let old = self.keys.iter().filter(|(_, record)| record.used_at < before);
        let keys: Vec<_> = old.map(|(key, _)| key.clone()).take(left).collect();
        self.keys.retain(|key, _| !keys.contains(key));
        let left = left.saturating_sub(keys.len());
        let old = self.webhooks.values().map(|it| (it, it.webhook.received_at < before));
        let old = old.filter(|(it, old)| it.closed && *old).map(|(it, _)| it.webhook.key.clone());
        let webhooks: Vec<_> = old.take(left).collect();
        self.webhooks.retain(|key, _| !webhooks.contains(key));
        rows.len() + keys.len() + webhooks.len()
    }
}

impl Lease {
    fn claim(&mut self, now: Timestamp, lease: Duration) {
        self.epoch = self.epoch.saturating_add(1);
        self.free_at = now.plus(lease);
    }
}

fn is_due(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| at <= now)
}
