//! What a buyer hears of money that arrived: *complete* only while the order is complete with it.

use std::time::Duration;

use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::PaymentState;
use crate::domain::view::OrderView;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::refund_terms::{RefundRequest, Refunder};
use crate::service::tests::people::{ann, seller, token};
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{HOLD, PATIENCE, PRICE, World};
use crate::values::Money;

const A_WHILE: Duration = Duration::from_secs(30);
const KEY: &str = "key";

/// The browser's card is charged at once, and the buyer sends a token as well. Before that is
/// answered, the seller takes the listing back.
#[test]
fn money_taken_at_once_while_the_seller_takes_the_listing_back() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    world.gateway.confirm_as_client(&intent, &token("tok_automatic")).unwrap();
    world.line.next("confirm", Twist::AnswersAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_visa");
    let tickets = world.process.engine.tickets();
    world.run(tickets.withdraw(&seller(), order.lines[0].ticket_id, true)).unwrap();
    world.work();
    let reason = CancelReason::Seller;
    assert_eq!(world.state(&order), OrderState::Cancelled { reason });
    assert_eq!(world.payment_states(&order), [PaymentState::Captured]);

    world.wait(A_WHILE);
    let receipt = paying.answer().unwrap();
    assert_eq!(receipt.outcome(), PaymentOutcome::Ended);
    assert_eq!(receipt.payment.refunded, PRICE, "it goes back");
    world.rest();
}

/// The gateway could not be asked until the units were another's to buy.
#[test]
fn money_found_after_the_units_were_released() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    assert!(matches!(world.hears(&order, "tok_chargeDeclined"), PaymentOutcome::Declined(_)));
    world.line.cut(true);
    world.gateway.confirm_as_client(&intent, &token("tok_automatic")).unwrap();
    world.pass(HOLD + PATIENCE);
    let reason = CancelReason::Expired;
    assert_eq!(world.state(&order), OrderState::Cancelled { reason });
    world.line.cut(false);
    world.rest();
    assert_eq!(world.payment_states(&order), [PaymentState::Captured]);
    assert_eq!(world.hears(&order, "tok_chargeDeclined"), PaymentOutcome::Ended);
}

/// A command that is sent again is answered as the attempt stands now.
#[test]
fn money_given_back_later() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    assert_eq!(world.hears(&order, "tok_visa"), PaymentOutcome::Complete);
    world.quiet();
    world.give_back(&order, RefundRequest::default().amount(Money::usd(5_00)));
    assert_eq!(world.hears(&order, "tok_visa"), PaymentOutcome::Complete, "it was a part");
    world.give_back(&order, RefundRequest::everything());
    assert!(matches!(world.state(&order), OrderState::Refunded { .. }));
    assert_eq!(world.hears(&order, "tok_visa"), PaymentOutcome::Ended);
    world.rest();
}

impl World {
    /// What a buyer hears who sends the same command for the first time, or again.
    fn hears(&self, order: &OrderView, card: &str) -> PaymentOutcome {
        self.pay_keyed(order, card, KEY).unwrap().outcome()
    }

    fn give_back(&self, order: &OrderView, request: RefundRequest) {
        let refunds = self.process.engine.refunds();
        self.run(refunds.request(Refunder::Seller(seller()), order.id, request)).unwrap();
    }
}
