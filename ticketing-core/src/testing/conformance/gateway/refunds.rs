//! Refunds: captured money goes back, no more than was captured, and once.

use super::scene::{Scene, is_refused};
use crate::ports::{RefundReport, RefundStatus, SendRefund};
use crate::testing::conformance::verdict::worked;
use crate::values::{IntentRef, Money};

/// Money goes back in parts until all of it is back, and not a part more.
pub async fn money_goes_back_in_parts(scene: &Scene) {
    let intent = scene.captured().await;
    let all = scene.namespace().amount();
    let part = a_quarter_of(all);
    refund(scene, &scene.a_refund(&intent, part)).await;
    is_back(scene, &intent, part).await;
    let rest = worked(all.checked_sub(part), "the rest");
    refund(scene, &scene.a_refund(&intent, rest)).await;
    is_back(scene, &intent, all).await;
    is_refused(scene.gateway().refund(&scene.a_refund(&intent, part)).await);
    is_back(scene, &intent, all).await;
}

/// More than is left is refused whole.
pub async fn more_than_is_left_is_refused(scene: &Scene) {
    let intent = scene.captured().await;
    let all = scene.namespace().amount();
    let part = a_quarter_of(all);
    refund(scene, &scene.a_refund(&intent, part)).await;
    is_refused(scene.gateway().refund(&scene.a_refund(&intent, all)).await);
    is_back(scene, &intent, part).await;
}

/// The same refund under the same key is one refund, whatever the number of calls; another sum
/// under that key is refused.
pub async fn refunding_repeats_under_its_key(scene: &Scene) {
    let intent = scene.captured().await;
    let part = a_quarter_of(scene.namespace().amount());
    let wanted = scene.a_refund(&intent, part);
    let first = refund(scene, &wanted).await;
    for _ in 0..2 {
        let again = refund(scene, &wanted).await;
        assert_eq!(again.reference, first.reference, "one refund");
    }
    is_back(scene, &intent, part).await;
    let twice = worked(part.checked_add(part), "a sum");
    is_refused(scene.gateway().refund(&SendRefund { amount: twice, ..wanted }).await);
    is_back(scene, &intent, part).await;
}

/// Two refunds of the same sum under two keys are two refunds.
pub async fn equal_refunds_are_two(scene: &Scene) {
    let intent = scene.captured().await;
    let part = a_quarter_of(scene.namespace().amount());
    let first = refund(scene, &scene.a_refund(&intent, part)).await;
    let second = refund(scene, &scene.a_refund(&intent, part)).await;
    assert_ne!(first.reference, second.reference);
    is_back(scene, &intent, worked(part.checked_add(part), "a sum")).await;
}

/// Money that was not captured can't be refunded.
pub async fn only_captured_money_goes_back(scene: &Scene) {
    let part = a_quarter_of(scene.namespace().amount());
    for intent in [scene.opened().await, scene.authorized().await] {
        is_refused(scene.gateway().refund(&scene.a_refund(&intent, part)).await);
        let report = scene.look_up(&intent).await.report;
        assert!(report.refunded.is_zero(), "{report:?}");
    }
}

async fn refund(scene: &Scene, refund: &SendRefund) -> RefundReport {
    let report = worked(scene.gateway().refund(refund).await, "refund");
    assert_ne!(report.status, RefundStatus::Failed, "{report:?}");
    let looked_up = scene.gateway().look_up_refund(&report.reference).await;
    let looked_up = worked(looked_up, "look_up_refund");
    assert_eq!(looked_up.reference, report.reference);
    assert_ne!(looked_up.status, RefundStatus::Failed, "{looked_up:?}");
    report
}

/// So much of an intent is back, or on its way.
async fn is_back(scene: &Scene, intent: &IntentRef, amount: Money) {
    assert_eq!(scene.look_up(intent).await.report.refunded, amount);
}

fn a_quarter_of(amount: Money) -> Money {
    worked(Money::new(amount.minor() / 4, amount.currency()), "a part")
}
