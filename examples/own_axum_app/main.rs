//! A web application of its own, with the engine inside: its routes, its way to know who calls,
//! its statuses. A client then talks to it over HTTP on this machine.
//!
//! Run it with `cargo run -p ticketing-examples --features http --bin own_axum_app`.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

mod failure;
#[path = "../http_client.rs"]
mod http_client;
mod routes;
mod user;

use std::error::Error;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use ticketing_core::Ticketing;
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::http_client::{Answer, Client};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let builder = Ticketing::builder().storage(MemoryStorage::new()).gateway(MemoryGateway::new());
    let engine = builder.start().await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = Client::of(listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, routes::of(engine.clone()))
        .with_graceful_shutdown(async { stopped.await.unwrap_or_default() });
    let serving = tokio::spawn(serving.into_future());

    let told = visit(&client).await;
    // Requests that run are answered, then the engine writes what waits.
    drop((stop, client));
    serving.await??;
    engine.shutdown().await?;
    told
}

/// Requests of this application's users, as `user.rs` knows them.
impl Client {
    async fn get(&self, path: &str, user: Option<&str>) -> Result<Answer, Failure> {
        let headers: Vec<_> = user.map(|user| ("x-user", user)).into_iter().collect();
        self.send(Method::GET, path, &headers, &Value::Null).await
    }

    async fn post(&self, path: &str, user: Option<&str>, body: &Value) -> Result<Answer, Failure> {
        let headers: Vec<_> = user.map(|user| ("x-user", user)).into_iter().collect();
        self.send(Method::POST, path, &headers, body).await
    }
}

/// What a seller and three buyers do.
async fn visit(client: &Client) -> Result<(), Failure> {
    let new = json!({ "title": "Front row", "cents": 20_00, "quantity": 3 });
    let ticket = client.post("/tickets", Some("ada"), &new).await?;
    let ticket = ticket.told("ada lists three tickets", StatusCode::CREATED)?;
    let list = client.get("/tickets", None).await?.told("anybody sees them", StatusCode::OK)?;
    expect("three are left", list.pointer("/0/inventory/available") == Some(&json!(3)))?;

    let two = json!({ "ticketId": field(&ticket, "id")?, "quantity": 2 });
    let nobody = client.post("/orders", None, &two).await?;
    nobody.told("nobody in particular reserves", StatusCode::UNAUTHORIZED)?;
    let order = once(client, &two).await?.told("ben reserves two", StatusCode::CREATED)?;
    let again = once(client, &two).await?.told("ben's click comes twice", StatusCode::CREATED)?;
    expect("it is one order", order == again)?;
    let late = client.post("/orders", Some("cleo"), &two).await?;
    let late = late.told("cleo wants two as well", StatusCode::CONFLICT)?;
    expect("there are not so many", late.get("code") == Some(&json!("sold_out")))?;
    check_out(client, &field(&order, "id")?).await
}

/// Reserves under a key, as a page does that is loaded again.
async fn once(client: &Client, order: &Value) -> Result<Answer, Failure> {
    client
        .send(Method::POST, "/orders", &[("x-user", "ben"), ("idempotency-key", "1")], order)
        .await
}

async fn check_out(client: &Client, order: &str) -> Result<(), Failure> {
    let (orders, payments) = (format!("/orders/{order}"), format!("/orders/{order}/payments"));
    let card = |token| json!({ "card": token });
    let declined = client.post(&payments, Some("ben"), &card("tok_chargeDeclined")).await?;
    declined.told("ben's first card is declined", StatusCode::PAYMENT_REQUIRED)?;
    let paid = client.post(&payments, Some("ben"), &card("tok_visa")).await?;
    paid.told("ben's second card is good", StatusCode::OK)?;
    let foreign = client.get(&orders, Some("cleo")).await?;
    foreign.told("cleo looks for ben's order", StatusCode::FORBIDDEN)?;
    let order = client.get(&orders, Some("ben")).await?.told("ben looks", StatusCode::OK)?;
    expect("the order is complete", order.get("status") == Some(&json!("complete")))
}

fn field(body: &Value, name: &str) -> Result<String, Failure> {
    let text = body.get(name).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("an answer without {name}: {body}"))?.to_owned())
}

fn expect(what: &str, holds: bool) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}").into()) }
}
