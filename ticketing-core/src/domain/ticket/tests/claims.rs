//! What a single claimed unit fixes, and which version an edit may have seen.

use crate::domain::inventory::{Pool, PoolCommand};
use crate::domain::order::fixtures::{FRONT_ROW, PLACED, user};
use crate::domain::rejection::Rejection;
use crate::domain::ticket::{NewTicket, Ticket, TicketCommand, TicketDecision, TicketEdit};
use crate::values::{Money, Version};

fn terms() -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00)).quantity(2)
}

fn listed() -> (Ticket, Pool) {
    let listed = Ticket::list(FRONT_ROW, user("seller"), terms(), PLACED).unwrap();
    let Some(PoolCommand::Open(pool)) = listed.pool else {
        panic!("a new listing opens its pool, not {:?}", listed.pool);
    };
    (listed.ticket.into_next(), pool)
}

/// One unit held, and one unit sold.
fn one_claimed() -> [Pool; 2] {
    let (_, pool) = listed();
    [Pool { held: 1, ..pool }, Pool { sold: 1, ..pool }]
}

fn edit(
    ticket: Ticket,
    pool: Pool,
    seen: Option<Version>,
    terms: NewTicket,
) -> Result<TicketDecision, Rejection> {
    ticket.decide(TicketCommand::Edit(TicketEdit { terms, seen, pool }))
}

fn code(refused: Result<TicketDecision, Rejection>) -> &'static str {
    refused.unwrap_err().code()
}

#[test]
fn a_single_claimed_unit_fixes_title_price_and_limit() {
    let (ticket, _) = listed();
    let renamed = NewTicket { title: "Back row".to_owned(), ..terms() };
    let dearer = NewTicket { price: Money::usd(20_01), ..terms() };
    for pool in one_claimed() {
        for terms in [renamed.clone(), dearer.clone(), terms().max_per_buyer(1)] {
            assert_eq!(code(edit(ticket.clone(), pool, None, terms)), "ticket_reserved");
        }
        let fewer = edit(ticket.clone(), pool, None, terms().quantity(1)).unwrap();
        assert_eq!(fewer.ticket.next().terms.capacity.get(), 1, "what is claimed still fits");
    }
}

#[test]
fn a_single_held_unit_keeps_a_listing_on_sale() {
    let (ticket, _) = listed();
    let [held, sold] = one_claimed();
    let withdraw = |pool| TicketCommand::Withdraw { pool, cancel_holds: false };
    assert_eq!(code(ticket.clone().decide(withdraw(held))), "ticket_reserved");
    assert!(ticket.decide(withdraw(sold)).is_ok());
}

#[test]
fn an_edit_must_have_seen_the_version_there_is() {
    let (ticket, pool) = listed();
    let longer = edit(ticket, pool, None, terms().quantity(3)).unwrap().ticket.into_next();
    let now = longer.version;
    for stale in [Version::FIRST, now.next()] {
        let again = edit(longer.clone(), pool, Some(stale), terms().quantity(4));
        assert_eq!(code(again), "stale_version");
    }
    for seen in [Some(now), None] {
        assert!(edit(longer.clone(), pool, seen, terms().quantity(4)).is_ok());
    }
}
