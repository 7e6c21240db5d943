//! A page that reads too slowly for what happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::values::{Money, UserId};
use ticketing_core::{Duties, NewTicket};

use super::*;

/// More than the refresh of any page in these tests.
const NEVER: Duration = Duration::from_hours(1);

struct Fixture {
    engine: Ticketing,
    seller: UserId,
    told: broadcast::Sender<Changes>,
    page: WatchedTickets,
}

impl Fixture {
    /// A page of the newest tickets that falls behind after one message, and never reads again of
    /// itself.
    async fn new() -> Self {
        let engine = Ticketing::builder().storage(MemoryStorage::new());
        let engine = engine.gateway(MemoryGateway::new()).duties(Duties::NONE);
        let engine = engine.start().await.unwrap();
        let (told, changes) = broadcast::channel(1);
        let places = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
        let page = WatchedTickets {
            engine: engine.clone(),
            shows_newest: true,
            told: BTreeMap::new(),
            has_told: false,
            changes,
            refresh: tokio::time::interval(NEVER),
            closing: CancellationToken::new(),
            _place: places.try_acquire_owned().unwrap(),
        };
        Self { engine, seller: UserId::new("ada").unwrap(), told, page }
    }

    async fn lists(&self, title: &str) -> TicketId {
        let new = NewTicket::new(title, Money::usd(5_00)).quantity(5);
        self.engine.tickets().list_for_sale(self.seller.clone(), new).await.unwrap().id
    }

    /// One unit is held, and pages are told.
    async fn sells(&self, ticket: TicketId) {
        let buyer = UserId::new("ben").unwrap();
        self.engine.orders().reserve(buyer, [(ticket, 1)]).await.unwrap();
        let listing = self.engine.tickets().get(ticket).await.unwrap();
        self.told.send([listing.inventory].into()).unwrap();
    }

    async fn shown(&mut self) -> BTreeMap<String, Value> {
        let event = self.page.next().await.expect("the stream goes on");
        let events = futures_util::stream::iter([Ok::<_, Infallible>(event)]);
        let written = Sse::new(events).into_response().into_body().collect().await.unwrap();
        let written = String::from_utf8(written.to_bytes().to_vec()).unwrap();
        let data = written.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let units: Vec<Value> = serde_json::from_str(data).unwrap();
        let named = units.into_iter().map(|it| (it["id"].as_str().unwrap().to_owned(), it));
        named.collect()
    }
}

#[tokio::test]
async fn a_page_that_fell_behind_is_shown_everything_again() {
    let mut fixture = Fixture::new().await;
    let (one, other) = (fixture.lists("One").await, fixture.lists("Other").await);
    let first = fixture.shown().await;
    assert_eq!(first[&one.to_string()]["held"], json!(0));
    assert_eq!(first.len(), 2);
    // Only the last of these is still there when the page looks.
    fixture.sells(one).await;
    fixture.sells(other).await;
    fixture.sells(other).await;
    let shown = fixture.shown().await;
    assert_eq!(shown[&one.to_string()]["held"], json!(1), "what it missed: {shown:?}");
    assert_eq!(shown[&other.to_string()]["held"], json!(2));
}

#[tokio::test]
async fn what_a_page_knows_it_is_not_told_again() {
    let mut fixture = Fixture::new().await;
    let (one, other) = (fixture.lists("One").await, fixture.lists("Other").await);
    fixture.shown().await;
    fixture.sells(one).await;
    assert_eq!(fixture.shown().await.keys().collect::<Vec<_>>(), [&one.to_string()]);
    let before = fixture.engine.tickets().get(one).await.unwrap().inventory;
    fixture.told.send([before].into()).unwrap();
    assert_eq!(fixture.page.changes.len(), 1);
    let late = fixture.page.next();
    let silent = tokio::time::timeout(Duration::from_millis(50), late).await;
    assert!(silent.is_err(), "{silent:?}");
    fixture.sells(other).await;
    assert_eq!(fixture.shown().await.keys().collect::<Vec<_>>(), [&other.to_string()]);
}
