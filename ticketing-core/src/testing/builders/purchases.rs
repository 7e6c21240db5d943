//! The batches that move money.

use crate::domain::decision::Decision;
use crate::domain::order::{Order, OrderCommand, OrderRefund};
use crate::domain::payment::{ConfirmedBy, Payment, PaymentCommand};
use crate::domain::refund::{Refund, RefundCommand};
use crate::domain::settlement::{IntentReport, IntentStatus, settle};
use crate::testing::builders::batches::{BatchFactory, Planned, key_of, window_of};
use crate::testing::builders::valid;
use crate::values::{IntentRef, Money, OrderId, PaymentId, RefundId};

/// An order and the attempt to pay for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The order.
    pub order: Order,
    /// The attempt.
    pub payment: Payment,
    /// The refund that the last batch requested, if it did.
    pub refund: Option<Refund>,
}

impl BatchFactory {
    /// Starts an attempt to pay.
    pub fn start_payment(&self, order: &Order, confirmed_by: ConfirmedBy) -> Planned<Purchase> {
        let now = self.clock.now();
        let attempt = PaymentId::from_uuid(self.ids.next());
        let command = OrderCommand::StartPayment { attempt, policy: self.policy };
        let window = window_of(order, &command);
        let owner = (order.id, order.buyer.clone());
        let payment = Payment::initiate(attempt, owner, order.total, confirmed_by, now);
        let order = valid(order.clone().decide(command, now));
        let next =
            Purchase { order: order.next().clone(), payment: payment.next().clone(), refund: None };
        let batch = self.build(key_of(attempt, next.payment.version), |batch| {
            batch.order(order).payment(payment).within(window)
        });
        Planned { batch, next }
    }

    /// Notes the gateway's intent, which is confirmed at once.
    pub fn open(&self, purchase: &Purchase, intent: &IntentRef) -> Planned<Purchase> {
        let command = PaymentCommand::Opened { intent: intent.clone(), confirming: true };
        let Planned { batch, next } = self.payment(&purchase.payment, command);
        let next = Purchase { order: purchase.order.clone(), payment: next, refund: None };
        Planned { batch, next }
    }

    /// The money is authorized: the order is complete, and its units are sold.
    pub fn complete(&self, purchase: &Purchase) -> Planned<Purchase> {
        self.settle(purchase, IntentStatus::Authorized)
    }

    /// The money is captured.
    pub fn capture(&self, purchase: &Purchase) -> Planned<Purchase> {
        self.settle(purchase, IntentStatus::Captured)
    }

    /// The intent is dead: the attempt is over.
    pub fn gone(&self, purchase: &Purchase) -> Planned<Purchase> {
        self.settle(purchase, IntentStatus::Gone)
    }

    /// Does what the gateway's word about the intent asks for.
    pub fn settle(&self, purchase: &Purchase, status: IntentStatus) -> Planned<Purchase> {
        let now = self.clock.now();
        let Purchase { order, payment, .. } = purchase.clone();
        let report = IntentReport {
            status,
            amount: payment.amount,
            refunded: Money::zero(payment.amount.currency()),
        };
        let settled = valid(settle(payment, Some(order.clone()), report, now));
        let payment = settled.payment.next().clone();
        let owed = settled.owed.map(|owed| self.request(&payment, Some(order.id), owed));
        let next = Purchase {
            order: settled.order.as_ref().map_or(order, |order| order.next().clone()),
            refund: owed.as_ref().map(|refund| refund.next().clone()),
            payment,
        };
        let answer = key_of(next.payment.id, next.payment.version);
        let batch = self.build(answer, |batch| {
            let batch = batch.payment(settled.payment);
            let batch = match settled.order {
                Some(order) => batch.order(order),
                None => batch,
            };
            match owed {
                Some(refund) => batch.refund(refund),
                None => batch,
            }
        });
        Planned { batch, next }
    }

    /// Gives any command to a payment, which is all that it changes.
    pub fn payment(&self, payment: &Payment, command: PaymentCommand) -> Planned<Payment> {
        let decision = valid(payment.clone().decide(command, self.clock.now()));
        let next = decision.next().clone();
        let batch = self.build(key_of(next.id, next.version), |batch| batch.payment(decision));
        Planned { batch, next }
    }

    /// Owes the buyer a sum of a captured payment, and takes no unit back.
    pub fn refund(&self, purchase: &Purchase, amount: Money) -> Planned<Purchase> {
        self.refund_with(
            purchase,
            OrderRefund { amount, lines: Vec::new(), restock: false, reason: None },
        )
    }

    /// Owes the buyer a sum of a captured payment, perhaps for returned units.
    pub fn refund_with(&self, purchase: &Purchase, refund: OrderRefund) -> Planned<Purchase> {
        let now = self.clock.now();
        let amount = refund.amount;
        let Purchase { order, payment, .. } = purchase.clone();
        let owed = self.request(&payment, Some(order.id), amount);
        let order = valid(order.decide(OrderCommand::Refund(refund), now));
        let payment = valid(payment.decide(PaymentCommand::Refund(amount), now));
        let next = Purchase {
            order: order.next().clone(),
            payment: payment.next().clone(),
            refund: Some(owed.next().clone()),
        };
        let batch = self.build(key_of(next.order.id, next.order.version), |batch| {
            batch.order(order).payment(payment).refund(owed)
        });
        Planned { batch, next }
    }

    /// Gives any command to a refund.
    pub fn refund_step(&self, refund: &Refund, command: RefundCommand) -> Planned<Refund> {
        let decision = refund.clone().decide(command, self.clock.now());
        let next = decision.next().clone();
        let batch = self.build(key_of(next.id, next.version), |batch| batch.refund(decision));
        Planned { batch, next }
    }

    fn request(
        &self,
        payment: &Payment,
        order: Option<OrderId>,
        amount: Money,
    ) -> Decision<Refund> {
        let id = RefundId::from_uuid(self.ids.next());
        Refund::request(id, payment.id, order, amount, None, self.clock.now())
    }
}
