//! What is checked when a ticket is listed, and what a new listing is.

use proptest::prelude::*;

use crate::domain::event::{DomainEvent, EventKey, EventType};
use crate::domain::inventory::{PoolCommand, PoolState};
use crate::domain::order::fixtures::{DEADLINE, FRONT_ROW, PLACED, minutes, units, user};
use crate::domain::rejection::Reason;
use crate::domain::ticket::{NewTicket, Ticket, TicketState};
use crate::domain::view::TicketStatus;
use crate::values::{Money, Quantity, Version};

/// The wrong fields and their codes.
fn wrong(new: NewTicket) -> Vec<(&'static str, &'static str)> {
    let refused = Ticket::list(FRONT_ROW, user("seller"), new, PLACED).unwrap_err();
    assert_eq!((refused.code(), refused.state), ("invalid", "new"));
    let Reason::Invalid(fields) = refused.reason else {
        panic!("{refused} is not about fields");
    };
    assert!(fields.iter().all(|field| !field.message.is_empty()));
    fields.into_iter().map(|field| (field.field, field.code)).collect()
}

fn ticket() -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00))
}

#[test]
fn a_new_listing_opens_its_pool() {
    let new = ticket()
        .quantity(50)
        .max_per_order(6)
        .max_per_buyer(8)
        .sale_starts_at(PLACED)
        .sale_ends_at(DEADLINE);
    let listed = Ticket::list(FRONT_ROW, user("seller"), new, PLACED).unwrap();
    let Some(PoolCommand::Open(pool)) = listed.pool else {
        panic!("{:?}", listed.pool);
    };
    assert_eq!((pool.id, pool.version, pool.state), (FRONT_ROW, Version::FIRST, PoolState::OnSale));
    assert_eq!((pool.available(), pool.claimed()), (50, 0));
    assert_eq!(pool.terms.listing, Version::FIRST);
    assert_eq!((pool.terms.sale.from(), pool.terms.sale.until()), (Some(PLACED), Some(DEADLINE)));
    assert_eq!(pool.terms.max_per_order, Some(units(6)));
    assert_eq!(pool.terms.max_per_buyer, Some(units(8)));

    let event = listed.ticket.event().unwrap();
    assert_eq!(event.event_type(), EventType::TicketCreated);
    assert_eq!(event.key(), EventKey { aggregate: FRONT_ROW.into(), version: Version::FIRST });
    let ticket = listed.ticket.next();
    assert_eq!((ticket.state, ticket.listed_at), (TicketState::OnSale, PLACED));
    assert_eq!(event, &DomainEvent::TicketCreated(ticket.view()));
}

/// The plainest listing is the classic one-off ticket.
#[test]
fn a_title_and_a_price_are_enough() {
    let listed = Ticket::list(FRONT_ROW, user("seller"), ticket(), PLACED).unwrap();
    let view = listed.ticket.next().view();
    assert_eq!((view.quantity, view.status), (Quantity::ONE, TicketStatus::OnSale));
    assert_eq!((view.max_per_order, view.max_per_buyer), (None, None));
    assert_eq!((view.sale_starts_at, view.sale_ends_at), (None, None));
    assert_eq!((view.description, view.venue, view.starts_at), (None, None, None));
}

#[test]
fn every_field_is_kept() {
    let new = ticket().description("Two\nlines").venue("Hall").starts_at(DEADLINE);
    let listed = Ticket::list(FRONT_ROW, user("seller"), new, PLACED).unwrap();
    let view = listed.ticket.next().view();
    assert_eq!(view.description.unwrap().as_str(), "Two\nlines");
    assert_eq!(view.venue.unwrap().as_str(), "Hall");
    assert_eq!((view.starts_at, view.seller_id), (Some(DEADLINE), user("seller")));
}

#[test]
fn each_wrong_field_has_its_code() {
    let titled = |title: &str| NewTicket::new(title, Money::usd(1));
    let cases = [
        (titled(""), ("title", "text_empty")),
        (titled("  "), ("title", "text_empty")),
        (titled("a\0b"), ("title", "text_forbidden_character")),
        (titled(&"x".repeat(201)), ("title", "text_too_long")),
        (NewTicket::new("Seat", Money::usd(0)), ("price", "price_not_positive")),
        (ticket().quantity(0), ("quantity", "invalid_quantity")),
        (ticket().quantity(10_000_001), ("quantity", "invalid_quantity")),
        (ticket().max_per_order(0), ("maxPerOrder", "invalid_quantity")),
        (ticket().max_per_buyer(0), ("maxPerBuyer", "invalid_quantity")),
        (ticket().description("x".repeat(10_001)), ("description", "text_too_long")),
        (ticket().venue(""), ("venue", "text_empty")),
        (ticket().sale_starts_at(DEADLINE).sale_ends_at(DEADLINE), ("saleEndsAt", "empty_window")),
    ];
    for (new, expected) in cases {
        assert_eq!(wrong(new), [expected]);
    }
}

/// The sentences that clients of the contract know.
#[test]
fn the_contracts_sentences_are_said() {
    let new = NewTicket::new("", Money::usd(0));
    let refused = Ticket::list(FRONT_ROW, user("seller"), new, PLACED).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot list the ticket (new): \
         title: Title is required; price: Price must be greater than 0"
    );
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let new = NewTicket::new(" ", Money::usd(0))
        .quantity(0)
        .venue("\u{7}")
        .max_per_order(0)
        .max_per_buyer(0)
        .sale_starts_at(DEADLINE)
        .sale_ends_at(PLACED);
    let fields: Vec<_> = wrong(new).into_iter().map(|(field, _)| field).collect();
    let all = ["title", "venue", "quantity", "maxPerOrder", "maxPerBuyer", "saleEndsAt", "price"];
    assert_eq!(fields, all);
}

#[test]
fn a_sale_that_is_to_come_opens_in_a_while() {
    let opens = |new| {
        let listed = Ticket::list(FRONT_ROW, user("seller"), new, PLACED).unwrap();
        listed.ticket.into_next().opens_in(PLACED)
    };
    assert_eq!(opens(ticket().sale_starts_at(DEADLINE)), Some(minutes(15)));
    assert_eq!(opens(ticket().sale_starts_at(PLACED)), None);
    assert_eq!(opens(ticket()), None);
}

proptest! {
    /// Whatever is typed, listing answers, and what it accepts is what was typed.
    #[test]
    fn listing_never_panics(
        title: String,
        cents: u32,
        quantity: u32,
        venue: Option<String>,
        limit: Option<u32>,
    ) {
        let typed = title.trim().to_owned();
        let new = NewTicket {
            venue,
            max_per_buyer: limit,
            ..NewTicket::new(title, Money::usd(cents)).quantity(quantity)
        };
        if let Ok(listed) = Ticket::list(FRONT_ROW, user("seller"), new, PLACED) {
            let terms = &listed.ticket.next().terms;
            prop_assert_eq!(terms.title.as_str(), typed);
            prop_assert_eq!(terms.price, Money::usd(cents));
            prop_assert_eq!(terms.capacity.get(), quantity);
            prop_assert_eq!(terms.max_per_buyer.map(Quantity::get), limit);
        }
    }
}
