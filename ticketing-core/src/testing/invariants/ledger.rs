//! Our books and the gateway's ledger.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::payment::{Payment, PaymentState};
use crate::domain::refund::{Refund, RefundState};
use crate::domain::settlement::IntentStatus;
use crate::memory::{Books, Ledger, LedgerIntent};
use crate::ports::RefundStatus;
use crate::testing::invariants::{Found, History, Violation, indexed::Indexed};
use crate::values::{IntentRef, Money, StoreId};

/// Everything in which our books and the gateway's ledger differ, once both are at rest: every
/// intent of our storage was written down before it was opened, and both know the same of it.
///
/// Intents of other storages are let alone.
pub fn against_ledger(books: &Books, ledger: &Ledger, store: StoreId) -> Vec<Violation> {
    let world = Indexed::of(books, History::Pruned);
    let intents: Vec<&LedgerIntent> =
        ledger.intents.iter().filter(|intent| intent.opened.store == store).collect();
    let mut found = Found::default();
    intents_were_written_down_first(&world, &intents, &mut found);
    refunds_were_written_down_first(&world, ledger, &mut found);
    keys_name_one_call(ledger, &mut found);
    for intent in &intents {
        if let Some(payment) = world.payments.get(&intent.opened.attempt) {
            intents_stand_as_our_payments(intent, payment, &mut found);
        }
    }
    charges_have_an_intent(&world, &intents, &mut found);
    refunds_are_the_same(&world, ledger, &mut found);
    found.violations
}

/// M6: no intent is opened without an attempt that was written down; one that turned up without
/// one was written down when it was found.
fn intents_were_written_down_first(
    world: &Indexed<'_>,
    intents: &[&LedgerIntent],
    found: &mut Found,
) {
    let owned = intents_of(world);
    for intent in intents {
        let known = world.payments.contains_key(&intent.opened.attempt);
        found.check(known || owned.contains(&intent.intent), "M6", || {
            format!("intent {} belongs to no attempt", intent.intent)
        });
    }
}

/// M6: no refund is sent without a row that was written down.
fn refunds_were_written_down_first(world: &Indexed<'_>, ledger: &Ledger, found: &mut Found) {
    let keys: BTreeSet<String> = world.books.refunds.iter().flat_map(keys_of).collect();
    let owned = intents_of(world);
    for refund in ledger.refunds.iter().filter(|refund| owned.contains(&refund.intent)) {
        let known = refund.key.as_ref().is_none_or(|key| keys.contains(key));
        found.check(known, "M6", || format!("refund {} belongs to no row", refund.reference));
    }
}

/// The keys of all tries of a refund.
fn keys_of(refund: &Refund) -> impl Iterator<Item = String> {
    let refund = refund.clone();
    (0..=refund.attempt).map(move |attempt| Refund { attempt, ..refund.clone() }.key())
}

/// M7: a key names one call, whatever was sent under it how often.
fn keys_name_one_call(ledger: &Ledger, found: &mut Found) {
    let mut used = BTreeSet::new();
    let intents = ledger.intents.iter().map(|intent| &intent.opened.key);
    let refunds = ledger.refunds.iter().filter_map(|refund| refund.key.as_ref());
    for key in intents.chain(refunds) {
        found.check(used.insert(key), "M7", || format!("key {key} named two calls"));
    }
}

/// M5 and M9: an intent has our sum, and is captured, alive or dead as our payment is.
fn intents_stand_as_our_payments(intent: &LedgerIntent, payment: &Payment, found: &mut Found) {
    // What is with an operator may differ: that is why it is there.
    let parked = matches!(payment.state, PaymentState::NeedsOperator { .. });
    found.check(parked || intent.opened.amount == payment.amount, "M5", || {
        format!("intent {} has another sum than payment {}", intent.intent, payment.id)
    });
    let expected = match payment.state {
        PaymentState::Captured => intent.status == IntentStatus::Captured,
        PaymentState::Authorized => intent.status == IntentStatus::Authorized,
        PaymentState::Declined { .. } | PaymentState::Voided => intent.status == IntentStatus::Gone,
        PaymentState::Initiated
        | PaymentState::Open
        | PaymentState::Confirming
        | PaymentState::NeedsAction
        | PaymentState::Voiding { .. }
        | PaymentState::NeedsOperator { .. } => true,
    };
    found.check(expected, "M9", || {
        let (status, state) = (intent.status, payment.state.name());
        format!("intent {} is {status:?}, payment {} is {state}", intent.intent, payment.id)
    });
}

/// M2: what we say was captured, the gateway has captured, under the intent that we name.
fn charges_have_an_intent(world: &Indexed<'_>, intents: &[&LedgerIntent], found: &mut Found) {
    let captured: BTreeMap<&IntentRef, Money> =
        intents.iter().map(|intent| (&intent.intent, intent.captured)).collect();
    for payment in &world.books.payments {
        if payment.state == PaymentState::Captured {
            let intent = payment.intent.as_ref().and_then(|intent| captured.get(intent));
            found.check(intent == Some(&payment.amount), "M2", || {
                format!("payment {} is captured, but not at the gateway", payment.id)
            });
        }
    }
}

/// M9: of each payment the gateway gave back what we say it did. More of it went back by hand
/// only where our books have no place for that: it is beyond what was captured, together with
/// what is owed, and settles no refund that failed.
fn refunds_are_the_same(world: &Indexed<'_>, ledger: &Ledger, found: &mut Found) {
    let mut given_back: BTreeMap<&IntentRef, i128> = BTreeMap::new();
    for refund in &ledger.refunds {
        if refund.status == RefundStatus::Succeeded {
            let sum = given_back.entry(&refund.intent).or_default();
            *sum = sum.saturating_add(refund.amount.minor().into());
        }
    }
    for payment in &world.books.payments {
        let Some(intent) = &payment.intent else { continue };
        let refunds = world.refunds_of.get(&payment.id).into_iter().flatten();
        let in_state = |state| {
            let refunds = refunds.clone().filter(move |refund| refund.state == state);
            refunds.map(|refund| i128::from(refund.amount.minor()))
        };
        let ours = in_state(RefundState::Succeeded).fold(0, i128::saturating_add);
        let theirs = given_back.get(intent).copied().unwrap_or(0);
        let more = theirs.saturating_sub(ours);
        let counted = i128::from(payment.refunding.minor()).saturating_add(more);
        let no_room = counted > i128::from(payment.amount.minor());
        let settles_none = in_state(RefundState::Failed).all(|owed| owed > more);
        found.check(more == 0 || (more > 0 && no_room && settles_none), "M9", || {
            format!("payment {}: we gave back {ours}, the gateway {theirs}", payment.id)
        });
    }
}

fn intents_of<'a>(world: &Indexed<'a>) -> BTreeSet<&'a IntentRef> {
    world.books.payments.iter().filter_map(|payment| payment.intent.as_ref()).collect()
}
