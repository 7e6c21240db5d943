//! How often one may try.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::world::{Answer, Browser, World, send};
use crate::auth::Rate;

async fn world() -> World {
    let hourly = |burst| Some(Rate::new(burst, Duration::from_hours(1)));
    World::with(|config| {
        config.limits.per_account_and_address = hourly(3);
        config.limits.per_account = hourly(5);
        config.limits.confirmations_per_account = hourly(2);
        config.limits.sign_ins_per_address = hourly(4);
        config.limits.sign_ups_per_address = hourly(2);
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await
}

/// Sends e-mail address and password from an address, perhaps through a proxy.
async fn tried(world: &World, path: &str, email: &str, peer: &str, forwarded: &str) -> Answer {
    let body = json!({ "email": email, "password": super::world::PASSWORD });
    let path = format!("/api/users/{path}");
    let mut request = Browser::default().request(Method::POST, &path, Some(body));
    let peer: SocketAddr = format!("{peer}:5000").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
    send(&world.router, request).await
}

fn assert_too_many(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(answer.code(), "too_many_requests");
}

#[tokio::test]
async fn an_account_is_tried_so_often_and_success_costs_as_much() {
    let world = world().await;
    // Signing up is the first try.
    assert_eq!(
        tried(&world, "signup", "a@b.org", "1.1.1.1", "-").await.status,
        StatusCode::CREATED
    );
    for _ in 0..2 {
        assert_eq!(tried(&world, "signin", "A@b.org", "1.1.1.1", "-").await.status, StatusCode::OK);
    }
    let hashes = world.hasher.calls();
    assert_too_many(&tried(&world, "signin", "a@B.org", "1.1.1.1", "-").await);
    assert_eq!(world.hasher.calls(), hashes, "what is refused costs no work");
    world.end().await;
}

#[tokio::test]
async fn a_stranger_keeps_nobody_out_and_a_crowd_is_slowed_down() {
    let world = world().await;
    assert_eq!(
        tried(&world, "signup", "a@b.org", "1.1.1.1", "-").await.status,
        StatusCode::CREATED
    );
    for _ in 0..3 {
        tried(&world, "signin", "a@b.org", "6.6.6.6", "-").await;
    }
    assert_too_many(&tried(&world, "signin", "a@b.org", "6.6.6.6", "-").await);
    assert_eq!(tried(&world, "signin", "a@b.org", "1.1.1.1", "-").await.status, StatusCode::OK);
    assert_too_many(&tried(&world, "signin", "a@b.org", "7.7.7.7", "-").await);
    world.end().await;
}

#[tokio::test]
async fn an_address_tries_so_often() {
    let world = world().await;
    for email in ["a@b.org", "c@b.org"] {
        let answer = tried(&world, "signup", email, "1.1.1.1", "2.2.2.2").await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    // What a client says of itself does not help it.
    assert_too_many(&tried(&world, "signup", "d@b.org", "1.1.1.1", "3.3.3.3").await);
    for number in 0..4 {
        let email = format!("n{number}@b.org");
        let answer = tried(&world, "signin", &email, "1.1.1.1", "2.2.2.2").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    assert_too_many(&tried(&world, "signin", "a@b.org", "1.1.1.1", "3.3.3.3").await);
    world.end().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_its_clients_are_counted() {
    let world = world().await;
    for email in ["a@b.org", "c@b.org"] {
        let answer = tried(&world, "signup", email, "10.0.0.1", "6.6.6.6, 2.2.2.2").await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    assert_too_many(&tried(&world, "signup", "d@b.org", "10.0.0.2", "7.7.7.7, 2.2.2.2").await);
    let other = tried(&world, "signup", "d@b.org", "10.0.0.1", "2.2.2.3").await;
    assert_eq!(other.status, StatusCode::CREATED);
    world.end().await;
}

#[tokio::test]
async fn a_stolen_session_does_not_help_to_guess_the_password() {
    let world = world().await;
    let mut browser = world.signed_up("ada@example.org").await;
    let body = json!({ "currentPassword": "wrong-one", "newPassword": "another-one" });
    for _ in 0..2 {
        let answer =
            world.send(&mut browser, Method::PUT, "/api/users/password", Some(body.clone()));
        assert_eq!(answer.await.code(), "invalid_credentials");
    }
    let body = json!({ "password": "wrong-one" });
    assert_too_many(&world.send(&mut browser, Method::DELETE, "/api/users/me", Some(body)).await);
    world.end().await;
}
