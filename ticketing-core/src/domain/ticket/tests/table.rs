//! Both states and every command, against the table in the documentation of the machine.

use crate::domain::event::{DomainEvent, EventType};
use crate::domain::inventory::{Pool, PoolCommand};
use crate::domain::laws::assert_lawful;
use crate::domain::order::fixtures::{FRONT_ROW, PLACED, user};
use crate::domain::rejection::Rejection;
use crate::domain::ticket::{
    NewTicket, Ticket, TicketCommand as Command, TicketDecision, TicketEdit, TicketState,
};
use crate::domain::transition_table::{Outcome, Side, TransitionTable};
use crate::values::{Money, Version};

/// Ten units, at most four of them for one buyer.
fn terms() -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00)).quantity(10).max_per_buyer(4)
}

/// The listing and its pool as they are opened.
fn listed() -> (Ticket, Pool) {
    let listed = Ticket::list(FRONT_ROW, user("seller"), terms(), PLACED).unwrap();
    let Some(PoolCommand::Open(pool)) = listed.pool else {
        panic!("a new listing opens its pool, not {:?}", listed.pool);
    };
    (listed.ticket.into_next(), pool)
}

fn withdrawn() -> Ticket {
    let (ticket, pool) = listed();
    let withdraw = Command::Withdraw { pool, cancel_holds: false };
    ticket.decide(withdraw).unwrap().ticket.into_next()
}

/// The rows of the table: claimed are two units held and three sold, where any are.
fn rows(version: Version) -> Vec<(&'static str, Command)> {
    let (_, pool) = listed();
    let sold = Pool { sold: 3, ..pool };
    let claimed = Pool { held: 2, ..sold };
    let edit = |terms, pool| Command::Edit(TicketEdit { terms, seen: Some(version), pool });
    let stale =
        Command::Edit(TicketEdit { terms: terms().quantity(20), seen: Some(version.next()), pool });
    let withdraw = |pool, cancel_holds| Command::Withdraw { pool, cancel_holds };
    let dearer = NewTicket { price: Money::usd(20_01), ..terms() };
    let in_euros = NewTicket { price: Money::eur(20_00), ..terms() };
    let renamed = NewTicket { title: "Back row".to_owned(), ..terms() };
    let unlimited = NewTicket { max_per_buyer: None, ..terms() };
    let fixed = "edit of what claimed units fix";
    let too_low = "edit of the capacity, below what is claimed";
    vec![
        ("edit", edit(renamed.clone(), pool)),
        ("edit", edit(unlimited.clone(), pool)),
        ("edit", edit(terms().quantity(5), claimed)),
        ("edit", edit(terms().max_per_buyer(1), claimed)),
        ("edit", edit(terms().description("Cushioned"), claimed)),
        ("edit to the terms it has", edit(terms(), pool)),
        ("edit to the terms it has", edit(terms(), claimed)),
        ("edit with wrong fields", edit(terms().quantity(0), pool)),
        ("edit of a version that has moved on", stale),
        (fixed, edit(dearer, claimed)),
        (fixed, edit(in_euros, sold)),
        (fixed, edit(renamed, sold)),
        (fixed, edit(unlimited, claimed)),
        (too_low, edit(terms().quantity(4), claimed)),
        (too_low, edit(terms().quantity(2), sold)),
        ("withdraw", withdraw(pool, false)),
        ("withdraw", withdraw(sold, false)),
        ("withdraw while units are held", withdraw(claimed, false)),
        ("withdraw and cancel the holds", withdraw(claimed, true)),
        ("withdraw and cancel the holds", withdraw(pool, true)),
    ]
}

#[test]
fn every_step_is_the_documented_one() {
    let mut table = TransitionTable::of(include_str!("../../ticket.rs"));
    for ticket in [listed().0, withdrawn()] {
        for (row, command) in rows(ticket.version) {
            let promised = table.outcome(row, word(ticket.state), Side::Before);
            let verdict = ticket.clone().decide(command.clone());
            assert_eq!(outcome(&verdict), promised, "{row} of {ticket:?}");
            assert_laws(&ticket, &command, verdict);
        }
    }
    table.assert_all_seen();
}

fn word(state: TicketState) -> &'static str {
    match state {
        TicketState::OnSale => "on sale",
        TicketState::Withdrawn => "withdrawn",
    }
}

fn outcome(verdict: &Result<TicketDecision, Rejection>) -> Outcome {
    match verdict {
        Ok(decision) if decision.ticket.is_change() => {
            Outcome::Becomes(word(decision.ticket.next().state).to_owned())
        }
        Ok(_) => Outcome::Same,
        Err(rejection) => Outcome::Refused(rejection.code().to_owned()),
    }
}

/// What holds of every step of a listing, besides the table.
fn assert_laws(before: &Ticket, command: &Command, verdict: Result<TicketDecision, Rejection>) {
    let (decision, told_pool) = match verdict {
        Ok(decision) => (Ok(decision.ticket), decision.pool),
        Err(rejection) => (Err(rejection), None),
    };
    assert_lawful(before, &decision);
    let Ok(decision) = decision else { return };
    assert_eq!(told_pool.is_some(), decision.is_change(), "both or neither");
    let next = decision.next();
    let fixed = |of: &Ticket| (of.seller.clone(), of.listed_at);
    assert_eq!(fixed(next), fixed(before), "who sells, and since when");
    if let Some(pool) = told_pool {
        assert_pool_follows(next, command, pool);
        let told = decision.event().map(DomainEvent::event_type);
        let name = match next.state {
            TicketState::OnSale => EventType::TicketUpdated,
            TicketState::Withdrawn => EventType::TicketWithdrawn,
        };
        assert_eq!(told, Some(name));
    }
}

/// The pool is told the listing's new version, and accepts what the listing accepted.
fn assert_pool_follows(next: &Ticket, command: &Command, told: PoolCommand) {
    let seen = match command {
        Command::Edit(edit) => edit.pool,
        Command::Withdraw { pool, .. } => *pool,
    };
    let pool = seen.decide(told, 0, PLACED).unwrap().pool;
    assert_eq!(pool.terms.listing, next.version);
    assert_eq!(pool.terms.capacity, next.terms.capacity.get());
    assert_eq!(pool.terms.sale, next.terms.sale);
    assert_eq!(pool.terms.max_per_order, next.terms.max_per_order);
    assert_eq!(pool.terms.max_per_buyer, next.terms.max_per_buyer);
    assert_eq!(pool.view().on_sale, next.state == TicketState::OnSale);
}
