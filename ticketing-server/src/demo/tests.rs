//! The catalogue over the engine.

use ticketing_core::memory::{MemoryGateway, MemoryStorage};

use super::*;

async fn engine() -> Ticketing {
    let builder = Ticketing::builder().storage(MemoryStorage::new());
    builder.gateway(MemoryGateway::new()).start().await.unwrap()
}

async fn listed(engine: &Ticketing, all: bool) -> usize {
    let query = ListingQuery { all, ..ListingQuery::default() };
    engine.tickets().search(&query).await.unwrap().items.len()
}

#[tokio::test]
async fn an_empty_store_is_filled_once() {
    let engine = engine().await;
    let made = fill(&engine).await.unwrap();
    assert!(made >= 30, "{made}");
    assert_eq!(listed(&engine, true).await, made);
    assert!(listed(&engine, false).await >= 30, "most can be bought now");
    assert_eq!(fill(&engine).await.unwrap(), 0);
    assert_eq!(listed(&engine, true).await, made);
}

#[tokio::test]
async fn a_store_with_listings_is_left_alone() {
    let engine = engine().await;
    let seller = UserId::new("seller").unwrap();
    let new = NewTicket::new("Front row", Money::usd(20_00));
    let ticket = engine.tickets().list_for_sale(seller.clone(), new).await.unwrap();
    engine.tickets().withdraw(&seller, ticket.id, false).await.unwrap();
    assert_eq!(fill(&engine).await.unwrap(), 0);
}

#[test]
fn the_catalogue_is_varied() {
    let has = |wanted: fn(&Show) -> bool| CATALOGUE.iter().any(wanted);
    assert!(has(|show| show.units == 1) && has(|show| show.units == 5_000));
    assert!(has(|show| show.per_buyer.is_some()) && has(|show| show.opens_in_days.is_some()));
    assert!(has(|show| show.currency == "USD") && has(|show| show.currency == "EUR"));
    let sellers: std::collections::BTreeSet<&str> = CATALOGUE.iter().map(|it| it.seller).collect();
    assert_eq!(sellers.len(), 4);
}
