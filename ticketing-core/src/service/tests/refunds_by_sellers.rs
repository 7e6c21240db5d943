//! Refunds of an order with lines of two sellers: each gives back what is its own, and both see it.

use crate::domain::view::{OrderView, RefundView};
use crate::service::error::Error;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::refund_terms::{RefundRequest, Refunder, Viewer};
use crate::service::tests::people::{ann, seller, token};
use crate::service::tests::state::code_of;
use crate::service::tests::world::{PRICE, World};
use crate::testing::builders::user;
use crate::values::{MajorUnits, Money, TicketId, UserId};

/// A ticket of each of two sellers in one order that was paid for.
struct Shared {
    world: World,
    order: OrderView,
}

impl Shared {
    fn new() -> Self {
        let world = World::new();
        let tickets = [seller(), other()].map(|seller| world.list_by(seller, 2).id);
        let orders = world.process.engine.orders();
        let lines = tickets.map(|ticket| (ticket, 1));
        let order = world.run(orders.reserve(ann(), lines)).unwrap();
        assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Complete);
        world.quiet();
        Self { world, order }
    }

    fn refund(&self, by: Refunder, request: RefundRequest) -> Result<RefundView, Error> {
        let refunds = self.world.process.engine.refunds();
        let refund = self.world.run(refunds.request(by, self.order.id, request));
        self.world.quiet();
        refund
    }

    fn of_first(&self, request: RefundRequest) -> Result<RefundView, Error> {
        self.refund(Refunder::Seller(seller()), request)
    }

    /// The refund of a line, by an operator, for so much.
    fn operator_takes_back(&self, ticket: TicketId, amount: Money) {
        let request = RefundRequest::lines([(ticket, 1)]).amount(amount);
        self.refund(Refunder::Operator(user("operator")), request).unwrap();
    }

    fn tickets(&self) -> [TicketId; 2] {
        [0, 1].map(|line| self.order.lines[line].ticket_id)
    }
}

fn other() -> UserId {
    user("other")
}

#[test]
fn a_seller_gives_back_its_own_line_at_its_price_at_most() {
    let mut shared = Shared::new();
    let [own, others] = shared.tickets();
    let own = || RefundRequest::lines([(own, 1)]);
    let more = [PRICE.checked_add(Money::usd(1)).unwrap(), shared.order.total];
    for amount in more {
        assert_eq!(code_of(shared.of_first(own().amount(amount))), "refund_too_large");
    }
    let both = RefundRequest::lines([(others, 1)]);
    assert_eq!(code_of(shared.of_first(both)), "not_owner");
    assert_eq!(code_of(shared.of_first(RefundRequest::everything())), "not_owner");
    assert_eq!(shared.of_first(own()).unwrap().amount, PRICE);
    assert_eq!(code_of(shared.of_first(own())), "return_too_large");
    shared.world.rest();
    assert_eq!(shared.world.order(shared.order.id).refunded, PRICE);
}

/// A sum alone is of no line, so nobody can tell whose it is.
#[test]
fn a_stranger_hears_only_that_the_order_is_anothers() {
    let shared = Shared::new();
    let stranger = || Refunder::Seller(user("stranger"));
    let [first, _] = shared.tickets();
    for request in [
        RefundRequest::everything(),
        RefundRequest::lines([(first, 100)]),
        RefundRequest::default().amount(Money::eur(1)),
        RefundRequest::default().amount(MajorUnits::new("free")),
    ] {
        assert_eq!(code_of(shared.refund(stranger(), request)), "not_owner");
    }
}

#[test]
fn a_sum_may_be_named_in_major_units_of_the_orders_currency() {
    let shared = Shared::new();
    let operator = || Refunder::Operator(user("operator"));
    let of = |text| RefundRequest::default().amount(MajorUnits::new(text));
    assert_eq!(shared.refund(operator(), of("1.50")).unwrap().amount, Money::usd(1_50));
    for wrong in ["1.505", "-1", "much", ""] {
        assert_eq!(code_of(shared.refund(operator(), of(wrong))), "invalid", "{wrong}");
    }
}

#[test]
fn a_seller_beside_others_gives_no_sum_back_without_a_line() {
    let shared = Shared::new();
    let cent = RefundRequest::default().amount(Money::usd(1));
    assert_eq!(code_of(shared.of_first(cent)), "not_owner");
}

/// The other seller's line is back for less than its price: what is left of it stays theirs.
#[test]
fn a_seller_has_no_part_in_what_is_left_of_anothers_line() {
    let shared = Shared::new();
    let [own, others] = shared.tickets();
    shared.operator_takes_back(others, Money::usd(5_00));
    assert_eq!(code_of(shared.of_first(RefundRequest::everything())), "refund_too_large");
    shared.of_first(RefundRequest::lines([(own, 1)])).unwrap();
    assert_eq!(code_of(shared.of_first(RefundRequest::everything())), "not_owner");
    assert_eq!(shared.world.order(shared.order.id).refunded, Money::usd(25_00));
}

#[test]
fn a_refund_is_shown_to_those_who_have_a_part_in_its_order() {
    let shared = Shared::new();
    let [own, _] = shared.tickets();
    let refund = shared.of_first(RefundRequest::lines([(own, 1)])).unwrap();
    let refunds = shared.world.process.engine.refunds();
    let get = |viewer| shared.world.run(refunds.get(&viewer, refund.id));
    for concerned in [ann(), seller(), other()] {
        assert_eq!(get(Viewer::User(concerned)).unwrap().id, refund.id);
    }
    assert_eq!(get(Viewer::Operator).unwrap().id, refund.id);
    assert_eq!(code_of(get(Viewer::User(user("stranger")))), "not_owner");
}

/// Stray money is of no order, so nobody has a part in it.
#[test]
fn a_refund_of_stray_money_is_shown_to_operators_alone() {
    let mut world = World::new();
    let intent = world.intent_from_nowhere(world.store());
    world.gateway.confirm_as_client(&intent, &token("tok_automatic")).unwrap();
    world.rest();
    let stray = world.refunds()[0].id;
    let refunds = world.process.engine.refunds();
    let get = |viewer| world.run(refunds.get(&viewer, stray));
    assert_eq!(code_of(get(Viewer::User(ann()))), "not_owner");
    assert!(get(Viewer::Operator).is_ok());
}
