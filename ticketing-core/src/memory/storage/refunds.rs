//! The refunds, and the indexes over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::refund::Refund;
use crate::values::{PaymentId, RefundId, Timestamp};

/// Every refund, by id, by payment and by when somebody must look at it.
#[derive(Debug, Clone, Default)]
pub(super) struct Refunds {
    rows: BTreeMap<RefundId, Arc<Refund>>,
    of_payment: BTreeMap<PaymentId, BTreeSet<RefundId>>,
    unsettled: BTreeSet<(Timestamp, RefundId)>,
}

impl Refunds {
    pub(super) fn get(&self, id: RefundId) -> Option<&Refund> {
        self.rows.get(&id).map(Arc::as_ref)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Refund> {
        self.rows.values().map(Arc::as_ref)
    }

    /// All refunds of one payment, by id.
    pub(super) fn of_payment(&self, payment: PaymentId) -> impl Iterator<Item = &Refund> {
        let ids = self.of_payment.get(&payment).into_iter().flatten();
        ids.filter_map(|id| self.get(*id))
    }

    /// Inserts or replaces.
    pub(super) fn put(&mut self, refund: Arc<Refund>) {
        let id = refund.id;
        let before = self.rows.get(&id).and_then(|before| before.next_action_at);
        if let Some(at) = before {
            self.unsettled.remove(&(at, id));
        }
        if let Some(at) = refund.next_action_at {
            self.unsettled.insert((at, id));
        }
        self.of_payment.entry(refund.payment).or_default().insert(id);
        self.rows.insert(id, refund);
    }

    /// Up to `limit` that somebody must look at by `now`, each put off by `lease`, at the same
    /// version, as payments are.
    pub(super) fn lease(&mut self, now: Timestamp, lease: Duration, limit: usize) -> Vec<Refund> {
        let unsettled = self.unsettled.iter().take_while(|(at, _)| *at <= now);
        let ids: Vec<RefundId> = unsettled.map(|(_, id)| *id).take(limit).collect();
        ids.into_iter().filter_map(|id| self.put_off(id, now.plus(lease))).collect()
    }

    fn put_off(&mut self, id: RefundId, until: Timestamp) -> Option<Refund> {
        let leased = Refund { next_action_at: Some(until), ..self.get(id)?.clone() };
        self.put(Arc::new(leased.clone()));
        Some(leased)
    }
}
