//! Lists that are read a page at a time: listings by words and seller, orders by buyer.

use std::time::Duration;

use super::samples::units_for_sale;
use super::scene::Scene;
use crate::domain::order::Order;
use crate::domain::ticket::NewTicket;
use crate::ports::{Listing, ListingQuery, OrderDirection};
use crate::testing::builders::{a_buyer, a_seller, user};
use crate::testing::conformance::verdict::{fail, worked};
use crate::values::{Money, Page, PageLimit, TicketId, UserId};

/// Every word that was asked for must begin a word of the title or of the venue, in capitals or
/// not; what looks like a pattern is none.
pub async fn words_are_found_in_title_and_venue(scene: &Scene) {
    let listed = [
        ("Front row", Some("Opera House")),
        ("Back row", Some("opera garden")),
        ("Symphony No. 5", None),
        ("Zoë and friends", Some("House of Blues")),
    ];
    let mut ids = Vec::new();
    for (title, venue) in listed {
        let new = NewTicket::new(title, Money::usd(20_00));
        let new = match venue {
            Some(venue) => new.venue(venue),
            None => new,
        };
        ids.push(scene.list(new).await.ticket.id);
    }
    let questions: [(&[&str], &[usize]); 17] = [
        (&["row"], &[0, 1]),
        (&["ro"], &[0, 1]),
        (&["ow"], &[]),
        (&["FRONT"], &[0]),
        (&["front", "row"], &[0]),
        (&["row", "front"], &[0]),
        (&["front", "back"], &[]),
        (&["row", "opera"], &[0, 1]),
        (&["hou"], &[0, 3]),
        (&["Zoë"], &[3]),
        (&["ZOË"], &[3]),
        (&["zoe"], &[]),
        (&["and-friends"], &[3]),
        (&["5"], &[2]),
        (&["nowhere"], &[]),
        (&["f%w"], &[]),
        (&["r_w"], &[]),
    ];
    for (words, expected) in questions {
        let query = ListingQuery {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            ..ListingQuery::default()
        };
        let found = found(scene, &query).await;
        for (index, id) in ids.iter().enumerate() {
            let wanted = expected.contains(&index);
            assert_eq!(found.contains(id), wanted, "{words:?} in {:?}", listed.get(index));
        }
    }
}

/// Words that no title can have do no harm: they find nothing that lacks them.
pub async fn odd_words_do_no_harm(scene: &Scene) {
    scene.list(NewTicket::new("Front row", Money::usd(20_00))).await;
    let long = "x".repeat(10_000);
    for word in
        ["\0", "x\0", "'", "\"", "\\", "%", "_", "*", "x*", "x:*", "NOT", "(", "🎫", "", &long]
    {
        let words = vec![word.to_owned(), "no".to_owned()];
        let query = ListingQuery { words, ..ListingQuery::default() };
        assert_eq!(found(scene, &query).await, [], "{word:?}");
    }
    let words = vec!["row".to_owned(); 200];
    let query = ListingQuery { words, ..ListingQuery::default() };
    assert_eq!(found(scene, &query).await.len(), 1, "the same word many times");
}

/// What an edit takes out of a title is no longer found, and what it puts in is.
pub async fn an_edited_listing_is_found_by_its_new_words(scene: &Scene) {
    let listing = scene.list(NewTicket::new("Old title", Money::usd(20_00))).await;
    let terms = NewTicket::new("New name", Money::usd(20_00));
    scene.apply(scene.make().await.edit(&listing, terms)).await;
    for (word, there) in [("old", false), ("title", false), ("new", true), ("name", true)] {
        let words = vec![word.to_owned()];
        let query = ListingQuery { words, ..ListingQuery::default() };
        assert_eq!(found(scene, &query).await.len(), usize::from(there), "{word}");
    }
}

/// One seller's listings, and with words those of them that match.
pub async fn a_seller_has_a_list(scene: &Scene) {
    let mut of_one = Vec::new();
    for number in 0..4 {
        for seller in ["one", "One"] {
            let make = scene.make_aged(8 - number).await;
            let planned = make.list(&user(seller), NewTicket::new("Row", Money::usd(1)));
            let listed = scene.apply(planned).await;
            if seller == "one" {
                of_one.insert(0, listed.ticket.id);
            }
        }
    }
    let seller = Some(user("one"));
    let query = ListingQuery { seller, ..ListingQuery::default() };
    assert_eq!(found(scene, &query).await, of_one, "newest first");
    let words = vec!["row".to_owned()];
    assert_eq!(found(scene, &ListingQuery { words, ..query.clone() }).await, of_one);
    let words = vec!["seat".to_owned()];
    assert_eq!(found(scene, &ListingQuery { words, ..query }).await, []);
}

/// What can't be bought now is listed only when all is asked for: withdrawn, sold out, held, its
/// sale not open yet or over.
pub async fn what_cannot_be_bought_is_left_out(scene: &Scene) {
    let now = scene.now().await;
    let hour = Duration::from_hours(1);
    let one = || NewTicket::new("Row", Money::usd(20_00));
    let buyable = scene.list(one()).await;
    let sale = one().sale_starts_at(now.minus(hour)).sale_ends_at(now.plus(hour));
    let open = scene.list(sale).await;
    let later = scene.list(one().sale_starts_at(now.plus(hour))).await;
    let over = scene.list(one().sale_ends_at(now.minus(hour))).await;
    let withdrawn = scene.list(one()).await;
    scene.apply(scene.make().await.withdraw(&withdrawn, false)).await;
    let sold = scene.list(one()).await;
    scene.sell(&a_buyer(), &[(&sold.ticket, 1)]).await;
    let held = scene.list(one()).await;
    let order = scene.reserve(&a_buyer(), &[(&held.ticket, 1)]).await;

    let expected = [&buyable, &open].map(|listing| listing.ticket.id);
    assert_same(found(scene, &ListingQuery::default()).await, expected.to_vec());
    let all = [&buyable, &open, &later, &over, &withdrawn, &sold, &held];
    let query = ListingQuery { all: true, ..ListingQuery::default() };
    let expected = all.map(|listing| listing.ticket.id);
    assert_same(found(scene, &query).await, expected.to_vec());
    scene.cancel(&order).await;
    let again = found(scene, &ListingQuery::default()).await;
    assert!(again.contains(&held.ticket.id), "what was released can be bought again");
}

/// Page by page, newest first, whatever the order of ids: what is listed meanwhile neither
/// repeats nor hides anything, and the last page says that it is.
pub async fn pages_of_listings_are_stable(scene: &Scene) {
    let mut expected = Vec::new();
    for steps in (0..12).rev() {
        let make = scene.make_aged(steps).await;
        let listed = scene.apply(make.list(&a_seller(), units_for_sale(1))).await;
        expected.insert(0, listed.ticket.id);
    }
    for limit in [1, 4, 5, 12, 100] {
        let mut query = ListingQuery { page: page(limit), ..ListingQuery::default() };
        query.seller = Some(a_seller());
        let mut seen = Vec::new();
        for round in 0.. {
            assert!(round < 13, "the pages never come to an end");
            let paged = worked(scene.storage().search(&query).await, "search");
            assert!(paged.items.len() <= query.page.limit.get(), "a page keeps to its limit");
            seen.extend(paged.items.iter().map(|listing| listing.ticket.id));
            let at_the_end = seen.len() == expected.len();
            assert_eq!(paged.next.is_none(), at_the_end, "only the last page is the last");
            query.page.after = paged.next;
            if paged.next.is_none() {
                break;
            }
            let newer = scene.make().await.list(&user("newcomer"), units_for_sale(1));
            scene.apply(newer).await;
        }
        assert_eq!(seen, expected, "{limit} a page");
    }
}

/// The listing at which a page ended may vanish from the list: reading on goes on after it.
pub async fn a_cursor_outlives_its_listing(scene: &Scene) {
    let mut listings: Vec<Listing> = Vec::new();
    for steps in (0..9).rev() {
        let make = scene.make_aged(steps).await;
        listings.insert(0, scene.apply(make.list(&a_seller(), units_for_sale(1))).await);
    }
    let mut query = ListingQuery { page: page(3), ..ListingQuery::default() };
    let mut seen = Vec::new();
    for _ in 0..3 {
        let paged = worked(scene.storage().search(&query).await, "search");
        seen.extend(paged.items.iter().map(|listing| listing.ticket.id));
        query.page.after = paged.next;
        for listing in paged.items {
            scene.reserve(&a_buyer(), &[(&listing.ticket, 1)]).await;
        }
    }
    let expected: Vec<TicketId> = listings.iter().map(|listing| listing.ticket.id).collect();
    assert_eq!((seen, query.page.after), (expected, None));
}

/// A buyer's orders by age, from either end, page by page, whatever the order of ids; none of
/// another buyer's.
pub async fn pages_of_orders_are_stable(scene: &Scene) {
    let ticket = scene.list(units_for_sale(1000)).await.ticket;
    let buyer = user("buyer");
    let mut orders: Vec<Order> = Vec::new();
    for steps in (0..12).rev() {
        let make = scene.make_aged(steps).await;
        orders.push(scene.apply(make.reserve(&buyer, &[(&ticket, 1)])).await);
        scene.reserve(&user("Buyer"), &[(&ticket, 1)]).await;
    }
    let oldest_first = |buyer, limit| pages(scene, buyer, OrderDirection::OldestFirst, limit);
    let newest_first = |buyer, limit| pages(scene, buyer, OrderDirection::NewestFirst, limit);
    for limit in [1, 4, 5, 12, 100] {
        assert_eq!(oldest_first(&buyer, limit).await, orders, "oldest first, {limit} a page");
        let mut backwards = orders.clone();
        backwards.reverse();
        assert_eq!(newest_first(&buyer, limit).await, backwards, "newest first, {limit} a page");
    }
    let cancelled = found_in(&orders, 5);
    let cancelled = scene.cancel(cancelled).await;
    let listed = oldest_first(&buyer, 4).await;
    assert!(listed.contains(&cancelled), "whatever its state");
    assert_eq!(listed.len(), orders.len());
}

fn found_in(orders: &[Order], index: usize) -> &Order {
    match orders.get(index) {
        Some(order) => order,
        None => fail("an order"),
    }
}

async fn pages(scene: &Scene, buyer: &UserId, direction: OrderDirection, limit: u32) -> Vec<Order> {
    let mut page = page(limit);
    let mut orders: Vec<Order> = Vec::new();
    for _ in 0..100 {
        let listed = scene.storage().orders_of(buyer, direction, page).await;
        let listed = worked(listed, "orders_of");
        assert!(listed.items.len() <= page.limit.get(), "a page keeps to its limit");
        assert!(!listed.items.is_empty(), "only the last page is the last");
        orders.extend(listed.items);
        page.after = listed.next;
        if listed.next.is_none() {
            return orders;
        }
    }
    fail("the pages never come to an end")
}

fn page(limit: u32) -> Page {
    Page { after: None, limit: worked(PageLimit::new(limit), "a page limit") }
}

async fn found(scene: &Scene, query: &ListingQuery) -> Vec<TicketId> {
    let paged = worked(scene.storage().search(query).await, "search");
    assert_eq!(paged.next, None, "all of it fits one page");
    paged.items.iter().map(|listing| listing.ticket.id).collect()
}

fn assert_same(mut found: Vec<TicketId>, mut expected: Vec<TicketId>) {
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
