//! What is never written down.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::world::{Browser, World};
use crate::auth::AuthConfig;
use crate::telemetry::LogFormat;
use crate::telemetry::testing::kept;

#[tokio::test]
async fn no_log_has_a_password_or_a_token_in_it() {
    let (kept, log) = kept("trace", LogFormat::Json);
    let _logging = tracing::subscriber::set_default(log);

    let world = World::new().await;
    let mut browser = Browser::default();
    let body = json!({ "email": "ada@example.org", "password": "canary-one" });
    let answer = world.post(&mut browser, "/api/users/signup", body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let token = browser.token().to_owned();
    let body = json!({ "currentPassword": "canary-two", "newPassword": "canary-three" });
    world.send(&mut browser, Method::PUT, "/api/users/password", Some(body)).await;
    // A store that is gone is written about.
    world.store.close().await;
    let body = json!({ "email": "ada@example.org", "password": "canary-four" });
    let answer = world.post(&mut browser, "/api/users/signin", body).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    world.post(&mut browser, "/api/users/signout", json!({})).await;
    world.end().await;

    let written = kept.text();
    assert!(written.contains("a sign-out is kept for later"), "{written}");
    assert!(!written.contains("canary"), "{written}");
    assert!(!written.contains(&token), "{written}");
}

#[test]
fn what_is_shown_for_debugging_has_no_secrets_in_it() {
    let mut config = AuthConfig::new("/nowhere");
    config.session_keys = Some("a:canary-canary-canary-canary-canary".parse().unwrap());
    assert!(!format!("{config:?}").contains("canary"));
}
