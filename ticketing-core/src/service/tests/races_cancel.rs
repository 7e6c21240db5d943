//! Races between paying and cancelling, by the buyer and by the seller.

use std::time::Duration;

use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::PaymentState;
use crate::domain::refund::RefundState;
use crate::domain::settlement::IntentStatus;
use crate::domain::view::{OrderStatus, OrderView};
use crate::service::error::Error;
use crate::service::payment_receipt::{PaymentOutcome, PaymentReceipt};
use crate::service::tests::people::{ann, seller, token};
use crate::service::tests::state::{assert_sold_once, code_of};
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{NOTHING, PRICE, Sent, World};

const A_WHILE: Duration = Duration::from_secs(30);
const BY_BUYER: OrderState = OrderState::Cancelled { reason: CancelReason::Buyer };
const BY_SELLER: OrderState = OrderState::Cancelled { reason: CancelReason::Seller };

/// The card's confirmation is on its way when the buyer cancels.
#[test]
fn r14_user_cancel_while_paying() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::ArrivesAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_visa");
    let cancelled = world.cancel(&order).unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled, "voided within the request");
    assert_eq!(world.units(&order), (0, 0));

    world.wait(A_WHILE);
    assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Ended);
    world.rest();
    assert_eq!(world.state(&order), BY_BUYER);
    assert_eq!(world.payment_states(&order), [PaymentState::Voided]);
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
    assert_eq!(world.story(&order), ["created", "updated", "updated", "cancelled"]);
}

/// The card was authorized; the answer is on its way when the buyer cancels.
#[test]
fn r14_user_cancel_before_the_answer() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::AnswersAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_visa");
    world.cancel(&order).unwrap();
    world.wait(A_WHILE);
    assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Ended);
    world.rest();
    assert_eq!(world.state(&order), BY_BUYER);
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
}

/// The same with a method that takes the money at once: it goes back.
#[test]
fn r14_user_cancel_after_the_money_was_taken_at_once() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::AnswersAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_automatic");
    let cancelled = world.cancel(&order).unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    world.work();
    assert_eq!(world.ledger(), [(IntentStatus::Captured, PRICE)]);

    world.wait(A_WHILE);
    let receipt = paying.answer().unwrap();
    assert_eq!(receipt.outcome(), PaymentOutcome::Ended);
    assert_eq!(receipt.payment.refunded, PRICE);
    world.rest();
    assert_eq!(world.state(&order), BY_BUYER);
    assert_eq!(world.units(&order), (0, 0));
    let refunds = world.refunds();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0].state, RefundState::Succeeded);
}

/// The gateway does not answer: the cancellation stands, and the units wait for the void.
#[test]
fn r14_user_cancel_while_the_gateway_is_slow() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.opened(&order);
    world.line.next("void", Twist::ArrivesAfter(A_WHILE));
    let asked = world.clock.now();
    let view = world.cancel(&order).unwrap();
    assert_eq!(world.clock.now().since(asked), Duration::from_secs(5), "and no longer");
    assert_eq!(view.status, OrderStatus::AwaitingPayment);
    assert_eq!(view.cancel_reason, Some(CancelReason::Buyer));
    assert_eq!(world.units(&order), (1, 0));
    let refused = world.pay(&order, "tok_visa");
    assert_eq!(code_of(refused), "order_cancelling");

    world.wait(A_WHILE);
    assert_eq!(world.state(&order), BY_BUYER);
    assert_eq!(world.units(&order), (0, 0));
    world.rest();
}

#[test]
fn r14_user_cancel_after_the_payment() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    assert_eq!(code_of(world.cancel(&order)), "order_complete");
    world.rest();
    assert_sold_once(&world, &order);
}

/// Cancelling and paying at once, in hundreds of orders of steps: one of them wins, whole.
#[test]
fn r14_user_cancel_while_paying_in_every_order_of_steps() {
    let mut outcomes = [0, 0];
    for seed in 0..300 {
        let mut world = World::seeded(seed);
        let order = world.held_by(&ann());
        let card = if seed % 2 == 0 { "tok_visa" } else { "tok_automatic" };
        let paying = world.spawn_pay(&order, card);
        let cancelling = world.spawn_cancel(&order);
        world.quiet();
        drop(cancelling);
        world.work();
        let ended = world.state(&order);
        let is_complete = matches!(ended, OrderState::Complete { .. });
        let told = paying.answer().map(|receipt| receipt.outcome());
        assert!(is_complete || !matches!(told, Ok(PaymentOutcome::Complete)), "seed {seed}");
        if is_complete {
            assert_sold_once(&world, &order);
            outcomes[0] += 1;
        } else {
            assert_eq!(ended, BY_BUYER);
            assert_eq!(world.units(&order), (0, 0));
            outcomes[1] += 1;
        }
        world.rest();
    }
    assert!(outcomes.iter().all(|times| *times > 10), "{outcomes:?}");
}

/// The seller takes the listing back while a card is being confirmed.
#[test]
fn r15_organiser_cancel_while_paying() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::ArrivesAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_visa");
    let ticket = order.lines[0].ticket_id;
    let tickets = world.process.engine.tickets();
    let refused = world.run(tickets.withdraw(&seller(), ticket, false));
    assert_eq!(code_of(refused), "ticket_reserved");
    world.run(tickets.withdraw(&seller(), ticket, true)).unwrap();
    world.work();
    assert_eq!(world.state(&order), BY_SELLER);
    assert_eq!(world.units(&order), (0, 0));

    world.wait(A_WHILE);
    assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Ended);
    world.rest();
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
    assert_eq!(world.run(world.process.engine.engine.storage.clearing_pools(9)).unwrap(), []);
}

/// The money was taken at once, in the moment in which the listing was taken back.
#[test]
fn r15_organiser_cancel_after_the_money_was_taken_at_once() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    world.gateway.confirm_as_client(&intent, &token("tok_automatic")).unwrap();
    let tickets = world.process.engine.tickets();
    let ticket = order.lines[0].ticket_id;
    world.run(tickets.withdraw(&seller(), ticket, true)).unwrap();
    // The webhook comes after the seller's word was carried out.
    world.sweep();
    world.webhooks();
    world.rest();
    assert_eq!(world.state(&order), BY_SELLER);
    assert_eq!(world.units(&order), (0, 0));
    assert_eq!(world.ledger(), [(IntentStatus::Captured, PRICE)]);
}

/// Sold units stay sold when the listing is taken back.
#[test]
fn r15_organiser_cancel_after_the_payment() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    let tickets = world.process.engine.tickets();
    let ticket = order.lines[0].ticket_id;
    world.run(tickets.withdraw(&seller(), ticket, true)).unwrap();
    world.rest();
    assert_sold_once(&world, &order);
}

impl World {
    fn spawn_pay(&self, order: &OrderView, card: &str) -> Sent<Result<PaymentReceipt, Error>> {
        let payments = self.process.engine.payments();
        let (buyer, order, card) = (order.buyer_id.clone(), order.id, token(card));
        self.spawn(async move { payments.pay(&buyer, order, card).await })
    }

    fn spawn_cancel(&self, order: &OrderView) -> impl Sized + use<> {
        let orders = self.process.engine.orders();
        let (buyer, order) = (order.buyer_id.clone(), order.id);
        self.spawn(async move { orders.cancel(&buyer, order).await.is_ok() })
    }
}
