//! What callers were told, to be compared with what is stored in the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ticketing_core::domain::view::{OrderStatus, OrderView};
use ticketing_core::domain::{CancelReason, OrderState};
use ticketing_core::memory::Books;
use ticketing_core::values::{IdempotencyKey, OrderId, UserId};

/// What callers were told. Shared with the clients' tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oracle {
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    orders: BTreeMap<OrderId, UserId>,
    paid: Vec<OrderId>,
    cancelled: Vec<OrderId>,
    keys: BTreeMap<(UserId, IdempotencyKey), OrderId>,
    answers: BTreeMap<&'static str, u64>,
}

impl Oracle {
    /// A reservation was acknowledged.
    pub(crate) fn reserved(&self, order: &OrderView, key: Option<IdempotencyKey>) {
        let mut told = self.told.lock().unwrap();
        told.orders.insert(order.id, order.buyer_id.clone());
        if let Some(key) = key {
            let first = *told.keys.entry((order.buyer_id.clone(), key)).or_insert(order.id);
            assert_eq!(first, order.id, "K1: one key made two orders");
        }
    }

    /// A payment was acknowledged as complete.
    pub(crate) fn paid(&self, order: OrderId) {
        self.told.lock().unwrap().paid.push(order);
    }

    /// A cancellation was acknowledged.
    pub(crate) fn cancelled(&self, order: &OrderView) {
        if order.status == OrderStatus::Cancelled {
            self.told.lock().unwrap().cancelled.push(order.id);
        }
    }

    /// Counts an answer, so that a run can tell what it has tried.
    pub(crate) fn answered(&self, code: &'static str) {
        *self.told.lock().unwrap().answers.entry(code).or_default() += 1;
    }

    /// Orders that callers know of, with their buyers.
    pub(crate) fn known(&self) -> Vec<(OrderId, UserId)> {
        let told = self.told.lock().unwrap();
        told.orders.iter().map(|(id, buyer)| (*id, buyer.clone())).collect()
    }

    /// How often each answer was given.
    pub(crate) fn answers(&self) -> BTreeMap<&'static str, u64> {
        self.told.lock().unwrap().answers.clone()
    }

    /// A3: what was acknowledged is in effect.
    pub(crate) fn check(&self, books: &Books) {
        let told = self.told.lock().unwrap();
        let state = |id: &OrderId| {
            let order = books.orders.iter().find(|order| order.id == *id);
            order.unwrap_or_else(|| panic!("A3: acknowledged order {id} is lost")).state
        };
        for id in told.orders.keys() {
            state(id);
        }
        for id in &told.paid {
            let state = state(id);
            let kept = matches!(
                state,
                OrderState::Complete { .. }
                    | OrderState::Refunded { .. }
                    | OrderState::Cancelled { reason: CancelReason::Payment }
            );
            assert!(kept, "A3: order {id} was told to be paid and is {state:?}");
        }
        for id in &told.cancelled {
            let state = state(id);
            let over = matches!(state, OrderState::Cancelled { .. });
            assert!(over, "A3: order {id} was told to be cancelled and is {state:?}");
        }
    }
}
