//! Payments that the buyer's browser confirms: the intent stays open until the deadline, and a
//! card token is tried on it as well.

use std::time::Duration;

use crate::domain::payment::PaymentState;
use crate::ports::GatewayErrorKind;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::tests::people::ann;
use crate::service::tests::state::assert_sold_once;
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{HOLD, World};

/// The confirmation was written down, and never arrived: later, a token is tried again.
#[test]
fn a_lost_confirmation_leaves_the_intent_open_for_another() {
    for crashes in [true, false] {
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.opened(&order);
        let lost = if crashes {
            Twist::ArrivesAfter(HOLD)
        } else {
            Twist::Fails(GatewayErrorKind::Unknown)
        };
        world.line.next("confirm", lost);
        let paying = world.start_to_pay(&order, "tok_visa");
        assert_eq!(world.payment_states(&order), [PaymentState::Confirming]);
        if crashes {
            world.crash();
        }
        drop(paying);
        world.pass(Duration::from_secs(45));
        assert_eq!(
            world.payment_states(&order),
            [PaymentState::Confirming],
            "it may be on its way"
        );
        world.pass(Duration::from_mins(1));
        assert_eq!(world.payment_states(&order), [PaymentState::Open]);
        assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Complete);
        world.rest();
        assert_sold_once(&world, &order);
    }
}

/// A confirmation that certainly had no effect says nothing about the intent.
#[test]
fn a_confirmation_that_was_not_sent_leaves_the_intent_open() {
    for kind in [GatewayErrorKind::NotSent, GatewayErrorKind::Misconfigured] {
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.opened(&order);
        world.line.next("confirm", Twist::Fails(kind));
        let receipt = world.pay(&order, "tok_visa").unwrap();
        assert_eq!(receipt.outcome(), PaymentOutcome::RequiresAction, "the browser may go on");
        assert_eq!(world.payment_states(&order), [PaymentState::Open]);
        assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Complete);
        world.rest();
        assert_sold_once(&world, &order);
    }
}
