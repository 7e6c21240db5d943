//! Clients that hang up in the middle of a command: it goes through all the same.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::browser::Browser;
use crate::gate::{Gate, Held};
use crate::shop::{PASSWORD, SOON, Shop, VISA};
use crate::stepped::Step;
use crate::stepped_hasher::SteppedHasher;

/// Sends a command whose work waits at that gate, and is gone when the server knows that nobody
/// waits for the answer.
async fn send_and_hang_up(shop: &Shop, who: &Browser, route: &str, body: &Value, gate: &Held) {
    let mut socket = TcpStream::connect(shop.server.address()).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "{route} HTTP/1.1\r\nhost: shop\r\ncookie: session={}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        who.cookie("session").unwrap(),
        body.len(),
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    gate.reached().await;
    socket.shutdown().await.unwrap();
    // The server closes once it has read the end, and drops what it did for that connection.
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(SOON, socket.read_to_end(&mut answer)).await;
    closed.expect("the server never noticed").ok();
    assert_eq!(String::from_utf8_lossy(&answer), "", "it was answered before it was done");
}

#[tokio::test]
async fn a_payment_goes_through_though_nobody_waits_for_it() {
    let (shop, gateway, sandbox) = Shop::stepped().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("Front row", json!(20)).await).await;
    let card = gateway.hold(Step::BeforeConfirm);
    let body = json!({ "orderId": order, "token": VISA });
    send_and_hang_up(&shop, &buyer, "POST /api/payments", &body, &card).await;
    assert_eq!(buyer.order(&order).await["status"], "awaiting:payment");
    drop(card);
    let complete = |order: &Value| order["status"] == "complete";
    buyer.sees(&format!("/api/orders/{order}"), complete).await;
    assert_eq!(sandbox.ledger().intents.len(), 1);
}

#[tokio::test]
async fn an_account_is_removed_whole_though_nobody_waits_for_it() {
    let gate = Gate::default();
    let hasher = Arc::new(SteppedHasher(gate.clone()));
    let shop = Shop::built(|_| {}, |server| server.auth(|auth| auth.hasher = hasher)).await;
    let (member, visitor) = (shop.member().await, shop.visitor());
    let ticket = member.lists("Front row", json!(20)).await;
    let comparing = gate.hold();
    let body = json!({ "password": PASSWORD });
    send_and_hang_up(&shop, &member, "DELETE /api/users/me", &body, &comparing).await;
    assert_eq!(visitor.ticket(&ticket).await["status"], "on_sale");
    drop(comparing);
    let withdrawn = |ticket: &Value| ticket["status"] == "withdrawn";
    visitor.sees(&format!("/api/tickets/{ticket}"), withdrawn).await;
    let gone = |me: &Value| me["currentUser"].is_null();
    member.sees("/api/users/currentuser", gone).await;
}
