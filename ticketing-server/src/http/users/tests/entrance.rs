//! Signing up, in and out.

use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::world::{Browser, PASSWORD, World};
use crate::auth::testing::CheapHasher;
use crate::auth::{Accounts, AuthConfig};

const EMAIL: (&str, &str) = ("email", "Email must be valid");
const RULE: (&str, &str) = ("password", "Password must be between 8 and 128 characters");

#[tokio::test]
async fn signing_up_signs_in_and_signing_out_signs_out() {
    let world = World::new().await;
    let mut browser = Browser::default();
    assert_eq!(world.current(&browser).await, Value::Null);

    let body = json!({ "email": "Ada@Example.org", "password": PASSWORD });
    let answer = world.post(&mut browser, "/api/users/signup", body.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let id = answer.body["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.body, json!({ "id": id, "email": "Ada@Example.org" }));
    let current = world.current(&browser).await;
    assert_eq!(current, json!({ "id": id, "email": "Ada@Example.org", "iat": 1_700_000_000 }));

    let copied = browser.clone();
    let answer = world.post(&mut browser, "/api/users/signout", json!({})).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({})));
    assert_eq!(browser.cookie, None);
    assert_eq!(world.current(&copied).await, Value::Null);

    let answer = world.post(&mut browser, "/api/users/signin", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, json!({ "id": id, "email": "Ada@Example.org" }));
    assert_eq!(world.current(&browser).await["id"], json!(id));
    // What was signed out stays so.
    assert_eq!(world.current(&copied).await, Value::Null);
    world.end().await;
}

#[tokio::test]
async fn every_wrong_field_is_told() {
    let world = World::new().await;
    let long = "x".repeat(129);
    for (body, expected) in [
        (json!({}), vec![EMAIL, RULE]),
        (json!({ "email": null, "password": null }), vec![EMAIL, RULE]),
        (json!({ "email": 7, "password": 12_345_678 }), vec![EMAIL, RULE]),
        (json!({ "email": "ada", "password": PASSWORD }), vec![EMAIL]),
        (json!({ "email": "ada@example.org", "password": "1234567" }), vec![RULE]),
        (json!({ "email": "ada@example.org", "password": long }), vec![RULE]),
    ] {
        let answer = world.post(&mut Browser::default(), "/api/users/signup", body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.errors(), expected, "{body}");
    }
    let empty = json!({ "email": "", "password": "" });
    let answer = world.post(&mut Browser::default(), "/api/users/signin", empty).await;
    assert_eq!((answer.status, answer.errors()), (StatusCode::BAD_REQUEST, vec![EMAIL, RULE]));
    world.end().await;
}

#[tokio::test]
async fn an_address_is_used_once_whatever_its_case() {
    let world = World::new().await;
    world.signed_up("ada@example.org").await;
    let body = json!({ "email": " ADA@example.ORG", "password": PASSWORD });
    let mut other = Browser::default();
    let answer = world.post(&mut other, "/api/users/signup", body.clone()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!((answer.errors(), answer.code()), (vec![("", "Email in use")], "email_in_use"));
    assert_eq!(other.cookie, None);
    let answer = world.post(&mut other, "/api/users/signin", body).await;
    assert_eq!((answer.status, &answer.body["email"]), (StatusCode::OK, &json!("ada@example.org")));
    world.end().await;
}

#[tokio::test]
async fn wrong_and_unknown_are_one_refusal_after_the_same_work() {
    let world = World::new().await;
    world.signed_up("ada@example.org").await;
    let mut refusals = Vec::new();
    for email in ["ada@example.org", "nobody@example.org"] {
        let before = world.hasher.calls();
        let body = json!({ "email": email, "password": "another-one" });
        let mut browser = Browser::default();
        let answer = world.post(&mut browser, "/api/users/signin", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.errors(), vec![("", "Invalid credentials")]);
        assert_eq!(browser.cookie, None);
        let after = world.hasher.calls();
        refusals.push((answer.body, after.0 - before.0, after.1 - before.1));
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!((refusals[0].1, refusals[0].2), (0, 1));
    world.end().await;
}

#[tokio::test]
async fn the_cookie_is_for_https_and_for_nobody_elses_scripts() {
    let world = World::new().await;
    let browser = world.signed_up("ada@example.org").await;
    assert!(browser.cookie.as_ref().unwrap().starts_with("__Host-session="));
    let request = browser.request(Method::POST, "/api/users/signout", None);
    let answer = super::world::send(&world.router, request).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert_eq!(cookie, "__Host-session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    world.end().await;
}

#[tokio::test]
async fn for_plain_http_the_cookie_has_another_name() {
    let world = World::with(|config| config.cookie_secure = false).await;
    let mut browser = Browser::default();
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let answer = world.post(&mut browser, "/api/users/signup", body).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let attributes = cookie.split_once(';').unwrap().1;
    assert!(cookie.starts_with("session=e"), "{cookie}");
    assert_eq!(attributes, " HttpOnly; SameSite=Lax; Path=/; Max-Age=1209600");
    assert_ne!(world.current(&browser).await, Value::Null);
    // The name with the promise is not believed where the promise is not made.
    let renamed = Browser { cookie: Some(format!("__Host-session={}", browser.token())) };
    assert_eq!(world.current(&renamed).await, Value::Null);
    world.end().await;
}

#[tokio::test]
async fn the_engines_routes_know_who_calls() {
    let world = World::new().await;
    let mut browser = world.signed_up("ada@example.org").await;
    let ticket = json!({ "title": "Front row", "price": 20 });
    let nobody = world.post(&mut Browser::default(), "/api/tickets", ticket.clone()).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let listed = world.post(&mut browser, "/api/tickets", ticket.clone()).await;
    assert_eq!(listed.status, StatusCode::CREATED, "{listed:?}");
    assert_eq!(listed.body["userId"], world.current(&browser).await["id"]);

    let mut bearing = Browser::default().request(Method::POST, "/api/tickets", Some(ticket));
    let bearer = format!("bearer {}", browser.token()).parse().unwrap();
    bearing.headers_mut().insert(header::AUTHORIZATION, bearer);
    assert_eq!(super::world::send(&world.router, bearing).await.status, StatusCode::CREATED);
    world.end().await;
}

#[tokio::test]
async fn of_many_who_sign_up_as_one_a_single_one_does() {
    let world = World::with(|config| config.limits.per_account_and_address = None).await;
    let tries = ["ada@example.org", "ADA@example.org"].repeat(10).into_iter().map(|email| {
        let body = json!({ "email": email, "password": PASSWORD });
        let request = Browser::default().request(Method::POST, "/api/users/signup", Some(body));
        super::world::send(&world.router, request)
    });
    let answers = futures_util::future::join_all(tries).await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::CREATED);
    assert_eq!(made.count(), 1);
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::BAD_REQUEST);
    assert!(refused.clone().all(|answer| answer.code() == "email_in_use"));
    assert_eq!(refused.count(), 19);
    world.end().await;
}

#[tokio::test]
async fn accounts_are_there_when_their_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let engine = World::new().await.engine;
    let opened = async || {
        let mut config = AuthConfig::new(folder.path());
        config.hasher = Arc::new(CheapHasher::default());
        Accounts::open(config, engine.clone()).await.unwrap()
    };
    let accounts = opened().await;
    let router = super::world::router(&accounts, &engine);
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let request = Browser::default().request(Method::POST, "/api/users/signup", Some(body));
    let answer = super::world::send(&router, request).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let browser = Browser { cookie: cookie.split_once(';').map(|(pair, _)| pair.to_owned()) };
    accounts.shutdown().await;
    drop((accounts, router));

    let accounts = opened().await;
    let router = super::world::router(&accounts, &engine);
    let request = browser.request(Method::GET, "/api/users/currentuser", None);
    let answer = super::world::send(&router, request).await;
    assert_eq!(answer.body["currentUser"]["email"], "ada@example.org");
    accounts.shutdown().await;
}
