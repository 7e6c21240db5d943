//! The rules themselves.

use std::collections::BTreeMap;

use ticketing_core::domain::order::{Order, OrderState};
use ticketing_core::domain::payment::PaymentState;
use ticketing_core::domain::refund::RefundState;
use ticketing_core::values::{Money, PaymentId};
use ticketing_stripe_stand_in::{IntentStatus, Request};

use super::Known;

/// How long money may stay reserved.
const RESERVED_MAX: i64 = 24 * 60 * 60;

/// M7: whatever is sent under a key is the same every time.
pub(super) fn keys_name_one_call(calls: &[Request]) -> Vec<String> {
    let mut said = BTreeMap::new();
    let mut broken = Vec::new();
    for call in calls {
        let Some(key) = &call.key else { continue };
        let body = (call.path.clone(), call.fields());
        let first = said.entry(key.clone()).or_insert_with(|| body.clone());
        if *first != body {
            broken.push(format!("M7 {key} names {first:?} and {body:?}"));
        }
    }
    broken
}

/// M1: in each currency, what Stripe took is what paid orders keep, what went back, and what is owed.
pub(super) fn sums_have_an_owner(all: &[Known]) -> Vec<String> {
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for known in all.iter().filter(|known| !known.is_parked()) {
        let (taken, owned) = sums.entry(known.intent.currency.as_str()).or_default();
        *taken += known.captured();
        let kept = known.paid().and_then(|order| order.left_to_refund().ok());
        let waiting = known.refunds.iter().filter(|refund| refund.state != RefundState::Succeeded);
        *owned += kept.map_or(0, Money::minor)
            + known.given_back()
            + waiting.map(|refund| refund.amount.minor()).sum::<i64>();
    }
    let wrong = sums.into_iter().filter(|(_, (taken, owned))| taken != owned);
    wrong.map(|(of, (taken, owned))| format!("M1 {of}: {taken} taken, {owned} owned")).collect()
}

/// M3: an order is charged once, but for what goes back.
pub(super) fn orders_are_charged_once(all: &[Known]) -> Vec<String> {
    let mut kept: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for known in all {
        let owed: i64 = known.refunds.iter().map(|refund| refund.amount.minor()).sum();
        if known.captured() > owed.max(known.given_back()) {
            let order = known.intent.metadata["ticketing_order"].as_str();
            kept.entry(order).or_default().push(&known.intent.id);
        }
    }
    let twice = kept.into_iter().filter(|(_, intents)| intents.len() > 1);
    twice.map(|(order, intents)| format!("M3 order {order} is charged by {intents:?}")).collect()
}

/// Whether it was paid with that, and still is or was given back since.
pub(super) fn is_paid_with(order: &Order, with: PaymentId) -> bool {
    match order.state {
        OrderState::Complete { payment } | OrderState::Refunded { payment } => payment == with,
        OrderState::Created
        | OrderState::AwaitingPayment { .. }
        | OrderState::Cancelling { .. }
        | OrderState::Cancelled { .. } => false,
    }
}

impl Known {
    /// What is wrong with it by Stripe's time `now`.
    pub(super) fn broken(&self, now: i64) -> Vec<String> {
        if self.is_parked() {
            return Vec::new();
        }
        let rules = [
            ("M2", self.has_one_owner()),
            ("M3", self.is_paid_once()),
            ("M4", self.goes_back_once()),
            ("M5", self.has_our_sum()),
            ("M8", self.ends_in_time(now)),
            ("M9", self.stands_as_in_our_books()),
        ];
        let broken = rules.into_iter().filter(|(_, holds)| !holds);
        broken.map(|(code, _)| format!("{code} {self:?}")).collect()
    }

    /// M2: what was captured paid for one order, or goes back whole.
    fn has_one_owner(&self) -> bool {
        let back: i64 = self.refunds.iter().map(|refund| refund.amount.minor()).sum();
        self.captured() == 0 || self.paid().is_some() || back == self.captured()
    }

    /// M3: an order has one attempt that may pay for it, and no more than one that did and is not to
    /// go back.
    fn is_paid_once(&self) -> bool {
        let live = self.attempts.iter().filter(|attempt| attempt.may_pay()).count();
        let kept = self.attempts.iter().filter(|attempt| {
            attempt.state == PaymentState::Captured && attempt.refunding != attempt.amount
        });
        live <= 1 && kept.count() <= 1
    }

    /// M4: no more goes back than was taken.
    fn goes_back_once(&self) -> bool {
        let sent = self.refunds.iter().filter(|refund| refund.state != RefundState::Failed);
        let sent: i64 = sent.map(|refund| refund.amount.minor()).sum();
        sent <= self.captured() && self.given_back() <= self.captured()
    }

    /// M5: the sum and its currency are ours.
    fn has_our_sum(&self) -> bool {
        self.payment.as_ref().is_none_or(|payment| {
            let ours = payment.amount;
            let code = ours.currency().code().to_ascii_lowercase();
            (self.intent.amount, &self.intent.currency) == (ours.minor(), &code)
        })
    }

    /// M8: what was reserved was taken or is free again within a day.
    fn ends_in_time(&self, now: i64) -> bool {
        let within = |from: i64, to: Option<i64>| to.unwrap_or(now) - from <= RESERVED_MAX;
        self.charge.as_ref().is_none_or(|charge| within(charge.authorized_at, charge.ended_at))
    }

    /// M9: both say the same of it: whether it is over, what was taken, and what went back.
    fn stands_as_in_our_books(&self) -> bool {
        let Some(payment) = &self.payment else { return false };
        let (status, taken) = match payment.state {
            PaymentState::Captured => (IntentStatus::Succeeded, payment.amount.minor()),
            PaymentState::Declined { .. } | PaymentState::Voided => (IntentStatus::Canceled, 0),
            PaymentState::Initiated
            | PaymentState::Open
            | PaymentState::Confirming
            | PaymentState::NeedsAction
            | PaymentState::Authorized
            | PaymentState::Voiding { .. }
            | PaymentState::NeedsOperator { .. } => return false,
        };
        let done = self.refunds.iter().filter(|refund| refund.state == RefundState::Succeeded);
        let back: i64 = done.map(|refund| refund.amount.minor()).sum();
        (status, taken, back) == (self.intent.status, self.captured(), self.given_back())
    }
}
