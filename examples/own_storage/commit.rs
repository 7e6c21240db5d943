//! A group commit: a snapshot, `resolve`, a last look, the writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ticketing_core::domain::Payment;
use ticketing_core::ports::{
    CommitError, Footprint, PortError, PortErrorKind, Receipt, Snapshot, State, WriteBatch, Writes,
    resolve,
};
use ticketing_core::values::{PaymentId, Timestamp};

use crate::tables::{Lease, Outgoing, Tables};

impl Tables {
    /// Commits a group. What the last look refuses is halved until the culprit stands alone.
    pub(crate) fn commit(&mut self, batches: &[WriteBatch]) -> Vec<Result<Receipt, CommitError>> {
        let now = self.now();
        let resolution = resolve(self.snapshot(batches, now), batches);
        if self.may_write(&resolution.writes) {
            self.write(&resolution.writes, now);
            return resolution.outcomes;
        }
        if batches.len() < 2 {
            let refused = PortError::new(PortErrorKind::Refused, "commit");
            return vec![Err(CommitError::NotApplied(refused))];
        }
        let (first, second) = batches.split_at(batches.len() / 2);
        let mut outcomes = self.commit(first);
        outcomes.extend(self.commit(second));
        outcomes
    }

    /// What the outcome of the group depends on.
    fn snapshot(&self, batches: &[WriteBatch], now: Timestamp) -> Snapshot {
        let wanted = Footprint::of(batches);
        let aggregates = wanted.existing.union(&wanted.fresh);
        let known = |id| self.receipts.get(id).map(|receipt| (*id, *receipt));
        let used = |key| self.keys.get(key).map(|record| (key.clone(), record.clone()));
        let taken = |key| self.allowances.get(key).map(|taken| (key.clone(), taken.clone()));
        Snapshot {
            now,
            pools: wanted.pools.iter().filter_map(|id| Some((*id, *self.pools.get(id)?))).collect(),
            allowances: wanted.buyers.iter().filter_map(taken).collect(),
            versions: aggregates.filter_map(|it| Some((*it, self.version(*it)?))).collect(),
            receipts: wanted.batches.iter().filter_map(known).collect(),
            keys: wanted.keys.iter().filter_map(used).collect(),
        }
    }

    /// What a database does with constraints: refuses what must never be, whoever asks for it.
    fn may_write(&self, writes: &Writes<'_>) -> bool {
        let pools_hold = writes.pools.iter().all(|it| it.pool.claimed() <= it.pool.terms.capacity);
        let mut told = BTreeSet::new();
        let mut tells = writes.events().map(|event| event.key());
        let versions_are_new = tells.all(|key| !self.events.contains_key(&key) && told.insert(key));
        let mut batches = writes.accepted.iter();
        let batches_are_new = batches.all(|batch| !self.receipts.contains_key(&batch.id()));
        let mut keys = writes.accepted.iter().filter_map(|batch| batch.key());
        let keys_are_new =
            keys.all(|it| !self.keys.contains_key(&(it.user.clone(), it.key.clone())));
        pools_hold
            && versions_are_new
            && batches_are_new
            && keys_are_new
            && self.payments_agree(writes)
    }

    /// One payment that may pay for an order, one payment for an intent.
    fn payments_agree(&self, writes: &Writes<'_>) -> bool {
        let mut written: BTreeMap<PaymentId, &Payment> = BTreeMap::new();
        for row in &writes.rows {
            if let State::Payment(payment) = row.state {
                written.insert(payment.id, payment);
            }
        }
        if written.is_empty() {
            return true;
        }
        let kept = self.payments.values().filter(|payment| !written.contains_key(&payment.id));
        let (mut orders, mut intents) = (BTreeSet::new(), BTreeSet::new());
        kept.chain(written.values().copied()).all(|payment| {
            let order = payment.order.filter(|_| payment.may_pay());
            order.is_none_or(|order| orders.insert(order))
                && payment.intent.as_ref().is_none_or(|intent| intents.insert(intent))
        })
    }

    fn write(&mut self, writes: &Writes<'_>, now: Timestamp) {
        for row in &writes.rows {
            self.put(row.state);
        }
        self.pools.extend(writes.pools.iter().map(|it| (it.pool.id, it.pool)));
        for it in &writes.allowances {
            let key = (it.allowance.pool, it.allowance.buyer.clone());
            self.allowances.insert(key, it.allowance.clone());
        }
        for batch in &writes.accepted {
            let record = batch.key().cloned();
            self.keys.extend(record.map(|it| ((it.user.clone(), it.key.clone()), it)));
            if let Some(webhook) = batch.closes().and_then(|key| self.webhooks.get_mut(key)) {
                webhook.closed = true;
            }
        }
        self.tell(writes, now);
    }

    fn put(&mut self, state: &State) {
        match state {
            State::Ticket(ticket) => {
                self.tickets.insert(ticket.id, ticket.as_ref().clone());
            }
            State::Order(order) => {
                self.orders.insert(order.id, order.as_ref().clone());
            }
            State::Payment(payment) => {
                self.payments.insert(payment.id, payment.as_ref().clone());
            }
            State::Refund(refund) => {
                self.refunds.insert(refund.id, refund.as_ref().clone());
            }
        }
    }

    /// The events, the receipts of the batches that made some, and the row that publishes them.
    fn tell(&mut self, writes: &Writes<'_>, now: Timestamp) {
        let told = writes.events().map(|event| (event.key(), Arc::clone(event)));
        self.events.extend(told);
        let events: Vec<_> = writes.events().map(|event| event.key()).collect();
        let with_events = writes.accepted.iter().filter(|batch| !batch.changes().is_empty());
        let batches: Vec<_> = with_events.clone().map(|batch| batch.id()).collect();
        self.receipts.extend(with_events.map(|batch| (batch.id(), batch.receipt())));
        if !events.is_empty() {
            self.last_row = self.last_row.saturating_add(1);
            let lease = Lease::free(now);
            let row = Outgoing { committed_at: now, events, batches, lease, published: false };
            self.outbox.insert(self.last_row, row);
        }
    }
}
