//! Webhooks: the sandbox's own, and such as are not to be believed.

use axum::http::Method;
use serde_json::json;
use ticketing_core::ports::WebhookRequest;
use ticketing_local::SandboxGateway;

use crate::shop::Shop;

#[tokio::test]
async fn a_signed_webhook_is_kept_and_another_is_refused() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("Front row", json!(20)).await).await;
    buyer.pays(&order).await;
    let sandbox = shop.server.sandbox().unwrap();
    let intent = sandbox.ledger().intents[0].intent.to_string();
    let body = |id: &str, livemode: bool| {
        let at = "2030-01-02T03:04:05Z";
        json!({ "id": id, "livemode": livemode, "created": at, "intent": intent, "about": "intent" })
            .to_string()
            .into_bytes()
    };
    let post = async |gateway: &str, webhook: WebhookRequest| {
        let path = format!("/api/webhooks/{gateway}");
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(webhook.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        shop.visitor().send(Method::POST, &path, &headers, webhook.body.clone().into()).await
    };
    let signed = sandbox.sign(body("sandbox_evt_by_hand", false));
    assert_eq!(post("sandbox", signed.clone()).await.expect(200).text, "");
    post("sandbox", signed.clone()).await.expect(200);
    post("stripe", signed.clone()).await.expect(404);

    let changed = WebhookRequest { body: body("sandbox_evt_changed", false), ..signed.clone() };
    let unsigned = WebhookRequest { headers: Vec::new(), ..signed };
    let anothers = SandboxGateway::new().sign(body("sandbox_evt_by_another", false));
    let live = sandbox.sign(body("sandbox_evt_live", true));
    let malformed = sandbox.sign(b"{}".to_vec());
    for unbelievable in [changed, unsigned, anothers, live, malformed] {
        post("sandbox", unbelievable).await.expect_code(400, "webhook_not_believed");
    }
    assert_eq!(buyer.order(&order).await["status"], "complete");
}
