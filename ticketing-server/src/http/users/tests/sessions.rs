//! Where one is signed in, in one server and in two.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Browser, World, router, send};
use crate::auth::testing::{CheapHasher, FlakyStore};
use crate::auth::{Accounts, AuthConfig, SqliteAccounts};

async fn delete(world: &World, browser: &mut Browser, path: &str) -> super::world::Answer {
    world.send(browser, Method::DELETE, path, None).await
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let world = World::new().await;
    let mut first = world.signed_up("ada@example.org").await;
    world.clock.advance(Duration::from_mins(1));
    let second = world.signed_in("ada@example.org").await;
    let bens = world.signed_up("ben@example.org").await;

    let listed = world.get(&mut first, "/api/users/sessions").await.body;
    let listed = listed.as_array().unwrap();
    let current: Vec<_> = listed.iter().map(|it| it["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, true]);
    assert_eq!(listed[1]["createdAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(listed[1]["expiresAt"], "2023-11-28T22:13:20.000Z");

    let other = listed[0]["id"].as_str().unwrap();
    let path = format!("/api/users/sessions/{other}");
    let mut ben = bens.clone();
    assert_eq!(delete(&world, &mut ben, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&world, &mut first, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.current(&second).await, Value::Null);
    assert_eq!(delete(&world, &mut first, &path).await.status, StatusCode::NOT_FOUND);
    let foreign = delete(&world, &mut first, "/api/users/sessions/65a1f0c2b7e4d90012345678").await;
    assert_eq!(
        (foreign.status, foreign.errors()),
        (StatusCode::NOT_FOUND, vec![("", "Not Found")])
    );
    assert_ne!(world.current(&bens).await, Value::Null);
    world.end().await;
}

#[tokio::test]
async fn all_others_are_ended_at_once() {
    let world = World::new().await;
    let mut first = world.signed_up("ada@example.org").await;
    let others =
        [world.signed_in("ada@example.org").await, world.signed_in("ada@example.org").await];
    let path = "/api/users/sessions/revoke-others";
    let answer = world.send(&mut first, Method::POST, path, None).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({ "revoked": 2 })));
    for other in others {
        assert_eq!(world.current(&other).await, Value::Null);
    }
    assert_ne!(world.current(&first).await, Value::Null);
    world.end().await;
}

#[tokio::test]
async fn signing_in_again_takes_the_place_of_the_session_before() {
    let world = World::new().await;
    let mut browser = world.signed_up("ada@example.org").await;
    let before = browser.clone();
    let body = json!({ "email": "ada@example.org", "password": super::world::PASSWORD });
    world.post(&mut browser, "/api/users/signin", body).await;
    assert_ne!(browser.cookie, before.cookie);
    assert_eq!(world.current(&before).await, Value::Null);
    assert_ne!(world.current(&browser).await, Value::Null);
    world.end().await;
}

#[tokio::test]
async fn nobody_manages_nothing() {
    let world = World::new().await;
    let mut signed_out = world.signed_up("ada@example.org").await;
    let copy = signed_out.clone();
    world.post(&mut signed_out, "/api/users/signout", json!({})).await;
    for mut browser in [Browser::default(), copy] {
        for (method, path) in [
            (Method::PUT, "email"),
            (Method::PUT, "password"),
            (Method::GET, "sessions"),
            (Method::DELETE, "sessions/6f1e7f0e-3e0e-4c6e-9a51-0d0f6f6a8c11"),
            (Method::POST, "sessions/revoke-others"),
            (Method::DELETE, "me"),
            (Method::GET, "export"),
        ] {
            let path = format!("/api/users/{path}");
            let answer = world.send(&mut browser, method, &path, Some(json!({}))).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(answer.errors(), vec![("", "Not authorized")], "{path}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_session_ends_when_its_token_expires() {
    let world = World::new().await;
    let browser = world.signed_up("ada@example.org").await;
    world.clock.advance(Duration::from_hours(14 * 24) - Duration::from_secs(1));
    assert_ne!(world.current(&browser).await, Value::Null);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.current(&browser).await, Value::Null);
    world.end().await;
}

#[tokio::test]
async fn signed_out_in_one_server_is_signed_out_in_the_other() {
    let world = World::new().await;
    let mut config = AuthConfig::new(world.folder.path());
    config.clock = Arc::new(world.clock.clone());
    config.hasher = Arc::new(CheapHasher::default());
    let store = Arc::<SqliteAccounts>::clone(&world.store);
    let other = Accounts::with_store(config, store, world.engine.clone()).await.unwrap();
    let elsewhere = router(&other, &world.engine);

    let mut browser = world.signed_up("ada@example.org").await;
    let copy = browser.clone();
    let list = || copy.request(Method::GET, "/api/orders", None);
    assert_eq!(send(&elsewhere, list()).await.status, StatusCode::OK);
    let signed_out = Instant::now();
    world.post(&mut browser, "/api/users/signout", json!({})).await;
    while send(&elsewhere, list()).await.status == StatusCode::OK {
        assert!(signed_out.elapsed() < Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    assert_eq!(send(&elsewhere, list()).await.status, StatusCode::UNAUTHORIZED);
    other.shutdown().await;
    world.end().await;
}

#[tokio::test]
async fn while_it_cannot_be_told_nothing_is_changed_and_signing_out_works() {
    let world = World::new().await;
    let mut config = AuthConfig::new(world.folder.path());
    config.clock = Arc::new(world.clock.clone());
    config.hasher = Arc::new(CheapHasher::default());
    let store = Arc::new(FlakyStore::over(Arc::<SqliteAccounts>::clone(&world.store)));
    let shared = Arc::<FlakyStore>::clone(&store);
    let accounts = Accounts::with_patience(config, shared, world.engine.clone(), Duration::ZERO);
    let accounts = accounts.await.unwrap();
    let router = router(&accounts, &world.engine);
    let browser = world.signed_up("ada@example.org").await;
    store.set_down(true);
    assert!(!accounts.is_up_to_date());
    assert!(world.accounts.is_up_to_date());

    let ticket = json!({ "title": "Front row", "price": 20 });
    let request = |method, path, body| send(&router, browser.request(method, path, body));
    let refused = request(Method::POST, "/api/tickets", Some(ticket)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(request(Method::GET, "/api/orders", None).await.status, StatusCode::OK);
    let current = request(Method::GET, "/api/users/currentuser", None).await;
    assert_eq!(current.body["currentUser"]["email"], "ada@example.org");
    let sign_in = json!({ "email": "ada@example.org", "password": super::world::PASSWORD });
    let refused = request(Method::POST, "/api/users/signin", Some(sign_in)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);

    let out = request(Method::POST, "/api/users/signout", None).await;
    assert_eq!((out.status, out.body), (StatusCode::OK, json!({})));
    assert!(out.headers.contains_key("set-cookie"));
    let current = request(Method::GET, "/api/users/currentuser", None).await;
    assert_eq!(current.body["currentUser"], Value::Null);
    assert_eq!(accounts.owed_sign_outs(), 1);
    assert_ne!(world.current(&browser).await, Value::Null, "elsewhere it can't be known yet");
    store.set_down(false);
    // What runs in the background writes it down, and the other server hears of it.
    let came_back = Instant::now();
    while world.current(&browser).await != Value::Null {
        assert!(came_back.elapsed() < Duration::from_secs(20));
        tokio::task::yield_now().await;
    }
    assert_eq!(accounts.owed_sign_outs(), 0);
    accounts.shutdown().await;
    world.end().await;
}
