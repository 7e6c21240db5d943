//! Another e-mail address, another password, better hashes.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Browser, PASSWORD, World};

async fn put(
    world: &World,
    browser: &mut Browser,
    path: &str,
    body: Value,
) -> super::world::Answer {
    world.send(browser, Method::PUT, path, Some(body)).await
}

#[tokio::test]
async fn another_address_gets_another_session_and_keeps_the_others() {
    let world = World::new().await;
    let mut browser = world.signed_up("ada@example.org").await;
    let (before, other) = (browser.clone(), world.signed_in("ada@example.org").await);
    let body = json!({ "email": "Lovelace@example.org", "password": PASSWORD });
    let answer = put(&world, &mut browser, "/api/users/email", body.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body["email"], "Lovelace@example.org");
    for browser in [&browser, &other] {
        assert_eq!(world.current(browser).await["email"], "Lovelace@example.org");
    }
    assert_eq!(world.current(&before).await, Value::Null, "the old cookie is dead");
    assert_eq!(sessions(&world, &browser).await, [false, true]);
    world.signed_up("ada@example.org").await;
    world.signed_in("lovelace@example.org").await;
    world.end().await;
}

/// Whether each of the account's sessions is the browser's own; its own comes last.
async fn sessions(world: &World, browser: &Browser) -> Vec<bool> {
    let listed = world.get(&mut browser.clone(), "/api/users/sessions").await.body;
    let mut current: Vec<bool> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["current"].as_bool().unwrap())
        .collect();
    current.sort_unstable();
    current
}

#[tokio::test]
async fn another_address_needs_the_password_and_must_be_free() {
    let world = World::new().await;
    let mut browser = world.signed_up("ada@example.org").await;
    world.signed_up("ben@example.org").await;
    for (body, expected) in [
        (
            json!({}),
            vec![
                ("email", "Email must be valid"),
                ("password", "Password must be between 8 and 128 characters"),
            ],
        ),
        (
            json!({ "email": "new@example.org", "password": "wrong-one" }),
            vec![("", "Invalid credentials")],
        ),
        (json!({ "email": "BEN@example.org", "password": PASSWORD }), vec![("", "Email in use")]),
    ] {
        let answer = put(&world, &mut browser, "/api/users/email", body).await;
        assert_eq!((answer.status, answer.errors()), (StatusCode::BAD_REQUEST, expected));
    }
    assert_eq!(world.current(&browser).await["email"], "ada@example.org");
    assert_eq!(sessions(&world, &browser).await, [true], "nothing was opened for nothing");
    world.end().await;
}

#[tokio::test]
async fn another_password_ends_every_session_and_opens_another() {
    let world = World::new().await;
    let mut browser = world.signed_up("ada@example.org").await;
    let (before, other) = (browser.clone(), world.signed_in("ada@example.org").await);
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another-one" });
    let answer = put(&world, &mut browser, "/api/users/password", body).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    assert_ne!(browser.cookie, before.cookie);
    assert_ne!(world.current(&browser).await, Value::Null);
    for ended in [&before, &other] {
        assert_eq!(world.current(ended).await, Value::Null);
    }
    assert_eq!(sessions(&world, &browser).await, [true]);
    for (password, status) in [(PASSWORD, StatusCode::BAD_REQUEST), ("another-one", StatusCode::OK)]
    {
        let body = json!({ "email": "ada@example.org", "password": password });
        let answer = world.post(&mut Browser::default(), "/api/users/signin", body).await;
        assert_eq!(answer.status, status, "{password}");
    }
    world.end().await;
}

#[tokio::test]
async fn another_password_needs_the_old_one_and_must_be_good() {
    let world = World::with(|config| config.production = true).await;
    let mut browser = world.signed_up("ada@example.org").await;
    let rule = "Password must be between 8 and 128 characters";
    for (body, expected) in [
        (json!({}), vec![("currentPassword", rule), ("newPassword", rule)]),
        (
            json!({ "currentPassword": PASSWORD, "newPassword": "short" }),
            vec![("newPassword", rule)],
        ),
        (
            json!({ "currentPassword": PASSWORD, "newPassword": "password1" }),
            vec![("newPassword", "Password is too easy to guess")],
        ),
        (
            json!({ "currentPassword": "wrong-one", "newPassword": "another-one" }),
            vec![("", "Invalid credentials")],
        ),
    ] {
        let answer = put(&world, &mut browser, "/api/users/password", body).await;
        assert_eq!((answer.status, answer.errors()), (StatusCode::BAD_REQUEST, expected));
    }
    world.signed_in("ada@example.org").await;
    world.end().await;
}

#[tokio::test]
async fn an_old_hash_is_made_anew_once_its_password_is_known() {
    let world = World::new().await;
    world.signed_up("ada@example.org").await;
    world.hasher.change_parameters();
    let wrong = json!({ "email": "ada@example.org", "password": "wrong-one" });
    let before = world.hasher.calls();
    world.post(&mut Browser::default(), "/api/users/signin", wrong).await;
    assert_eq!(world.hasher.calls(), (before.0, before.1 + 1));
    world.signed_in("ada@example.org").await;
    assert_eq!(world.hasher.calls(), (before.0 + 1, before.1 + 2));
    world.signed_in("ada@example.org").await;
    assert_eq!(world.hasher.calls(), (before.0 + 1, before.1 + 3));
    world.end().await;
}

#[tokio::test]
async fn what_is_no_field_has_no_effect() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let body = json!({
        "email": "ada@example.org", "password": PASSWORD, "id": "root", "userId": "root",
        "operator": true, "credentials": 7, "version": 7,
    });
    let answer = world.post(&mut browser, "/api/users/signup", body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_ne!(answer.body["id"], "root");
    world.end().await;
}

#[tokio::test]
async fn a_key_for_repeating_is_taken_and_changes_nothing() {
    let world = World::new().await;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let mut request =
            Browser::default().request(Method::POST, "/api/users/signup", Some(body.clone()));
        request
            .headers_mut()
            .insert("idempotency-key", "\u{0}1".parse().unwrap_or_else(|_| "x y".parse().unwrap()));
        statuses.push(super::world::send(&world.router, request).await.status);
    }
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::BAD_REQUEST]);
    world.end().await;
}
