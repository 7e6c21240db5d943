//! Lists by id, by owner and by words.

use super::*;
use crate::domain::order::Order;
use crate::domain::payment::ConfirmedBy;
use crate::domain::ticket::NewTicket;
use crate::ports::{ListingQuery, OrderDirection, PortErrorKind};
use crate::testing::builders::{a_buyer, a_new_ticket, user};
use crate::values::{Money, OrderId, Page, PageLimit, PaymentId, TicketId};

fn page(limit: u32) -> Page {
    Page { after: None, limit: PageLimit::new(limit).unwrap() }
}

async fn titles(world: &World, query: ListingQuery) -> Vec<String> {
    let found = world.storage.search(&query).await.unwrap();
    let titles = found.items.iter().map(|it| it.ticket.terms.title.to_string());
    titles.collect()
}

#[tokio::test]
async fn words_are_beginnings_of_words_in_any_case() {
    let world = World::new();
    let listed =
        [("Élan Vital", "Grand-Place"), ("The Elandor Trio", "Le Vital"), ("AC/DC", "Arena 7")];
    for (title, venue) in listed {
        let new = NewTicket::new(title, Money::usd(1)).venue(venue);
        world.list(new).await;
    }
    let wanted: [(&[&str], &[&str]); 9] = [
        (&[], &["AC/DC", "The Elandor Trio", "Élan Vital"]),
        (&["ÉLAN"], &["Élan Vital"]),
        (&["elan"], &["The Elandor Trio"]),
        (&["vit"], &["The Elandor Trio", "Élan Vital"]),
        (&["vit", "place"], &["Élan Vital"]),
        (&["ital"], &[]),
        (&["ac/dc", "7"], &["AC/DC"]),
        (&["dc"], &["AC/DC"]),
        (&["/", " "], &["AC/DC", "The Elandor Trio", "Élan Vital"]),
    ];
    for (words, expected) in wanted {
        let query = ListingQuery {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            ..ListingQuery::default()
        };
        assert_eq!(titles(&world, query).await, expected, "{words:?}");
    }
}

#[tokio::test]
async fn listings_that_can_not_be_bought_are_left_out_unless_asked_for() {
    let world = World::new();
    let named = |title| NewTicket::new(title, Money::usd(1));
    let held = world.list(named("held")).await;
    let withdrawn = world.list(named("withdrawn")).await;
    world.list(named("later").sale_starts_at(START.plus(MINUTE))).await;
    world.list(named("over").sale_ends_at(START.plus(SECOND))).await;
    world.list(named("free")).await;
    let order = world.make.reserve(&a_buyer(), &[(&held.ticket, 1)]);
    world.commit(order.batch).await.unwrap();
    let withdrawal = world.make.withdraw(&withdrawn, false).batch;
    world.commit(withdrawal).await.unwrap();
    world.clock.advance(SECOND);
    assert_eq!(titles(&world, ListingQuery::default()).await, ["free"]);
    world.clock.set(START.plus(MINUTE));
    let all = ListingQuery { all: true, ..ListingQuery::default() };
    assert_eq!(titles(&world, ListingQuery::default()).await, ["free", "later"]);
    assert_eq!(titles(&world, all.clone()).await.len(), 5);
    let others = ListingQuery { seller: Some(user("somebody else")), ..all };
    assert!(titles(&world, others).await.is_empty());
}

#[tokio::test]
async fn pages_of_listings_end_where_the_list_does() {
    let world = World::new();
    for number in 0..4 {
        let new = NewTicket::new(format!("{number}"), Money::usd(1));
        world.list(new).await;
    }
    let mut query = ListingQuery { page: page(2), ..ListingQuery::default() };
    let mut pages = Vec::new();
    loop {
        let found = world.storage.search(&query).await.unwrap();
        pages.push(found.items.len());
        query.page.after = found.next;
        if found.next.is_none() {
            break;
        }
    }
    // The second page is full and the last: nobody is sent to an empty third.
    assert_eq!(pages, [2, 2]);
}

#[tokio::test]
async fn a_ticket_without_its_pool_is_corrupt() {
    let world = World::new();
    let listing = world.list(a_new_ticket()).await;
    let missing = TicketId::from_uuid(world.id());
    let ids = [missing, listing.ticket.id, listing.ticket.id];
    let found = world.storage.listings(&ids).await.unwrap();
    assert_eq!(found, [listing.clone(), listing.clone()]);
    world.storage.tables().pools.clear();
    let asked = [
        world.storage.listings(&ids).await.unwrap_err(),
        world.storage.search(&ListingQuery::default()).await.unwrap_err(),
    ];
    for error in asked {
        assert!(matches!(error.kind(), PortErrorKind::Corrupt { .. }));
    }
}

#[tokio::test]
async fn orders_of_a_buyer_run_either_way_page_by_page() {
    let world = World::new();
    let listing = world.list(a_new_ticket()).await;
    let mut placed = Vec::new();
    for number in [0, 1, 0, 1, 0] {
        let order = world.make.reserve(&buyer(number), &[(&listing.ticket, 1)]);
        world.commit(order.batch).await.unwrap();
        placed.push(order.next);
    }
    let ids =
        |orders: Vec<Order>| -> Vec<OrderId> { orders.into_iter().map(|order| order.id).collect() };
    let (ann, stranger) = (buyer(0), buyer(9));
    let mut expected = ids(placed.into_iter().step_by(2).collect());
    for direction in [OrderDirection::OldestFirst, OrderDirection::NewestFirst] {
        let of = |page| world.storage.orders_of(&ann, direction, page);
        let first = of(page(2)).await.unwrap();
        let after = first.next;
        assert!(after.is_some());
        let second = of(Page { after, ..page(2) }).await.unwrap();
        assert_eq!(second.next, None);
        let both = [ids(first.items), ids(second.items)].concat();
        assert_eq!(both, expected);
        expected.reverse();
    }
    let stranger = world.storage.orders_of(&stranger, OrderDirection::OldestFirst, page(1));
    assert!(stranger.await.unwrap().items.is_empty());
}

#[tokio::test]
async fn attempts_at_an_order_come_oldest_first() {
    let world = World::new();
    let listing = world.list(a_new_ticket()).await;
    let order = world.make.reserve(&a_buyer(), &[(&listing.ticket, 1)]);
    world.commit(order.batch).await.unwrap();
    let mut order = order.next;
    let mut started: Vec<PaymentId> = Vec::new();
    for _ in 0..3 {
        world.clock.advance(SECOND);
        let attempt = world.make.start_payment(&order, ConfirmedBy::Server);
        world.commit(attempt.batch).await.unwrap();
        let ended = world.make.gone(&attempt.next);
        world.commit(ended.batch).await.unwrap();
        started.push(ended.next.payment.id);
        order = ended.next.order;
    }
    let attempts = world.storage.payments_of(order.id).await.unwrap();
    let found: Vec<PaymentId> = attempts.iter().map(|attempt| attempt.id).collect();
    assert_eq!(found, started);
}
