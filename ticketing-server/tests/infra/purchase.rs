//! A ticket is bought through the ingress of each overlay.

use serde_json::json;

use crate::cluster::Cluster;
use crate::ingress::Rules;
use crate::manifests::Overlay;

async fn a_ticket_is_bought(overlay: Overlay) {
    let cluster = Cluster::start(overlay).await;
    let (seller, buyer) = (cluster.member("seller").await, cluster.member("buyer").await);
    let ticket = seller.lists_many("Front row", json!("19.99"), 2).await;
    let live = format!("/api/tickets/live?ids={ticket}");
    let mut shelf = cluster.visitor().watch(&live).await.unwrap();
    let order = buyer.reserves(&ticket).await;
    let mut page = buyer.watch(&format!("/api/orders/{order}/live")).await.unwrap();
    shelf.until("availability", |units| units[0]["available"] == json!(1)).await;
    buyer.pays(&order).await;
    page.until("order", |order| order["status"] == "complete").await;
    let left = seller.ticket(&ticket).await;
    assert_eq!((&left["sold"], &left["available"]), (&json!(1), &json!(1)), "{left}");
    let charges = cluster.substitutes.stripe.ledger().charges;
    assert_eq!(charges.iter().map(|charge| charge.amount).collect::<Vec<_>>(), [1999]);
    nobody_outside_sees_what_is_closed(&cluster).await;
    drop((shelf, page));
    cluster.close().await;
}

async fn nobody_outside_sees_what_is_closed(cluster: &Cluster) {
    let visitor = cluster.visitor();
    for rule in Rules::of(&cluster.overlay).all() {
        let answer = visitor.get(&rule.path).await;
        // There is something behind every path, and all of it answers as a server of ours.
        let expected = if rule.is_closed { 403 } else { 200 };
        let status = answer.status.as_u16();
        let is_api = rule.path.starts_with("/api/");
        assert!(status == expected || (is_api && [401, 404, 405].contains(&status)), "{answer:?}");
    }
    let told = visitor.get("/api/nothing").await;
    told.expect_code(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_bought_in_development() {
    a_ticket_is_bought(Overlay::dev()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_bought_in_production() {
    a_ticket_is_bought(Overlay::prod()).await;
}
