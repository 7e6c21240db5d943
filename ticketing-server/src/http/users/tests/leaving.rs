//! The end of an account, and what is known of it before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use ticketing_core::domain::view::OrderStatus;
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::ports::TokioRuntime;
use ticketing_core::testing::{FaultKind, Faults, FaultyStorage, Operation};
use ticketing_core::values::{Money, OrderId, UserId};
use ticketing_core::{Duties, NewTicket, PaymentMethod, Ticketing};
use tokio::runtime::Handle;

use super::world::{Answer, Browser, PASSWORD, World, send};
use crate::auth::{AccountStore as _, AuthConfig};

async fn delete(world: &World, browser: &mut Browser, password: &str) -> Answer {
    let body = Some(json!({ "password": password }));
    world.send(browser, Method::DELETE, "/api/users/me", body).await
}

async fn listed(world: &World, seller: &mut Browser, quantity: u32) -> String {
    let body = json!({ "title": "Front row", "price": 20, "quantity": quantity });
    let answer = world.post(seller, "/api/tickets", body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn reserved(world: &World, buyer: &mut Browser, ticket: &str) -> String {
    let answer = world.post(buyer, "/api/orders", json!({ "ticketId": ticket })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn user(world: &World, browser: &Browser) -> UserId {
    UserId::new(world.current(browser).await["id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn leaving_takes_listings_off_sale_and_cancels_orders() {
    let world = World::new().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let (hers, his) = (listed(&world, &mut ada, 2).await, listed(&world, &mut ben, 1).await);
    let unpaid = reserved(&world, &mut ada, &his).await;
    reserved(&world, &mut ben, &hers).await;
    let id = user(&world, &ada).await;

    let refused = delete(&world, &mut ada, "wrong-one").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "invalid_credentials"));
    let other = world.signed_in("ada@example.org").await;
    let copy = ada.clone();
    let answer = delete(&world, &mut ada, PASSWORD).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(ada.cookie, None);
    for browser in [&copy, &other] {
        assert_eq!(world.current(browser).await, Value::Null);
    }

    let ticket = world.get(&mut ben, &format!("/api/tickets/{hers}")).await;
    assert_eq!(ticket.body["status"], "withdrawn");
    let order: OrderId = unpaid.parse().unwrap();
    let order = world.engine.orders().get(&id, order).await.unwrap();
    assert_eq!(json!(order.status), json!("cancelled"));
    // His ticket can be bought again, and her address is free.
    reserved(&world, &mut ben, &his).await;
    let again = world.signed_up("ada@example.org").await;
    assert_ne!(user(&world, &again).await, id);
    world.end().await;
}

#[tokio::test]
async fn nobody_leaves_in_the_middle_of_a_payment() {
    let world = World::new().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let (hers, his) = (listed(&world, &mut ada, 1).await, listed(&world, &mut ben, 1).await);
    let order: OrderId = reserved(&world, &mut ada, &his).await.parse().unwrap();
    let id = user(&world, &ada).await;
    drop(world.engine.payments().open(&id, order).await.unwrap());

    let refused = delete(&world, &mut ada, PASSWORD).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "payment_running"));
    assert_eq!(user(&world, &ada).await, id);
    let ticket = world.get(&mut ben, &format!("/api/tickets/{hers}")).await;
    assert_eq!(ticket.body["status"], "on_sale");
    world.end().await;
}

#[tokio::test]
async fn more_listings_than_a_page_has_go_off_sale() {
    let world = World::new().await;
    let mut ada = world.signed_up("ada@example.org").await;
    for _ in 0..101 {
        listed(&world, &mut ada, 1).await;
    }
    let on_sale = world.get(&mut Browser::default(), "/api/tickets").await.body;
    assert_eq!(on_sale.as_array().unwrap().len(), 100);
    assert_eq!(delete(&world, &mut ada, PASSWORD).await.status, StatusCode::NO_CONTENT);
    let on_sale = world.get(&mut Browser::default(), "/api/tickets").await.body;
    assert_eq!(on_sale, json!([]));
    world.end().await;
}

/// Accounts over a storage that fails when it is told to. Nothing runs in the engine's background, so
/// that no call but those of the accounts meets a fault.
async fn world_with_faults() -> (World, Faults) {
    let faults = Faults::new(1, Arc::new(TokioRuntime::current().unwrap()));
    let storage = FaultyStorage::new(Arc::new(MemoryStorage::new()), &faults);
    let engine = Ticketing::builder().storage(storage).gateway(MemoryGateway::new());
    let engine = engine.duties(Duties::NONE).start().await.unwrap();
    (World::over(engine, look_when_told).await, faults)
}

/// Departures are looked for when a test says so, however long it takes.
fn look_when_told(config: &mut AuthConfig) {
    config.departures_every = Duration::from_hours(1);
}

async fn on_sale(world: &World) -> usize {
    let listed = world.get(&mut Browser::default(), "/api/tickets").await.body;
    listed.as_array().unwrap().len()
}

async fn departures(world: &World) -> usize {
    world.store.departures(None).await.unwrap().len()
}

/// Waits for what the background does in its own time.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came to be so");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_is_kept_until_its_business_is_closed() {
    let (world, faults) = world_with_faults().await;
    let mut ada = world.signed_up("ada@example.org").await;
    for _ in 0..3 {
        listed(&world, &mut ada, 1).await;
    }
    faults.nth(Operation::Commit, 2, FaultKind::Before);
    let failed = delete(&world, &mut ada.clone(), PASSWORD).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{failed:?}");
    assert_eq!(on_sale(&world).await, 2);
    assert_ne!(world.current(&ada).await, Value::Null);
    assert_eq!(departures(&world).await, 0);
    assert_eq!(delete(&world, &mut ada, PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!((on_sale(&world).await, departures(&world).await), (0, 1));
    world.end().await;
}

/// An order of somebody who has left: another session began it before it heard of that.
async fn begun_meanwhile(world: &World, user: &UserId, ticket: &str) -> OrderId {
    let ticket = ticket.parse().unwrap();
    world.engine.orders().reserve(user.clone(), [(ticket, 1)]).await.unwrap().id
}

async fn status(world: &World, user: &UserId, order: OrderId) -> OrderStatus {
    world.engine.orders().get(user, order).await.unwrap().status
}

#[tokio::test]
async fn what_another_session_began_meanwhile_ends_after_a_restart_too() {
    let world = World::with(look_when_told).await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let his = listed(&world, &mut ben, 1).await;
    let id = user(&world, &ada).await;
    assert_eq!(delete(&world, &mut ada, PASSWORD).await.status, StatusCode::NO_CONTENT);
    let order = begun_meanwhile(&world, &id, &his).await;
    assert_eq!(status(&world, &id, order).await, OrderStatus::Created);

    let world = world.begun_again().await;
    until(async || status(&world, &id, order).await == OrderStatus::Cancelled).await;
    // It may not be the last.
    assert_eq!(departures(&world).await, 1);
    reserved(&world, &mut ben, &his).await;
    world.end().await;
}

#[tokio::test]
async fn a_departure_stays_while_the_storage_fails_and_ends_after() {
    let (world, faults) = world_with_faults().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let his = listed(&world, &mut ben, 1).await;
    let id = user(&world, &ada).await;
    // Only the look after the removal fails: nobody is told, and it is not forgotten.
    faults.nth(Operation::OrdersOf, 3, FaultKind::Before);
    assert_eq!(delete(&world, &mut ada, PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(faults.total_injected(), 1);
    let order = begun_meanwhile(&world, &id, &his).await;
    world.clock.advance(Duration::from_mins(1));

    faults.next(Operation::Commit, FaultKind::Before);
    world.accounts.look_after_departures().await;
    assert_eq!(status(&world, &id, order).await, OrderStatus::Created);
    assert_eq!(departures(&world).await, 1);

    world.accounts.look_after_departures().await;
    assert_eq!(status(&world, &id, order).await, OrderStatus::Cancelled);
    assert_eq!(departures(&world).await, 0, "nothing is left");
    world.end().await;
}

#[tokio::test]
async fn a_departure_stays_until_every_server_has_heard_of_it() {
    let world = World::with(look_when_told).await;
    let mut ada = world.signed_up("ada@example.org").await;
    assert_eq!(delete(&world, &mut ada, PASSWORD).await.status, StatusCode::NO_CONTENT);
    world.clock.advance(Duration::from_secs(29));
    world.accounts.look_after_departures().await;
    assert_eq!(departures(&world).await, 1);
    world.clock.advance(Duration::from_secs(1));
    world.accounts.look_after_departures().await;
    assert_eq!(departures(&world).await, 0);
    world.end().await;
}

#[tokio::test]
async fn a_payment_that_began_meanwhile_comes_to_its_own_end_first() {
    let world = World::with(look_when_told).await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let (his, other) = (listed(&world, &mut ben, 1).await, listed(&world, &mut ben, 1).await);
    let id = user(&world, &ada).await;
    assert_eq!(delete(&world, &mut ada, PASSWORD).await.status, StatusCode::NO_CONTENT);
    let paid = begun_meanwhile(&world, &id, &his).await;
    drop(world.engine.payments().open(&id, paid).await.unwrap());
    let unpaid = begun_meanwhile(&world, &id, &other).await;
    world.clock.advance(Duration::from_mins(1));
    world.accounts.look_after_departures().await;
    assert_eq!(status(&world, &id, paid).await, OrderStatus::AwaitingPayment);
    assert_eq!(status(&world, &id, unpaid).await, OrderStatus::Cancelled, "it holds up no other");
    assert_eq!(departures(&world).await, 1);
    world.end().await;
}

#[tokio::test]
async fn an_order_that_can_not_be_cancelled_keeps_nothing_on_sale() {
    let (world, faults) = world_with_faults().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let his = listed(&world, &mut ben, 3).await;
    let id = user(&world, &ada).await;
    assert_eq!(delete(&world, &mut ada, PASSWORD).await.status, StatusCode::NO_CONTENT);
    let mut orders = Vec::new();
    for _ in 0..2 {
        orders.push(begun_meanwhile(&world, &id, &his).await);
    }
    let new = NewTicket::new("Front row", Money::usd(20_00));
    world.engine.tickets().list_for_sale(id.clone(), new).await.unwrap();
    assert_eq!(on_sale(&world).await, 2);

    faults.next(Operation::Commit, FaultKind::Before);
    world.accounts.look_after_departures().await;
    let mut left = 0;
    for order in orders {
        left += usize::from(status(&world, &id, order).await == OrderStatus::Created);
    }
    assert_eq!(left, 1, "one failed, and holds up no other");
    assert_eq!(on_sale(&world).await, 1, "only his");
    assert_eq!(departures(&world).await, 1);
    world.end().await;
}

/// Begins a payment just before the orders of somebody are read for so many times.
fn pays_before_reading(world: &World, faults: &Faults, buyer: UserId, order: OrderId, nth: usize) {
    let (engine, reads) = (world.engine.clone(), AtomicUsize::new(0));
    faults.observe(move |call| {
        let is_read = call.operation == Operation::OrdersOf;
        if is_read && reads.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            let paying = async { engine.payments().open(&buyer, order).await };
            tokio::task::block_in_place(|| drop(Handle::current().block_on(paying).unwrap()));
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stays_for_a_payment_that_just_began_keeps_what_is_on_sale() {
    let (world, faults) = world_with_faults().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let (hers, his) = (listed(&world, &mut ada, 1).await, listed(&world, &mut ben, 1).await);
    let order: OrderId = reserved(&world, &mut ada, &his).await.parse().unwrap();
    let id = user(&world, &ada).await;
    // The first time is the look for payments, the second is for what to cancel.
    pays_before_reading(&world, &faults, id.clone(), order, 2);

    let refused = delete(&world, &mut ada, PASSWORD).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "payment_running"));
    assert_eq!(status(&world, &id, order).await, OrderStatus::AwaitingPayment);
    assert_eq!(user(&world, &ada).await, id);
    let ticket = world.get(&mut ben, &format!("/api/tickets/{hers}")).await;
    assert_eq!(ticket.body["status"], "on_sale");
    world.end().await;
}

#[tokio::test]
async fn an_export_has_everything_and_nothing_of_others() {
    let world = World::new().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let (hers, his) = (listed(&world, &mut ada, 2).await, listed(&world, &mut ben, 1).await);
    let order = reserved(&world, &mut ada, &his).await;
    reserved(&world, &mut ben, &hers).await;

    let answer = world.get(&mut ada, "/api/users/export").await;
    assert_eq!(answer.status, StatusCode::OK);
    let export = answer.body;
    assert_eq!(export["account"]["id"].as_str(), Some(user(&world, &ada).await.as_str()));
    assert_eq!(export["account"]["email"], "ada@example.org");
    assert_eq!(export["account"]["createdAt"], "2023-11-14T22:13:20.000Z");
    let ids = |kind: &str| {
        let items = export[kind].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((ids("listings"), ids("orders")), (vec![hers], vec![order]));
    assert_eq!(ids("sessions").len(), 1);
    assert_eq!(export["payments"], json!([]), "nobody has paid yet");
    assert_eq!(export["complete"], true);
    assert!(!export.to_string().contains(PASSWORD));
    world.end().await;
}

#[tokio::test]
async fn an_export_has_the_attempts_to_pay_and_no_card() {
    let world = World::new().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let mut ben = world.signed_up("ben@example.org").await;
    let ticket = listed(&world, &mut ben, 2).await;
    let order = reserved(&world, &mut ada, &ticket).await;
    for card in ["tok_chargeDeclined", "tok_visa"] {
        let paid = world.engine.payments();
        let (ada, order) = (user(&world, &ada).await, order.parse().unwrap());
        drop(paid.pay(&ada, order, PaymentMethod::card_token(card)).await.unwrap());
    }
    let others = reserved(&world, &mut ben, &ticket).await.parse().unwrap();
    drop(world.engine.payments().open(&user(&world, &ben).await, others).await.unwrap());

    let export = world.get(&mut ada, "/api/users/export").await.body;
    let payments = export["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 2, "{export}");
    for payment in payments {
        assert_eq!(payment["orderId"], order.as_str());
        assert_eq!((&payment["amount"], &payment["currency"]), (&json!(20), &json!("USD")));
        assert!(payment["gatewayId"].is_string() && payment["createdAt"].is_string(), "{payment}");
    }
    assert!(["declined", "voided"].contains(&payments[0]["status"].as_str().unwrap()));
    assert!(["authorized", "captured"].contains(&payments[1]["status"].as_str().unwrap()));
    assert!(!export.to_string().contains("tok_"), "{export}");
    world.end().await;
}

#[tokio::test]
async fn two_exports_are_made_at_a_time() {
    const EXPORT: &str = "/api/users/export";
    let (world, faults) = world_with_faults().await;
    let mut ada = world.signed_up("ada@example.org").await;
    let begun = [1, 2].map(|nth| {
        // The storage never answers.
        faults.nth(Operation::Search, nth, FaultKind::CrashBefore);
        let (router, request) = (world.router.clone(), ada.request(Method::GET, EXPORT, None));
        tokio::spawn(async move { send(&router, request).await })
    });
    until(async || faults.calls_of(Operation::Search) == 2).await;
    let refused = world.get(&mut ada, EXPORT).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    for export in begun {
        export.abort();
        assert!(export.await.unwrap_err().is_cancelled());
        assert_eq!(world.get(&mut ada, EXPORT).await.status, StatusCode::OK);
    }
    world.end().await;
}
