//! The payments, and the indexes over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::payment::Payment;
use crate::values::{IntentRef, OrderId, PaymentId, Timestamp};

/// Every payment, by id, by intent, by order and by when somebody must look at it.
#[derive(Debug, Clone, Default)]
pub(super) struct Payments {
    rows: BTreeMap<PaymentId, Arc<Payment>>,
    of_intent: BTreeMap<IntentRef, PaymentId>,
    of_order: BTreeMap<OrderId, BTreeSet<PaymentId>>,
    unsettled: BTreeSet<(Timestamp, PaymentId)>,
}

impl Payments {
    pub(super) fn get(&self, id: PaymentId) -> Option<&Payment> {
        self.rows.get(&id).map(Arc::as_ref)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Payment> {
        self.rows.values().map(Arc::as_ref)
    }

    pub(super) fn by_intent(&self, intent: &IntentRef) -> Option<&Payment> {
        self.of_intent.get(intent).and_then(|id| self.get(*id))
    }

    /// All attempts at one order, by id.
    pub(super) fn of_order(&self, order: OrderId) -> impl Iterator<Item = &Payment> {
        let ids = self.of_order.get(&order).into_iter().flatten();
        ids.filter_map(|id| self.get(*id))
    }

    /// Inserts or replaces.
    pub(super) fn put(&mut self, payment: Arc<Payment>) {
        let id = payment.id;
        if let Some(before) = self.rows.get(&id).map(Arc::clone) {
            self.forget(&before);
        }
        if let Some(intent) = &payment.intent {
            self.of_intent.insert(intent.clone(), id);
        }
        if let Some(order) = payment.order {
            self.of_order.entry(order).or_default().insert(id);
        }
        if let Some(at) = payment.next_action_at {
            self.unsettled.insert((at, id));
        }
        self.rows.insert(id, payment);
    }

    fn forget(&mut self, before: &Payment) {
        if let Some(intent) = &before.intent {
            self.of_intent.remove(intent);
        }
        if let Some(at) = before.next_action_at {
            self.unsettled.remove(&(at, before.id));
        }
    }

    /// Up to `limit` that somebody must look at by `now`, each put off by `lease`.
    ///
    /// The lease is the row's own `next_action_at`, at the same version: whoever commits the
    /// payment sets it anew.
    pub(super) fn lease(&mut self, now: Timestamp, lease: Duration, limit: usize) -> Vec<Payment> {
        let unsettled = self.unsettled.iter().take_while(|(at, _)| *at <= now);
        let ids: Vec<PaymentId> = unsettled.map(|(_, id)| *id).take(limit).collect();
        ids.into_iter().filter_map(|id| self.put_off(id, now.plus(lease))).collect()
    }

    fn put_off(&mut self, id: PaymentId, until: Timestamp) -> Option<Payment> {
        let leased = Payment { next_action_at: Some(until), ..self.get(id)?.clone() };
        self.put(Arc::new(leased.clone()));
        Some(leased)
    }
}
