//! Webhooks: the sandbox's own, and such as are not to be believed.

use axum::http::Method;
use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn a_signed_webhook_is_kept_and_another_is_refused() {
    let shop = Shop::open().await;
    let visitor = shop.visitor();
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("Front row", json!(20)).await).await;
    buyer.pays(&order).await;
    let sandbox = shop.server.sandbox().unwrap();
    let intent = sandbox.ledger().intents[0].intent.to_string();
    let body = json!({
        "id": "sandbox_evt_by_hand", "type": "intent.changed", "livemode": false, "intent": intent,
    });
    let signed = sandbox.sign(body.to_string().into_bytes());
    let headers: Vec<(&str, &str)> =
        signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let post = |path: &'static str, headers, body: Vec<u8>| {
        let visitor = &visitor;
        async move { visitor.send(Method::POST, path, headers, body.into()).await }
    };
    let path = "/api/webhooks/sandbox";
    let forged = [("content-type", "application/json"), ("sandbox-signature", "t=1,v1=00")];
    post(path, &forged[..], signed.body.clone()).await.expect_code(400, "webhook_not_believed");
    post(path, &forged[..1], signed.body.clone()).await.expect(400);
    let mut changed = signed.body.clone();
    changed.push(b' ');
    post(path, &headers[..], changed).await.expect(400);
    post("/api/webhooks/stripe", &headers[..], signed.body.clone()).await.expect(404);
    assert_eq!(buyer.order(&order).await["status"], "complete");
}
