//! Placing an order: what is frozen, what is refused.

use crate::domain::decision::Units;
use crate::domain::event::{DomainEvent, EventKey};
use crate::domain::order::fixtures::{
    BALCONY, DEADLINE, FRONT_ROW, ORDER, PLACED, POLICY, listing, minutes, placed, units, user,
};
use crate::domain::order::{NewOrder, Order, OrderState};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::ticket::{NewTicket, Ticket, TicketState};
use crate::values::{Money, Quantity, TicketId, TimeWindow, Version};
use uuid::Uuid;

fn dollars(id: TicketId, cents: u32) -> Ticket {
    listing(id, NewTicket::new("A seat", Money::usd(cents)).quantity(Quantity::MAX.get()))
}

/// The rejection of an order of these lines.
fn refused(lines: &[(&Ticket, Quantity)]) -> Rejection {
    let new = NewOrder { id: ORDER, buyer: &user("buyer"), lines, policy: POLICY };
    Order::place(new, PLACED).unwrap_err()
}

/// The code of the only wrong field.
fn field_code(rejection: &Rejection) -> &'static str {
    let Reason::Invalid(fields) = &rejection.reason else {
        panic!("{rejection} is not about a field");
    };
    assert_eq!(fields.len(), 1, "{rejection}");
    fields[0].code
}

#[test]
fn a_new_order_freezes_what_was_listed() {
    let order = placed();
    assert_eq!(order.version, Version::FIRST);
    assert_eq!(order.state, OrderState::Created);
    assert_eq!(order.total, Money::usd(75_50));
    assert_eq!(order.refunded, Money::usd(0));
    assert_eq!((order.created_at, order.expires_at), (PLACED, DEADLINE));
    let line = &order.lines[0];
    assert_eq!((line.ticket_id, line.title.as_str()), (FRONT_ROW, "Front row"));
    assert_eq!((line.price, line.quantity), (Money::usd(20_00), units(3)));
    assert_eq!((line.seller_id.as_str(), line.listing_version), ("seller", Version::FIRST));
    assert_eq!((line.returned, line.restocked), (0, 0));
}

#[test]
fn placing_holds_the_units_and_is_told() {
    let ticket = dollars(FRONT_ROW, 20_00);
    let lines = [(&ticket, units(2))];
    let new = NewOrder { id: ORDER, buyer: &user("buyer"), lines: &lines, policy: POLICY };
    let (decision, _open) = Order::place(new, PLACED).unwrap();
    assert_eq!(decision.units(), &Units::Hold);
    let view = decision.next().view();
    assert_eq!(decision.event(), Some(&DomainEvent::OrderCreated(view)));
    let key = decision.event().unwrap().key();
    assert_eq!(key, EventKey { aggregate: ORDER.into(), version: Version::FIRST });
}

/// The commit must fall into the sale of every line.
#[test]
fn an_order_is_open_while_every_sale_is() {
    let (first, last) = (PLACED.minus(minutes(2)), PLACED.plus(minutes(2)));
    let on_sale = |id, from, until| {
        let new = NewTicket::new("A seat", Money::usd(1)).sale_starts_at(from);
        listing(id, new.sale_ends_at(until))
    };
    let early = on_sale(FRONT_ROW, first.minus(minutes(1)), last);
    let late = on_sale(BALCONY, first, last.plus(minutes(1)));
    let lines = [(&early, Quantity::ONE), (&late, Quantity::ONE)];
    let new = NewOrder { id: ORDER, buyer: &user("buyer"), lines: &lines, policy: POLICY };
    let (_decision, open) = Order::place(new, PLACED).unwrap();
    assert_eq!(open, TimeWindow::new(Some(first), Some(last)).unwrap());
}

#[test]
fn an_order_needs_a_ticket_and_has_a_bound() {
    assert_eq!(field_code(&refused(&[])), "no_lines");
    let id = |number: usize| TicketId::from_uuid(Uuid::from_u128(number.try_into().unwrap()));
    let tickets: Vec<Ticket> = (0..=Order::MAX_LINES).map(|n| dollars(id(n), 1)).collect();
    let lines: Vec<_> = tickets.iter().map(|ticket| (ticket, Quantity::ONE)).collect();
    assert_eq!(field_code(&refused(&lines)), "too_many_lines");
    let most = &lines[..Order::MAX_LINES];
    let new = NewOrder { id: ORDER, buyer: &user("buyer"), lines: most, policy: POLICY };
    assert_eq!(Order::place(new, PLACED).unwrap().0.next().lines.len(), 20);
}

#[test]
fn a_ticket_stands_on_one_line() {
    let (front, balcony) = (dollars(FRONT_ROW, 1), dollars(BALCONY, 2));
    let twice = [(&front, units(1)), (&balcony, units(1)), (&front, units(2))];
    assert_eq!(field_code(&refused(&twice)), "ticket_twice");
}

#[test]
fn a_withdrawn_ticket_is_not_sold() {
    let front = dollars(FRONT_ROW, 1);
    let gone = Ticket { state: TicketState::Withdrawn, ..dollars(BALCONY, 1) };
    let rejection = refused(&[(&front, units(1)), (&gone, units(1))]);
    assert_eq!(rejection.code(), "not_on_sale");
    assert!(matches!(rejection.reason, Reason::Claim { ticket: BALCONY, .. }));
}

#[test]
fn an_order_has_one_currency() {
    let (front, balcony) = (dollars(FRONT_ROW, 1), dollars(BALCONY, 1));
    let in_euros = listing(BALCONY, NewTicket::new("Balcony", Money::eur(1)));
    assert_eq!(refused(&[(&front, units(1)), (&in_euros, units(1))]).code(), "mixed_currencies");
    let new = [(&front, units(1)), (&balcony, units(1))];
    let new = NewOrder { id: ORDER, buyer: &user("buyer"), lines: &new, policy: POLICY };
    assert!(Order::place(new, PLACED).is_ok());
}

#[test]
fn a_sum_beyond_all_money_is_refused() {
    let dear = dollars(FRONT_ROW, u32::MAX);
    assert_eq!(field_code(&refused(&[(&dear, Quantity::MAX)])), "amount_overflow");
    let most = dollars(FRONT_ROW, 4_000_000_000);
    let more = dollars(BALCONY, 4_000_000_000);
    let lines = [(&most, units(200)), (&more, units(51))];
    assert_eq!(field_code(&refused(&lines)), "amount_overflow");
    let new = [(&most, units(200)), (&more, units(50))];
    let new = NewOrder { id: ORDER, buyer: &user("buyer"), lines: &new, policy: POLICY };
    let order = Order::place(new, PLACED).unwrap().0.into_next();
    assert_eq!(order.total.minor(), Money::MAX_MINOR);
}
