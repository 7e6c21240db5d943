//! Payments and refunds that somebody must look at: never in two hands at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::outcome::Outcome;
use super::samples::units_for_sale;
use super::scene::Scene;
use crate::domain::order::Order;
use crate::domain::payment::{Payment, PaymentCommand, VoidReason};
use crate::domain::refund::{Refund, RefundCommand};
use crate::ports::Storage;
use crate::testing::builders::{Purchase, a_buyer, intent, refund_reference, user};
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{Money, PaymentId, RefundId};

/// A payment is given out when its time has come, not again while the lease runs, and again
/// after it; one whose time has not come, or that is settled, never.
pub async fn unsettled_payments_are_leased(scene: &Scene) {
    let due = to_void(scene, 5).await;
    not_due(scene).await;
    let first = claim(scene, 3).await;
    let rest = claim(scene, 100).await;
    assert_eq!((first.len(), rest.len()), (3, 2), "three, then the other two");
    assert_eq!(ids_of(&first).union(&ids_of(&rest)).count(), 5, "none of them twice");
    assert_eq!(claim(scene, 100).await, [], "all are leased");
    for payment in first.iter().chain(&rest) {
        let stored = found(due.iter().find(|due| due.id == payment.id), "a due payment");
        let next_action_at = payment.next_action_at;
        assert_eq!(*payment, Payment { next_action_at, ..stored.clone() }, "as it is stored");
    }
    scene.pass(2).await;
    assert_eq!(ids_of(&claim(scene, 100).await), ids_of(&due), "the lease is over");
}

/// A lease changes no version: what is decided on a leased payment can be committed, and the
/// time that it sets counts, be it sooner than the lease's end or never.
pub async fn a_commit_ends_the_lease_of_a_payment(scene: &Scene) {
    let due = to_void(scene, 2).await;
    let claimed = claim(scene, 100).await;
    assert_eq!(ids_of(&claimed), ids_of(&due));
    let [sooner, never] = claimed.as_slice() else {
        return assert_eq!(claimed.len(), 2, "two payments");
    };
    // A void that learns its intent is due at once.
    let command = PaymentCommand::Opened { intent: intent("pi_1"), confirming: false };
    let sooner = scene.apply(scene.make().await.payment(sooner, command)).await;
    scene.apply(scene.make().await.payment(never, PaymentCommand::Gone)).await;
    assert_eq!(ids_of(&claim(scene, 100).await), BTreeSet::from([sooner.id]));
    scene.pass(2).await;
    assert_eq!(ids_of(&claim(scene, 100).await), BTreeSet::from([sooner.id]));
}

/// What was decided under a lease that another one has taken over is refused, by the version.
pub async fn a_lost_lease_is_fenced_by_the_version(scene: &Scene) {
    to_void(scene, 1).await;
    let slow = claim(scene, 1).await;
    scene.pass(2).await;
    let quick = claim(scene, 1).await;
    for (payment, outcome) in [(quick, true), (slow, false)] {
        let payment = found(payment.first(), "the payment");
        let gone = scene.make().await.payment(payment, PaymentCommand::Gone).batch;
        let expected =
            if outcome { Outcome::applied(&gone) } else { Outcome::Conflict(payment.id.into()) };
        assert_eq!(scene.submit(&gone).await, expected);
    }
}

/// Claimers that come at the same time get payments that no other one gets, and all of them.
pub async fn payments_are_leased_to_one_claimer_each(scene: &Scene) {
    let due = to_void(scene, 24).await;
    let lease = scene.tick().saturating_mul(1000);
    let claimed = race(scene, move |handle| async move {
        let due = worked(handle.unsettled_payments(lease, 2).await, "unsettled_payments");
        due.items.iter().map(|payment| payment.id).collect()
    });
    let claimed: Vec<PaymentId> = claimed.await;
    let distinct: BTreeSet<PaymentId> = claimed.iter().copied().collect();
    assert_eq!(distinct.len(), claimed.len(), "no payment is leased twice: {claimed:?}");
    assert_eq!(distinct, ids_of(&due), "every one is leased");
}

/// A lease as long as it can be is never over.
pub async fn a_lease_may_be_endless(scene: &Scene) {
    to_void(scene, 1).await;
    let leased = scene.storage().unsettled_payments(Duration::MAX, 10).await;
    assert_eq!(worked(leased, "unsettled_payments").items.len(), 1);
    scene.pass(2).await;
    assert_eq!(claim(scene, 10).await, [], "it is leased for ever");
}

/// Refunds are leased like payments.
pub async fn unsettled_refunds_are_leased(scene: &Scene) {
    let due = requested(scene, 5).await;
    let first = claim_refunds(scene, 3).await;
    let rest = claim_refunds(scene, 100).await;
    assert_eq!((first.len(), rest.len()), (3, 2), "three, then the other two");
    assert_eq!(refund_ids(&first).union(&refund_ids(&rest)).count(), 5, "none of them twice");
    assert_eq!(claim_refunds(scene, 100).await, [], "all are leased");
    scene.pass(2).await;
    let again = claim_refunds(scene, 100).await;
    assert_eq!(refund_ids(&again), refund_ids(&due), "the lease is over");
    for refund in &again {
        let stored = found(due.iter().find(|due| due.id == refund.id), "a due refund");
        let next_action_at = refund.next_action_at;
        assert_eq!(*refund, Refund { next_action_at, ..stored.clone() }, "as it is stored");
    }
}

/// A commit sets when a leased refund must be looked at next: at once, or never.
pub async fn a_commit_ends_the_lease_of_a_refund(scene: &Scene) {
    requested(scene, 2).await;
    let claimed = claim_refunds(scene, 100).await;
    let [sooner, never] = claimed.as_slice() else {
        return assert_eq!(claimed.len(), 2, "two refunds");
    };
    // A refund that failed and is tried again is due at once.
    let failed = scene.make().await.refund_step(sooner, RefundCommand::Failed);
    let failed = scene.apply(failed).await;
    let retried = scene.make().await.refund_step(&failed, RefundCommand::Retry);
    let sooner = scene.apply(retried).await;
    let done = RefundCommand::Succeeded(refund_reference("re_1"));
    scene.apply(scene.make().await.refund_step(never, done)).await;
    for _ in 0..2 {
        let claimed = claim_refunds(scene, 100).await;
        assert_eq!(refund_ids(&claimed), BTreeSet::from([sooner.id]));
        scene.pass(2).await;
    }
}

/// Claimers that come at the same time get refunds that no other one gets, and all of them.
pub async fn refunds_are_leased_to_one_claimer_each(scene: &Scene) {
    let due = requested(scene, 24).await;
    let lease = scene.tick().saturating_mul(1000);
    let claimed = race(scene, move |handle| async move {
        let due = worked(handle.unsettled_refunds(lease, 2).await, "unsettled_refunds");
        due.items.iter().map(|refund| refund.id).collect()
    });
    let claimed: Vec<RefundId> = claimed.await;
    let distinct: BTreeSet<RefundId> = claimed.iter().copied().collect();
    assert_eq!(distinct.len(), claimed.len(), "no refund is leased twice: {claimed:?}");
    assert_eq!(distinct, refund_ids(&due), "every one is leased");
}

/// Lets eight claimers claim until each of them gets nothing; everything that they got.
async fn race<T, F, C>(scene: &Scene, claim: C) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Vec<T>> + Send,
    C: Fn(Arc<dyn Storage>) -> F + Clone + Send + 'static,
{
    let claimers = scene.handles(8).await.into_iter().map(|handle| {
        let claim = claim.clone();
        async move {
            let mut claimed = Vec::new();
            loop {
                let more = claim(Arc::clone(&handle)).await;
                if more.is_empty() {
                    return claimed;
                }
                claimed.extend(more);
            }
        }
    });
    let claimed = parallel(claimers.collect()).await;
    claimed.into_iter().flatten().collect()
}

/// Payments that are to be voided at once.
async fn to_void(scene: &Scene, number: u32) -> Vec<Payment> {
    let ticket = scene.list(units_for_sale(1000)).await.ticket;
    let mut payments = Vec::new();
    for _ in 0..number {
        let order: Order = scene.reserve(&a_buyer(), &[(&ticket, 1)]).await;
        let paying = scene.pay(&order).await;
        let void = PaymentCommand::Void(VoidReason::OrderOver);
        let voiding = scene.make().await.payment(&paying.payment, void);
        payments.push(scene.apply(voiding).await);
    }
    payments
}

/// A payment that is to be looked at much later, and one that is settled.
async fn not_due(scene: &Scene) -> Vec<Purchase> {
    let ticket = scene.list(units_for_sale(10)).await.ticket;
    let later = scene.reserve(&user("later"), &[(&ticket, 1)]).await;
    let later = scene.pay(&later).await;
    vec![later, scene.sell(&user("settled"), &[(&ticket, 1)]).await]
}

/// Refunds that are to be sent at once.
async fn requested(scene: &Scene, number: u32) -> Vec<Refund> {
    let ticket = scene.list(units_for_sale(1000)).await.ticket;
    let mut paid = scene.sell(&a_buyer(), &[(&ticket, 5)]).await;
    let mut refunds = Vec::new();
    for _ in 0..number {
        paid = scene.apply(scene.make().await.refund(&paid, Money::usd(1_00))).await;
        refunds.extend(paid.refund.clone());
    }
    refunds
}

async fn claim(scene: &Scene, limit: usize) -> Vec<Payment> {
    let due = scene.storage().unsettled_payments(scene.tick(), limit).await;
    worked(due, "unsettled_payments").items
}

async fn claim_refunds(scene: &Scene, limit: usize) -> Vec<Refund> {
    let due = scene.storage().unsettled_refunds(scene.tick(), limit).await;
    worked(due, "unsettled_refunds").items
}

fn ids_of(payments: &[Payment]) -> BTreeSet<PaymentId> {
    payments.iter().map(|payment| payment.id).collect()
}

fn refund_ids(refunds: &[Refund]) -> BTreeSet<RefundId> {
    refunds.iter().map(|refund| refund.id).collect()
}
