//! The server's routers in an application that has users of its own: it says who calls, the routers
//! do the rest. Here users are known by an API key; an application takes them from its sessions.
//!
//! Run it with `cargo run -p ticketing-examples --features http --bin own_auth`.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

#[path = "../http_client.rs"]
mod http_client;

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use serde_json::json;
use ticketing_core::Ticketing;
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::values::UserId;
use ticketing_server::http::{self, AuthUnavailable, Authenticator, Identity};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::http_client::Client;

type Failure = Box<dyn Error + Send + Sync>;

/// The application's users, by the keys that it gave them.
#[derive(Debug)]
struct ApiKeys(HashMap<&'static str, UserId>);

#[async_trait]
impl Authenticator for ApiKeys {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Identity>, AuthUnavailable> {
        let key = request.headers.get("x-api-key").and_then(|key| key.to_str().ok());
        let user = key.and_then(|key| self.0.get(key));
        Ok(user.map(|user| Identity { user: user.clone(), operator: false }))
    }
}

/// The application: a page of its own, and the shop's routes where it wants them.
fn application(engine: &Ticketing, users: &Arc<dyn Authenticator>) -> Router {
    Router::new()
        .route("/", get(async || "a theatre"))
        .nest("/shop/tickets", http::tickets::router(engine.clone(), Arc::clone(users)))
        .nest("/shop/orders", http::orders::router(engine.clone(), Arc::clone(users)))
        .nest("/shop/payments", http::payments::router(engine.clone(), Arc::clone(users)))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let builder = Ticketing::builder().storage(MemoryStorage::new()).gateway(MemoryGateway::new());
    let engine = builder.start().await?;
    let keys = [("key-of-ada", UserId::new("ada")?), ("key-of-ben", UserId::new("ben")?)];
    let users: Arc<dyn Authenticator> = Arc::new(ApiKeys(keys.into()));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = Client::of(listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, application(&engine, &users))
        .with_graceful_shutdown(async { stopped.await.unwrap_or_default() });
    let serving = tokio::spawn(serving.into_future());

    let told = visit(&client).await;
    // Requests that run are answered, then the engine writes what waits.
    drop((stop, client));
    serving.await??;
    engine.shutdown().await?;
    told
}

/// What a seller and a buyer do.
async fn visit(client: &Client) -> Result<(), Failure> {
    let ada = [("x-api-key", "key-of-ada")];
    let ben = [("x-api-key", "key-of-ben")];
    let nobody = [("x-api-key", "guessed")];
    let post = Method::POST;

    let new = json!({ "title": "Front row", "price": "19.99" });
    let refused = client.send(post.clone(), "/shop/tickets", &nobody, &new).await?;
    refused.told("whoever has no key lists nothing", StatusCode::UNAUTHORIZED)?;
    let listed = client.send(post.clone(), "/shop/tickets", &ada, &new).await?;
    let ticket = listed.told("ada lists a ticket", StatusCode::CREATED)?;
    let wanted = json!({ "ticketId": ticket.get("id") });
    let reserved = client.send(post.clone(), "/shop/orders", &ben, &wanted).await?;
    let order = reserved.told("ben reserves it", StatusCode::CREATED)?;
    let card = json!({ "orderId": order.get("id"), "token": "tok_visa" });
    let paid = client.send(post.clone(), "/shop/payments", &ben, &card).await?;
    paid.told("ben pays", StatusCode::CREATED)?;
    let late = client.send(post, "/shop/orders", &ada, &wanted).await?;
    late.told("it is sold", StatusCode::BAD_REQUEST)?;
    Ok(())
}
