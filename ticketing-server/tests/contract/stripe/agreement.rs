//! M1 to M9: what our books and Stripe's ledger agree in, whatever went wrong before.
//!
//! It asks the storage through its port and the stand-in for its ledger, so that the same rules hold in
//! memory and in Postgres, and of servers that are other processes.

mod before;
mod rules;

use std::sync::{Arc, Mutex};

use ticketing_core::domain::order::Order;
use ticketing_core::domain::payment::{Payment, PaymentState};
use ticketing_core::domain::refund::Refund;
use ticketing_core::ports::Storage;
use ticketing_core::values::{IntentRef, OrderId};
use ticketing_stripe_stand_in::{Charge, Intent, Request, StandIn};

/// Our books and Stripe's ledger, and whoever looks at each call.
#[derive(Debug)]
pub(crate) struct Agreement {
    storage: Arc<dyn Storage>,
    stripe: StandIn,
    /// Calls that were made before they were written down (M6).
    unwritten: Arc<Mutex<Vec<String>>>,
}

/// An intent that a storage of ours opened, and all that either side knows of it.
#[derive(Debug)]
struct Known {
    intent: Intent,
    charge: Option<Charge>,
    payment: Option<Payment>,
    refunds: Vec<Refund>,
    order: Option<Order>,
    /// All attempts to pay for the order.
    attempts: Vec<Payment>,
}

impl Agreement {
    /// Looks at every call from now on.
    pub(crate) fn watched(storage: Arc<dyn Storage>, stripe: StandIn) -> Self {
        let unwritten = Arc::<Mutex<Vec<String>>>::default();
        let (books, noted) = (Arc::clone(&storage), Arc::clone(&unwritten));
        stripe.watch(move |call: Request| {
            let (books, noted) = (Arc::clone(&books), Arc::clone(&noted));
            Box::pin(async move {
                if let Err(what) = before::is_written_down(&*books, &call).await {
                    noted.lock().unwrap().push(format!("M6 {what}: {call:?}"));
                }
            })
        });
        Self { storage, stripe, unwritten }
    }

    /// Forgets the calls that were not written down, for a test that made them itself.
    pub(crate) fn take_unwritten(&self) -> Vec<String> {
        std::mem::take(&mut *self.unwritten.lock().unwrap())
    }

    /// Whether nothing is left to do about any intent of ours.
    pub(crate) async fn is_at_rest(&self) -> bool {
        self.known().await.iter().all(|known| {
            let waits = known.refunds.iter().any(|refund| refund.next_action_at.is_some());
            let settled = |payment: &Payment| payment.next_action_at.is_none();
            known.payment.as_ref().is_some_and(settled) && !waits
        })
    }

    /// Everything that must not be once both sides are at rest, each with its code.
    pub(crate) async fn broken(&self) -> Vec<String> {
        let known = self.known().await;
        let mut broken = self.unwritten.lock().unwrap().clone();
        broken.extend(rules::keys_name_one_call(&self.stripe.requests()));
        broken.extend(rules::sums_have_an_owner(&known));
        broken.extend(rules::orders_are_charged_once(&known));
        for known in &known {
            broken.extend(known.broken(self.stripe.now()));
        }
        broken
    }

    #[track_caller]
    pub(crate) fn assert_none(broken: &[String]) {
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    async fn known(&self) -> Vec<Known> {
        let store = self.storage.store_id().await.unwrap().to_string();
        let ledger = self.stripe.ledger();
        let mut all = Vec::new();
        for intent in &ledger.intents {
            if intent.metadata.get("ticketing_store") != Some(&store) {
                continue;
            }
            let name = IntentRef::new(intent.id.as_str()).unwrap();
            let payment = self.storage.payment_by_intent(&name).await.unwrap();
            let refunds = match &payment {
                Some(payment) => self.storage.refunds_of(payment.id).await.unwrap(),
                None => Vec::new(),
            };
            let named: OrderId = intent.metadata["ticketing_order"].parse().unwrap();
            all.push(Known {
                charge: ledger.charge_of(&intent.id).cloned(),
                intent: intent.clone(),
                refunds,
                order: self.storage.order(named).await.unwrap(),
                attempts: self.storage.payments_of(named).await.unwrap(),
                payment,
            });
        }
        all
    }
}

impl Known {
    /// Whether a person must look at it: that it differs is why.
    fn is_parked(&self) -> bool {
        let parked =
            |payment: &Payment| matches!(payment.state, PaymentState::NeedsOperator { .. });
        self.payment.as_ref().is_some_and(parked)
    }

    fn captured(&self) -> i64 {
        self.charge.as_ref().map_or(0, |charge| charge.captured)
    }

    fn given_back(&self) -> i64 {
        self.charge.as_ref().map_or(0, |charge| charge.refunded)
    }

    /// The order, if it was paid with this.
    fn paid(&self) -> Option<&Order> {
        let payment = self.payment.as_ref()?.id;
        let order = self.order.as_ref()?;
        rules::is_paid_with(order, payment).then_some(order)
    }
}
