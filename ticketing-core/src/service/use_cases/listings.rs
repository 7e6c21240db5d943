//! Listings: put on sale, edited, withdrawn, found; and remembered, never for the truth.

use super::*;
use crate::domain::event::{Actor, AggregateRef, EventKey};
use crate::domain::inventory::PoolState;
use crate::domain::ticket::TicketChanges;
use crate::domain::view::TicketStatus;
use crate::ports::storage::ListingQuery;
use crate::service::use_cases::watched_storage::HeldUp;
use crate::testing::builders::{a_buyer, a_new_ticket};
use crate::values::{Money, Quantity, Version};

fn cheaper() -> NewTicket {
    NewTicket::new("Front row", Money::usd(15_00)).quantity(10)
}

impl Market {
    fn edit(&self, ticket: TicketId, terms: NewTicket) -> Result<TicketView, Error> {
        self.run(self.engine.tickets().edit(&a_seller(), ticket, terms, None))
    }

    fn withdraw(&self, ticket: TicketId, cancel_holds: bool) -> Result<TicketView, Error> {
        self.run(self.engine.tickets().withdraw(&a_seller(), ticket, cancel_holds))
    }

    /// Runs the two with the storage held up until both wait for it, the first one ahead.
    fn at_once<A, B>(
        &self,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> (A, B) {
        self.storage.hold_up(HeldUp::All);
        let tickets = self.engine.tickets();
        self.run(async {
            let go_on = async {
                self.engine.engine.runtime.sleep(Duration::from_millis(1)).await;
                self.storage.hold_up(HeldUp::None);
            };
            let in_flight = tickets.list_for_sale(a_seller(), a_new_ticket());
            let (_, first, second, ()) = tokio::join!(biased; in_flight, first, second, go_on);
            (first, second)
        })
    }
}

#[test]
fn a_listing_opens_its_pool_and_tells_of_both() {
    let market = Market::new();
    let new = a_new_ticket().venue("Hall").max_per_buyer(4);
    let listed = market.list(new);
    assert_eq!((listed.version, listed.status), (Version::FIRST, TicketStatus::OnSale));
    assert_eq!((listed.seller_id.clone(), listed.listed_at), (a_seller(), START));
    assert_eq!(listed.max_per_buyer, Some(Quantity::new(4).unwrap()));
    let pool = market.pool(listed.id);
    assert_eq!((pool.terms.capacity, pool.held, pool.sold), (10, 0, 0));
    let events = market.books().events;
    let told: Vec<(EventKey, &Actor)> =
        events.iter().map(|event| (event.key(), &event.header.actor)).collect();
    let version = Version::FIRST;
    let of_ticket = EventKey { aggregate: listed.id.into(), version };
    let of_pool = EventKey { aggregate: AggregateRef::pool(listed.id), version };
    assert_eq!(told, [(of_ticket, &Actor::User(a_seller())), (of_pool, &Actor::Engine)]);
    let read = market.run(market.engine.tickets().get(listed.id)).unwrap();
    assert_eq!((read.ticket, read.inventory), (listed, pool.view()));
}

#[test]
fn an_edit_changes_what_the_next_order_pays_and_no_placed_one() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let first = market.reserved("early", ticket, 1);
    let cancelled = market.run(market.engine.orders().cancel(&user("early"), first.id));
    assert!(cancelled.is_ok(), "held units would fix the price");
    let edited = market.edit(ticket, cheaper()).unwrap();
    assert_eq!((edited.version, edited.price), (Version::new(1), Money::usd(15_00)));
    assert_eq!(market.pool(ticket).terms.listing, Version::new(1));
    assert_eq!(market.reserved("late", ticket, 2).total, Money::usd(30_00));
    assert_eq!(market.order(first.id).total, Money::usd(20_00));
}

#[test]
fn an_edit_may_name_one_term_alone() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket());
    let venue = Some(Some("Harbour stage".to_owned()));
    let changes = TicketChanges { venue, ..TicketChanges::default() };
    let edited = market.run(market.engine.tickets().edit(&a_seller(), ticket.id, changes, None));
    let venue = Some("Harbour stage".parse().unwrap());
    assert_eq!(edited.unwrap(), TicketView { version: Version::new(1), venue, ..ticket });
}

#[test]
fn an_edit_that_changes_nothing_is_no_version() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket());
    market.storage.take_calls();
    assert_eq!(market.edit(ticket.id, a_new_ticket()).unwrap(), ticket);
    assert_eq!(market.storage.take_calls(), ["listings"], "nothing is written");
}

#[test]
fn held_units_fix_title_price_and_whether_there_is_a_limit() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    market.reserved("buyer", ticket, 3);
    assert_eq!(code(market.edit(ticket, cheaper())), "ticket_reserved");
    let renamed = NewTicket::new("Back row", Money::usd(20_00)).quantity(10);
    assert_eq!(code(market.edit(ticket, renamed)), "ticket_reserved");
    assert_eq!(code(market.edit(ticket, a_new_ticket().max_per_buyer(4))), "ticket_reserved");
    assert_eq!(code(market.edit(ticket, a_new_ticket().quantity(2))), "capacity_too_low");
    let told_more = market.edit(ticket, a_new_ticket().quantity(3).description("Bring a coat"));
    assert_eq!(told_more.unwrap().quantity.get(), 3);
    assert_eq!(market.pool(ticket).available(), 0);
    market.edit(ticket, a_new_ticket().quantity(5)).unwrap();
    market.reserved("another", ticket, 2);
}

#[test]
fn a_limit_that_is_there_may_change_while_units_are_held() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().max_per_buyer(2)).id;
    market.reserved("buyer", ticket, 2);
    assert_eq!(code(market.reserve("buyer", &[(ticket, 1)])), "over_buyer_limit");
    market.edit(ticket, a_new_ticket().max_per_buyer(3)).unwrap();
    market.reserved("buyer", ticket, 1);
    assert_eq!(code(market.edit(ticket, a_new_ticket())), "ticket_reserved", "nor does it go");
}

#[test]
fn a_stale_version_is_refused_and_none_overwrites() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket());
    market.edit(ticket.id, cheaper()).unwrap();
    let dearer = NewTicket::new("Front row", Money::usd(99_00)).quantity(10);
    let tickets = market.engine.tickets();
    let edit = |seen| market.run(tickets.edit(&a_seller(), ticket.id, dearer.clone(), seen));
    assert_eq!(code(edit(Some(ticket.version))), "stale_version");
    assert_eq!(edit(Some(Version::new(1))).unwrap().price, Money::usd(99_00));
    assert_eq!(edit(None).unwrap().version, Version::new(2), "the same again is no change");
}

#[test]
fn a_reservation_that_slips_in_before_an_edit_keeps_its_price() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let (orders, tickets) = (market.engine.orders(), market.engine.tickets());
    let (placed, edited) = market.at_once(
        orders.reserve(a_buyer(), [(ticket, 1)]),
        tickets.edit(&a_seller(), ticket, cheaper(), None),
    );
    assert_eq!(placed.unwrap().total, Money::usd(20_00));
    assert_eq!(code(edited), "ticket_reserved", "its pool refuses what the listing allowed");
    assert_eq!(market.pool(ticket).terms.listing, Version::FIRST);
}

#[test]
fn an_edit_that_slips_in_before_a_reservation_sets_its_price() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let (orders, tickets) = (market.engine.orders(), market.engine.tickets());
    let (edited, placed) = market.at_once(
        tickets.edit(&a_seller(), ticket, cheaper(), None),
        orders.reserve(a_buyer(), [(ticket, 1)]),
    );
    assert_eq!(edited.unwrap().price, Money::usd(15_00));
    let placed = placed.unwrap();
    assert_eq!(placed.total, Money::usd(15_00));
    assert_eq!(placed.lines[0].listing_version, Version::new(1));
}

#[test]
fn two_edits_at_once_are_one_after_the_other() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let tickets = market.engine.tickets();
    let more = a_new_ticket().quantity(20);
    let seller = a_seller();
    let (one, other) = market.at_once(
        tickets.edit(&seller, ticket, cheaper(), None),
        tickets.edit(&seller, ticket, more, None),
    );
    assert_eq!((one.unwrap().version, other.unwrap().version), (Version::new(1), Version::new(2)));
    let last = market.run(tickets.get(ticket)).unwrap().ticket;
    assert_eq!((last.price, last.quantity.get()), (Money::usd(20_00), 20));
}

#[test]
fn a_withdrawn_listing_sells_nothing_more_and_keeps_what_is_sold() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let sold = market.reserved("buyer", ticket, 2);
    assert_eq!(code(market.withdraw(ticket, false)), "ticket_reserved", "units are held");
    market.pay("buyer", sold.id, "tok_visa");
    let withdrawn = market.withdraw(ticket, false).unwrap();
    assert_eq!(withdrawn.status, TicketStatus::Withdrawn);
    assert_eq!(market.claimed(ticket), (0, 2));
    assert_eq!(market.pool(ticket).state, PoolState::Withdrawn { clearing: false });
    assert_eq!(code(market.reserve("another", &[(ticket, 1)])), "not_on_sale");
    assert_eq!(code(market.edit(ticket, cheaper())), "ticket_withdrawn");
    assert_eq!(market.withdraw(ticket, true).unwrap(), withdrawn, "again is no change");
}

#[test]
fn only_the_seller_changes_a_listing() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let tickets = market.engine.tickets();
    let stranger = user("stranger");
    assert_eq!(code(market.run(tickets.edit(&stranger, ticket, cheaper(), None))), "not_owner");
    assert_eq!(code(market.run(tickets.withdraw(&stranger, ticket, true))), "not_owner");
    let unknown = TicketId::from_uuid(uuid::Uuid::nil());
    assert_eq!(code(market.run(tickets.withdraw(&a_seller(), unknown, true))), "not_found");
    assert_eq!(code(market.run(tickets.get(unknown))), "not_found");
}

#[test]
fn a_search_finds_what_can_be_bought_now() {
    let market = Market::new();
    let on_sale = market.list(a_new_ticket()).id;
    let sold_out = market.list(a_new_ticket().quantity(1)).id;
    market.reserved("buyer", sold_out, 1);
    let withdrawn = market.list(a_new_ticket()).id;
    market.withdraw(withdrawn, false).unwrap();
    let later = market.list(a_new_ticket().sale_starts_at(START.plus(HOLD))).id;
    let search = |all| {
        let query = ListingQuery { all, ..ListingQuery::default() };
        let found = market.run(market.engine.tickets().search(&query)).unwrap();
        found.items.into_iter().map(|listing| listing.ticket.id).collect::<Vec<_>>()
    };
    assert_eq!(search(false), [on_sale]);
    assert_eq!(search(true), [later, withdrawn, sold_out, on_sale], "newest first");
    market.pass(HOLD);
    assert_eq!(search(false), [later, on_sale]);
}

#[test]
fn a_stale_listing_means_another_try_never_a_wrong_price() {
    let market = Market::new();
    let other = market.another_engine(Arc::clone(&market.clock));
    let ticket = market.list(a_new_ticket()).id;
    let seen = market.reserved("early", ticket, 1);
    market.run(market.engine.orders().cancel(&user("early"), seen.id)).unwrap();
    let edit = other.tickets();
    market.run(edit.edit(&a_seller(), ticket, cheaper(), None)).unwrap();
    market.storage.take_calls();
    assert_eq!(market.reserved("late", ticket, 1).total, Money::usd(15_00));
    assert_eq!(market.storage.take_calls(), ["commit", "listings", "commit"]);
    assert_eq!(market.claimed(ticket), (1, 0));
}

/// A refusal that follows from a remembered listing would otherwise last for ever.
#[test]
fn nobody_is_refused_for_a_remembered_listing_alone() {
    let market = Market::new();
    let other = market.another_engine(Arc::clone(&market.clock));
    let other = || other.tickets();
    let dollars = market.list(a_new_ticket()).id;
    let euros = market.list(NewTicket::new("Balcony", Money::eur(10_00)).quantity(10)).id;
    let both = [(dollars, 1), (euros, 1)];
    assert_eq!(code(market.reserve("buyer", &both)), "mixed_currencies");
    let in_dollars = NewTicket::new("Balcony", Money::usd(10_00)).quantity(10);
    market.run(other().edit(&a_seller(), euros, in_dollars, None)).unwrap();
    assert_eq!(market.reserve("buyer", &both).unwrap().total, Money::usd(30_00));

    let later = market.list(a_new_ticket().sale_starts_at(START.plus(HOLD))).id;
    assert_eq!(code(market.reserve("buyer", &[(later, 1)])), "sale_not_open");
    market.run(other().edit(&a_seller(), later, a_new_ticket(), None)).unwrap();
    market.reserved("buyer", later, 1);
}

#[test]
fn a_listing_that_is_forgotten_while_another_is_read_is_found_all_the_same() {
    let market = Market::new();
    let remembered = market.list(a_new_ticket()).id;
    market.reserved("buyer", remembered, 1);
    let unknown = market.list(a_new_ticket()).id;
    market.storage.hold_call(Some("listings"));
    let placed = market.run(async {
        let forget = async {
            market.engine.engine.runtime.sleep(SECOND).await;
            market.engine.engine.listings.forget(remembered);
            market.storage.hold_call(None);
        };
        let orders = market.engine.orders();
        let reserve = orders.reserve(a_buyer(), [(remembered, 1), (unknown, 1)]);
        tokio::join!(biased; reserve, forget).0
    });
    assert_eq!(placed.unwrap().lines.len(), 2);
}

#[test]
fn a_crowd_that_comes_for_one_listing_reads_it_once() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(100)).id;
    market.storage.take_calls();
    market.storage.hold_call(Some("listings"));
    let placed = market.run(async {
        let orders = market.engine.orders();
        let crowd = (0..50).map(|number| {
            let buyer = user(&format!("buyer-{number}"));
            orders.reserve(buyer, [(ticket, 1)])
        });
        let go_on = async {
            market.engine.engine.runtime.sleep(SECOND).await;
            market.storage.hold_call(None);
        };
        tokio::join!(biased; futures_util::future::join_all(crowd), go_on).0
    });
    assert!(placed.iter().all(Result::is_ok));
    let reads = market.storage.take_calls().into_iter().filter(|call| *call == "listings");
    assert_eq!(reads.count(), 1);
}
