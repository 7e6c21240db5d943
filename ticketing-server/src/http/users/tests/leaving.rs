//! The end of an account, and what is known of it before.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use ticketing_core::values::{OrderId, UserId};

use super::world::{Answer, Browser, PASSWORD, World};

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
    assert_eq!(export["complete"], true);
    assert!(!export.to_string().contains(PASSWORD));
    world.end().await;
}
