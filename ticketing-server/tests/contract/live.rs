//! Live streams.

use serde_json::json;
use tokio::time::Instant;

use crate::shop::{FOREIGN, NOTHING, SOON, Shop};

#[tokio::test]
async fn an_orders_page_sees_what_becomes_of_it() {
    let shop = Shop::open().await;
    let (seller, buyer, other) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let path = format!("/api/orders/{order}/live");
    assert_eq!(shop.visitor().watch(&path).await.unwrap_err().status.as_u16(), 401);
    assert_eq!(other.watch(&path).await.unwrap_err().status.as_u16(), 401);
    for unknown in [NOTHING, FOREIGN] {
        let answer = buyer.watch(&format!("/api/orders/{unknown}/live")).await.unwrap_err();
        assert_eq!(answer.status.as_u16(), 404);
    }
    let mut page = buyer.watch(&path).await.unwrap();
    assert_eq!(page.headers["content-type"], "text/event-stream");
    assert_eq!(page.headers["cache-control"], "no-store");
    let (name, first) = page.next().await.unwrap();
    assert_eq!((name.as_str(), &first["status"]), ("order", &json!("created")));
    assert!(first["secondsLeft"].as_u64().unwrap() > 800);
    buyer.pays(&order).await;
    page.until("order", |order| order["status"] == "complete").await;
}

#[tokio::test]
async fn a_countdown_keeps_the_pages_clock_right() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let mut page = buyer.watch(&format!("/api/orders/{order}/live")).await.unwrap();
    let countdown = page.until("countdown", |_| true).await;
    assert!((800..900).contains(&countdown["secondsLeft"].as_u64().unwrap()), "{countdown}");
}

#[tokio::test]
async fn a_stream_ends_when_its_buyer_signs_out() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let mut page = buyer.watch(&format!("/api/orders/{order}/live")).await.unwrap();
    page.next().await.unwrap();
    buyer.post("/api/users/signout", json!({})).await.expect(200);
    let ended = async { while page.next().await.is_some() {} };
    tokio::time::timeout(SOON, ended).await.expect("the stream goes on");
}

#[tokio::test]
async fn what_is_listed_later_is_shown_too() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let mut shelf = shop.visitor().watch("/api/tickets/live").await.unwrap();
    assert_eq!(shelf.next().await.unwrap().1, json!([]), "an empty shop says so");
    let ticket = seller.lists("Front row", json!(20)).await;
    let told = shelf.until("availability", |units| units[0].is_object()).await;
    assert_eq!(told[0]["id"], json!(ticket));
}

#[tokio::test]
async fn a_page_of_nothing_hears_nothing_of_others() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let mut nothing =
        shop.visitor().watch(&format!("/api/tickets/live?ids={NOTHING}")).await.unwrap();
    let mut shelf = shop.visitor().watch("/api/tickets/live").await.unwrap();
    assert_eq!(nothing.next().await.unwrap().1, json!([]));
    shelf.next().await.unwrap();
    seller.lists("Front row", json!(20)).await;
    shelf.until("availability", |units| units[0].is_object()).await;
    // Whatever was told to one page was told to the other at the same time.
    let told = tokio::time::timeout(std::time::Duration::from_millis(300), nothing.next()).await;
    assert!(told.is_err(), "{told:?}");
}

#[tokio::test]
async fn availability_is_told_at_once_and_as_it_changes() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let one = seller.lists_many("One", json!(20), 5).await;
    let other = seller.lists_many("Other", json!(20), 5).await;
    let mut shelf = shop.visitor().watch("/api/tickets/live").await.unwrap();
    let (name, first) = shelf.next().await.unwrap();
    assert_eq!((name.as_str(), first.as_array().unwrap().len()), ("availability", 2));
    let mut named =
        shop.visitor().watch(&format!("/api/tickets/live?ids={one},{FOREIGN}")).await.unwrap();
    assert_eq!(named.next().await.unwrap().1.as_array().unwrap().len(), 1);

    buyer.reserves(&other).await;
    let order = buyer.reserves(&one).await;
    let told = named.until("availability", |units| units[0]["available"] == json!(4)).await;
    assert_eq!((&told[0]["id"], &told[0]["held"]), (&json!(one), &json!(1)));
    buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
    named.until("availability", |units| units[0]["available"] == json!(5)).await;
    shelf
        .until("availability", |units| {
            units.as_array().unwrap().iter().any(|it| it["id"] == json!(other))
        })
        .await;
    let many = vec![NOTHING; 101].join(",");
    let answer = shop.visitor().watch(&format!("/api/tickets/live?ids={many}")).await.unwrap_err();
    assert_eq!(answer.status.as_u16(), 400);
}

#[tokio::test]
async fn many_changes_are_few_messages_and_the_last_is_right() {
    const ORDERS: u32 = 60;
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Seats", json!(5), 100).await;
    let mut shelf = shop.visitor().watch(&format!("/api/tickets/live?ids={ticket}")).await.unwrap();
    let mut version = shelf.next().await.unwrap().1[0]["version"].as_u64().unwrap();
    let begun = Instant::now();
    for _ in 0..ORDERS {
        buyer.reserves(&ticket).await;
    }
    let mut messages = 0;
    let last = loop {
        let (_, told) = shelf.next().await.unwrap();
        messages += 1;
        let newer = told[0]["version"].as_u64().unwrap();
        assert!(version < newer, "{version}, then {newer}");
        version = newer;
        if told[0]["held"] == json!(ORDERS) {
            break told;
        }
    };
    assert_eq!(last[0]["available"], json!(100 - ORDERS));
    // Changes are gathered for a fifth of a second, and read again every five.
    let passed = begun.elapsed().as_millis();
    assert!(messages <= passed / 200 + passed / 5_000 + 2, "{messages} in {passed} ms");
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("Front row", json!(20)).await).await;
    let mut shelf = shop.visitor().watch("/api/tickets/live").await.unwrap();
    let mut page = buyer.watch(&format!("/api/orders/{order}/live")).await.unwrap();
    shelf.next().await.unwrap();
    page.next().await.unwrap();
    let begun = Instant::now();
    let ended = async {
        while shelf.next().await.is_some() {}
        while page.next().await.is_some() {}
    };
    let ((), ()) = tokio::join!(ended, shop.close());
    // Of themselves: what does not end is cut after twenty-five seconds.
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
