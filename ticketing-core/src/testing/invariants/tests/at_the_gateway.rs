//! Our books against a ledger that agrees with them, and against some that do not.

use super::*;
use crate::domain::payment::{Payment, PaymentState};
use crate::domain::refund::{Refund, RefundState};
use crate::domain::settlement::IntentStatus;
use crate::memory::{Ledger, LedgerIntent, LedgerRefund};
use crate::ports::{OpenIntent, RefundStatus};
use crate::testing::builders::{START, refund_reference};
use crate::values::{Money, PaymentId, StoreId};
use uuid::Uuid;

const STORE: StoreId = StoreId::from_uuid(Uuid::from_u128(0x57));

/// A ledger of a gateway that did all that our books say, and nothing else.
fn agreeing(books: &Books) -> Ledger {
    let intents = books.payments.iter().filter_map(intent_of).collect();
    let refunds = books.refunds.iter().filter_map(|refund| refund_of(books, refund)).collect();
    Ledger { intents, refunds }
}

fn intent_of(payment: &Payment) -> Option<LedgerIntent> {
    let (status, captured) = match payment.state {
        PaymentState::Captured | PaymentState::Confirming => (IntentStatus::Captured, true),
        PaymentState::Authorized => (IntentStatus::Authorized, false),
        PaymentState::Declined { .. } | PaymentState::Voided => (IntentStatus::Gone, false),
        PaymentState::Initiated
        | PaymentState::Open
        | PaymentState::NeedsAction
        | PaymentState::Voiding { .. }
        | PaymentState::NeedsOperator { .. } => {
            (IntentStatus::NeedsMethod { declined: None }, false)
        }
    };
    let nothing = Money::zero(payment.amount.currency());
    Some(LedgerIntent {
        intent: payment.intent.clone()?,
        opened: OpenIntent {
            attempt: payment.id,
            order: payment.order.unwrap(),
            store: STORE,
            amount: payment.amount,
            confirmed_by: payment.confirmed_by,
            key: format!("open:{}", payment.id),
        },
        status,
        captured: if captured { payment.amount } else { nothing },
        refunded: payment.refunding,
        created_at: payment.created_at,
    })
}

fn refund_of(books: &Books, refund: &Refund) -> Option<LedgerRefund> {
    let status = match refund.state {
        RefundState::Requested => return None,
        RefundState::Pending => RefundStatus::Pending,
        RefundState::Succeeded => RefundStatus::Succeeded,
        RefundState::Failed => RefundStatus::Failed,
    };
    let payment = books.payments.iter().find(|payment| payment.id == refund.payment)?;
    Some(LedgerRefund {
        reference: refund.reference.clone()?,
        intent: payment.intent.clone()?,
        amount: refund.amount,
        key: Some(refund.key()),
        status,
    })
}

fn found(books: &Books, ledger: &Ledger) -> BTreeSet<&'static str> {
    codes(&against_ledger(books, ledger, STORE))
}

#[test]
fn an_agreeing_ledger_is_agreed_with() {
    let books = healthy();
    let ledger = agreeing(&books);
    assert!(ledger.intents.len() > 5 && !ledger.refunds.is_empty());
    assert_eq!(against_ledger(&books, &ledger, STORE), []);
}

#[test]
fn intents_of_other_storages_are_let_alone() {
    let books = healthy();
    let mut ledger = agreeing(&books);
    let mut other = unknown(&ledger.intents[0]);
    other.opened.store = StoreId::from_uuid(Uuid::from_u128(2));
    ledger.intents.push(other);
    assert_eq!(found(&books, &ledger), BTreeSet::new());
}

type Plant = fn(&mut Ledger);

/// Plants each difference into a ledger of its own, and looks for its code.
fn assert_found(differences: &[(&str, &'static str, Plant)]) {
    let books = healthy();
    for (what, code, plant) in differences {
        let mut ledger = agreeing(&books);
        plant(&mut ledger);
        let found = found(&books, &ledger);
        assert!(found.contains(code), "{what}: {code} is not among {found:?}");
    }
}

fn with_status(ledger: &mut Ledger, status: IntentStatus) -> &mut LedgerIntent {
    ledger.intents.iter_mut().find(|intent| intent.status == status).unwrap()
}

/// An intent like another one, which nobody wrote down.
fn unknown(like: &LedgerIntent) -> LedgerIntent {
    let mut intent = like.clone();
    intent.intent = crate::testing::builders::intent("pi_unknown");
    intent.opened.attempt = PaymentId::from_uuid(Uuid::from_u128(1));
    intent.opened.key = "unknown".to_owned();
    intent
}

#[test]
fn intents_that_differ_are_found() {
    assert_found(&[
        ("a charge that we know nothing of", "M6", |ledger| {
            let second = unknown(&ledger.intents[0]);
            ledger.intents.push(second);
        }),
        ("a key for two intents", "M7", |ledger| {
            ledger.intents[1].opened.key = ledger.intents[0].opened.key.clone();
        }),
        ("another sum", "M5", |ledger| {
            with_status(ledger, IntentStatus::Captured).opened.amount = Money::usd(1);
        }),
        ("captured, though we say voided", "M9", |ledger| {
            with_status(ledger, IntentStatus::Gone).status = IntentStatus::Captured;
        }),
        ("gone, though we say captured", "M9", |ledger| {
            with_status(ledger, IntentStatus::Captured).status = IntentStatus::Gone;
        }),
        ("gone, though we say authorized", "M9", |ledger| {
            with_status(ledger, IntentStatus::Authorized).status = IntentStatus::Gone;
        }),
        ("a charge that is not there", "M2", |ledger| ledger.intents.clear()),
        ("a charge of less", "M2", |ledger| {
            with_status(ledger, IntentStatus::Captured).captured = Money::usd(1);
        }),
    ]);
}

#[test]
fn refunds_that_differ_are_found() {
    assert_found(&[
        ("a refund that we know nothing of", "M6", |ledger| {
            let mut second = ledger.refunds[0].clone();
            second.key = Some("refund:other:0".to_owned());
            ledger.refunds.push(second);
        }),
        ("a key for two refunds", "M7", |ledger| ledger.refunds.push(ledger.refunds[0].clone())),
        ("a refund by hand that we did not note", "M9", |ledger| {
            let refund = LedgerRefund {
                reference: refund_reference("re_by_hand"),
                intent: with_status(ledger, IntentStatus::Captured).intent.clone(),
                amount: Money::usd(1_00),
                key: None,
                status: RefundStatus::Succeeded,
            };
            ledger.refunds.push(refund);
        }),
        ("a refund that never happened", "M9", |ledger| ledger.refunds.clear()),
    ]);
}

/// Money that is back, whoever gave it, and that we would give back once more.
#[test]
fn a_refund_that_is_owed_after_it_was_given_back_is_found() {
    let mut books = healthy();
    let ledger = agreeing(&books);
    let given = |refund: &&mut Refund| refund.state == RefundState::Succeeded;
    books.refunds.iter_mut().find(given).unwrap().state = RefundState::Failed;
    assert!(found(&books, &ledger).contains("M9"));
}

#[test]
fn what_an_operator_has_may_differ() {
    let mut books = healthy();
    let ledger = agreeing(&books);
    let why = crate::domain::payment::Trouble::WrongAmount;
    for payment in &mut books.payments {
        payment.state = PaymentState::NeedsOperator { why };
        payment.amount = Money::usd(1);
    }
    assert!(!found(&books, &ledger).contains("M5"));
    assert!(ledger.intents.iter().all(|intent| intent.created_at >= START));
}
