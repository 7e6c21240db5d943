//! Races about webhooks: early, late, many at once, out of order, and about what nobody knows.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::{ConfirmedBy, PaymentState, Trouble};
use crate::domain::refund::RefundState;
use crate::domain::settlement::IntentStatus;
use crate::ports::storage::Received;
use crate::ports::{GatewayErrorKind, OpenIntent, PaymentGateway, WebhookRequest};
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::tests::people::{ann, bob, token};
use crate::service::tests::state::assert_sold_once;
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{HOLD, NOTHING, PATIENCE, PRICE, World};
use crate::values::{IntentRef, Money, OrderId, PaymentId, StoreId};

const A_WHILE: Duration = Duration::from_secs(30);

#[test]
fn r05_webhook_before_the_answer() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::AnswersAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_visa");
    world.webhooks();
    assert_sold_once(&world, &order);
    let version = world.only_attempt(&order).version;

    assert!(paying.is_open());
    world.wait(A_WHILE);
    assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Complete);
    assert_eq!(world.only_attempt(&order).version, version, "the answer was no news");
    world.rest();
    assert_eq!(world.story(&order), ["created", "updated", "completed"]);
}

/// The intent is paid before we have stored its name: its metadata tell whose it is.
#[test]
fn r06_webhook_before_the_intent_is_known() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("open", Twist::AnswersAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_visa");
    assert_eq!(world.only_attempt(&order).intent, None);
    let intent = world.intents()[0].intent.clone();
    world.gateway.confirm_as_client(&intent, &token("tok_visa")).unwrap();
    world.webhooks();
    assert_sold_once(&world, &order);

    world.wait(A_WHILE);
    assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Complete);
    assert_eq!(world.line.calls_of("confirm"), [""; 0], "it was confirmed before");
    world.rest();
    assert_sold_once(&world, &order);
}

#[test]
fn r07_same_webhook_20_times_in_parallel() {
    for seed in 0..20 {
        let mut world = World::seeded(seed);
        let order = world.held_by(&ann());
        let intent = world.opened(&order);
        world.gateway.confirm_as_client(&intent, &token("tok_visa")).unwrap();
        let webhook = world.gateway.drain_webhooks().pop().unwrap();
        let payments = world.process.engine.payments();
        let received = world.run(async {
            let all = (0..20).map(|_| payments.webhook(&webhook));
            futures_util::future::join_all(all).await
        });
        let news = received.into_iter().filter(|one| matches!(one, Ok(Received::New)));
        assert_eq!(news.count(), 1);
        world.quiet();
        assert_sold_once(&world, &order);
        assert_eq!(world.story(&order), ["created", "updated", "completed"]);
        world.rest();
    }
}

/// What counts is how the intent stands, not what a webhook was sent for.
#[test]
fn r08_succeeded_and_failed_swapped() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    world.gateway.confirm_as_client(&intent, &token("tok_chargeDeclined")).unwrap();
    world.gateway.confirm_as_client(&intent, &token("tok_visa")).unwrap();
    let [failed, succeeded]: [WebhookRequest; 2] =
        world.gateway.drain_webhooks().try_into().unwrap();
    world.webhook(&succeeded);
    world.quiet();
    assert_sold_once(&world, &order);
    world.webhook(&failed);
    world.quiet();
    assert_sold_once(&world, &order);
    assert_eq!(world.only_attempt(&order).last_decline, None);
    world.rest();
}

/// The money of an order that was cancelled: its unit is another's by then.
#[test]
fn r09_webhook_3_days_late_after_cancel_and_resale() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    world.gateway.confirm_as_client(&intent, &token("tok_visa")).unwrap();
    let late = world.gateway.drain_webhooks();
    world.cancel(&order).unwrap();
    let resold = world.reserve(&bob(), order.lines[0].ticket_id);
    assert_eq!(world.pays(&resold, "tok_visa"), PaymentOutcome::Complete);
    world.rest();

    world.wait(Duration::from_hours(72));
    for webhook in &late {
        assert_eq!(world.webhook(webhook), Received::New);
    }
    let reason = CancelReason::Buyer;
    assert_eq!(world.state(&order), OrderState::Cancelled { reason });
    assert_eq!(world.payment_states(&order), [PaymentState::Voided]);
    world.rest();
    assert_eq!(world.units(&resold), (0, 1));
    let ledger = [IntentStatus::Gone, IntentStatus::Captured];
    assert_eq!(world.ledger(), ledger.map(|status| (status, NOTHING)));
}

/// The same, but the gateway could not be reached meanwhile and has taken the money at once.
#[test]
fn r09_webhook_3_days_late_tells_of_captured_money() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    world.line.cut(true);
    world.gateway.confirm_as_client(&intent, &token("tok_automatic")).unwrap();
    world.pass(HOLD + PATIENCE);
    let expired = OrderState::Cancelled { reason: CancelReason::Expired };
    assert_eq!(world.state(&order), expired);
    assert!(world.only_attempt(&order).late_money);
    let late = world.gateway.drain_webhooks();
    world.line.cut(false);
    let resold = world.reserve(&bob(), order.lines[0].ticket_id);
    assert_eq!(world.pays(&resold, "tok_visa"), PaymentOutcome::Complete);

    world.wait(Duration::from_hours(72));
    for webhook in &late {
        assert_eq!(world.webhook(webhook), Received::New);
    }
    world.rest();
    assert_eq!(world.state(&order), expired, "nothing is acquired again");
    assert_eq!(world.units(&resold), (0, 1));
    assert_eq!(world.payment_states(&order), [PaymentState::Captured]);
    let captured = IntentStatus::Captured;
    assert_eq!(world.ledger(), [(captured, PRICE), (captured, NOTHING)]);
    let refunds = world.refunds();
    assert_eq!(refunds.len(), 1);
    assert_eq!((refunds[0].state, refunds[0].amount), (RefundState::Succeeded, PRICE));
    assert_eq!(refunds[0].order, Some(order.id));
}

#[test]
fn r18_wrong_amount_or_currency() {
    for wrong in [Money::usd(19_99), Money::usd(200_000), Money::eur(20_00)] {
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.line.misreport(Some(wrong));
        world.line.next("confirm", Twist::AnswersAfter(A_WHILE));
        let paying = world.start_to_pay(&order, "tok_visa");
        world.webhooks();
        let why = Trouble::WrongAmount;
        assert_eq!(world.payment_states(&order), [PaymentState::NeedsOperator { why }]);
        assert_eq!(world.units(&order), (1, 0), "nothing else moves");

        world.wait(A_WHILE);
        assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Pending);
        world.rest();
        let reason = CancelReason::Expired;
        assert_eq!(world.state(&order), OrderState::Cancelled { reason });
        assert_eq!(world.units(&order), (0, 0));
        assert_eq!(world.payment_states(&order), [PaymentState::NeedsOperator { why }]);
        assert_eq!(world.ledger(), [(IntentStatus::Authorized, NOTHING)], "an operator's");
    }
}

#[test]
fn r19_unknown_intent_of_another_store_is_let_alone() {
    let mut world = World::new();
    let other = StoreId::from_uuid(Uuid::from_u128(7));
    for card in ["tok_visa", "tok_automatic"] {
        let intent = world.intent_from_nowhere(other);
        world.gateway.confirm_as_client(&intent, &token(card)).unwrap();
    }
    let before = world.gateway.ledger();
    world.webhooks();
    world.rest();
    assert_eq!(world.gateway.ledger(), before);
    assert_eq!(world.books().payments, []);
}

/// Money in our name without a row of ours, told by a webhook or found in the gateway's list.
#[test]
fn r19_unknown_intent_of_ours_is_voided_or_refunded() {
    for told in [true, false] {
        let mut world = World::new();
        let ours = world.store();
        let [_unpaid, authorized, captured] = [(); 3].map(|()| world.intent_from_nowhere(ours));
        world.gateway.confirm_as_client(&authorized, &token("tok_visa")).unwrap();
        world.gateway.confirm_as_client(&captured, &token("tok_automatic")).unwrap();
        if told {
            world.webhooks();
        } else {
            drop(world.gateway.drain_webhooks());
        }
        world.rest();
        let gone = (IntentStatus::Gone, NOTHING);
        assert_eq!(world.ledger(), [gone, gone, (IntentStatus::Captured, PRICE)]);
        let payments = world.books().payments;
        assert_eq!(payments.len(), 3);
        assert!(payments.iter().all(|stray| stray.order.is_none() && stray.buyer.is_none()));
        let refunds = world.refunds();
        assert_eq!(refunds.len(), 1);
        assert_eq!((refunds[0].state, refunds[0].amount), (RefundState::Succeeded, PRICE));
    }
}

/// Stray money of which a part, or all, was given back by hand: only the rest is owed.
#[test]
fn r19_unknown_intent_that_was_refunded_by_hand() {
    for by_hand in [Money::usd(5_00), PRICE] {
        let mut world = World::new();
        let intent = world.intent_from_nowhere(world.store());
        world.gateway.confirm_as_client(&intent, &token("tok_automatic")).unwrap();
        world.gateway.refund_at_gateway(&intent, by_hand).unwrap();
        world.rest();
        assert_eq!(world.ledger(), [(IntentStatus::Captured, PRICE)]);
        let refunds = world.refunds();
        assert!(refunds.iter().all(|one| one.state == RefundState::Succeeded), "{refunds:#?}");
        let sent = world.line.calls_of("refund").len();
        assert_eq!(sent, usize::from(by_hand != PRICE));
    }
}

#[test]
fn r19_webhook_about_what_the_gateway_never_heard_of() {
    let mut world = World::new();
    let body = br#"{"id":"evt_1","intent":"pi_unknown","about":"intent"}"#;
    let odd = WebhookRequest { body: body.to_vec(), headers: Vec::new() };
    assert_eq!(world.webhook(&odd), Received::New);
    assert_eq!(world.webhook(&odd), Received::Seen);
    world.rest();
    assert_eq!(world.books().payments, []);
}

/// A webhook that can't be dealt with now is kept, and dealt with later.
#[test]
fn webhook_while_the_gateway_can_not_be_asked() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    world.gateway.confirm_as_client(&intent, &token("tok_visa")).unwrap();
    world.line.next("look_up", Twist::Fails(GatewayErrorKind::Unknown));
    world.webhooks();
    assert_eq!(world.books().open_webhooks, 1);
    assert_eq!(world.payment_states(&order), [PaymentState::Open]);
    world.work();
    assert_eq!(world.books().open_webhooks, 0);
    assert_sold_once(&world, &order);
    world.rest();
}

impl World {
    /// An intent in the name of a store, for an attempt that has no row.
    pub(super) fn intent_from_nowhere(&self, store: StoreId) -> IntentRef {
        let number = u128::try_from(self.intents().len() + 1).unwrap();
        let open = OpenIntent {
            attempt: PaymentId::from_uuid(Uuid::from_u128(number)),
            order: OrderId::from_uuid(Uuid::from_u128(number)),
            store,
            amount: PRICE,
            confirmed_by: ConfirmedBy::Client,
            key: format!("from nowhere {number}"),
        };
        self.run(self.gateway.open(&open)).unwrap().intent
    }
}
