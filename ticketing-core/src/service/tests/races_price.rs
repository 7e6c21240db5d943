//! A price that is edited while somebody buys.

use crate::domain::NewTicket;
use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::DeclineCode;
use crate::domain::view::TicketView;
use crate::service::error::Error;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::tests::people::{ann, bob, seller};
use crate::service::tests::state::code_of;
use crate::service::tests::world::{NOTHING, PRICE, World};
use crate::values::{Money, TicketId};

const DEARER: Money = Money::usd(35_00);

/// The price is fixed while a unit is held; what it is afterwards is the next order's alone.
#[test]
fn r22_price_edited_between_order_and_payment() {
    let mut world = World::new();
    let ticket = world.list(1).id;
    let first = world.reserve(&ann(), ticket);
    assert_eq!(code_of(world.edit_price(ticket)), "ticket_reserved");
    let declined = PaymentOutcome::Declined(DeclineCode::CardDeclined);
    assert_eq!(world.pays(&first, "tok_chargeDeclined"), declined);
    assert_eq!(code_of(world.edit_price(ticket)), "ticket_reserved", "it is still held");
    world.cancel(&first).unwrap();

    world.edit_price(ticket).unwrap();
    let second = world.reserve(&bob(), ticket);
    assert_eq!((first.total, second.total), (PRICE, DEARER));
    assert_eq!(world.pays(&second, "tok_visa"), PaymentOutcome::Complete);
    world.rest();
    let charged: Vec<Money> = world.intents().iter().map(|intent| intent.captured).collect();
    assert_eq!(charged, [NOTHING, DEARER]);
    assert_eq!(world.order(first.id).total, PRICE, "an order keeps its price");
    let reason = CancelReason::Buyer;
    assert_eq!(world.state(&first), OrderState::Cancelled { reason });
}

/// Another process edits it; the first one remembers the old price, and asks for it of nobody.
#[test]
fn r22_price_edited_behind_the_back_of_the_process_that_sells() {
    let world = World::new();
    let ticket = world.list(2).id;
    let released = world.reserve(&ann(), ticket);
    world.cancel(&released).unwrap();
    let elsewhere = world.another_process().engine.tickets();
    world.run(elsewhere.edit(&seller(), ticket, dearer(), None)).unwrap();
    assert_eq!(world.reserve(&bob(), ticket).total, DEARER);
}

fn dearer() -> NewTicket {
    NewTicket::new("Front row", DEARER)
}

impl World {
    fn edit_price(&self, ticket: TicketId) -> Result<TicketView, Error> {
        let tickets = self.process.engine.tickets();
        self.run(tickets.edit(&seller(), ticket, dearer(), None))
    }
}
