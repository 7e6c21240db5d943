//! Listings.

use serde_json::{Value, json};

use crate::shop::{FOREIGN, NOTHING, Shop};

const PRICE: (&str, Option<&str>) = ("Price must be greater than 0", Some("price"));
const TITLE: (&str, Option<&str>) = ("Title is required", Some("title"));

#[tokio::test]
async fn listing_needs_a_seller_a_title_and_a_price() {
    let shop = Shop::open().await;
    let new = json!({ "title": "Front row", "price": 20 });
    let nobody = shop.visitor().post("/api/tickets", new.clone()).await;
    nobody.expect_errors(401, &[("Not authorized", None)]);
    shop.visitor().post("/api/tickets", json!({ "title": 1 })).await.expect(401);

    let seller = shop.member().await;
    for (body, entries) in [
        (json!({ "title": "", "price": 10 }), &[TITLE][..]),
        (json!({ "title": "  ", "price": 10 }), &[TITLE]),
        (json!({ "price": 10 }), &[TITLE]),
        (json!({ "title": 7, "price": 10 }), &[TITLE]),
        (json!({ "title": null, "price": 10 }), &[TITLE]),
        (json!({ "title": "A", "price": -10 }), &[PRICE]),
        (json!({ "title": "A" }), &[PRICE]),
        (json!({}), &[TITLE, PRICE]),
    ] {
        seller.post("/api/tickets", body).await.expect_errors(400, entries);
    }
    assert_eq!(seller.get("/api/tickets").await.expect(200).json(), json!([]));
    let listed = seller.post("/api/tickets", new).await.expect(201).json();
    assert_eq!(listed["title"], "Front row");
    assert_eq!(listed["price"], json!(20));
    assert_eq!(listed["userId"], json!(seller.me().await));
    assert_eq!(
        (&listed["version"], &listed["quantity"], &listed["available"]),
        (&json!(0), &json!(1), &json!(1))
    );
    assert_eq!(seller.ticket(listed["id"].as_str().unwrap()).await, listed);
}

#[tokio::test]
async fn prices_are_exact_and_go_both_ways_in_major_units() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    for (sent, shown) in [
        ("20", "20"),
        ("19.99", "19.99"),
        ("\"20.00\"", "20"),
        ("\"19.9\"", "19.9"),
        ("0.01", "0.01"),
        ("1e1", "10"),
        ("4.35", "4.35"),
        ("999999.99", "999999.99"),
        ("0.07", "0.07"),
    ] {
        let body = format!(r#"{{"title":"A","price":{sent}}}"#);
        let headers = [("content-type", "application/json")];
        let answer =
            seller.send("POST".parse().unwrap(), "/api/tickets", &headers, body.into()).await;
        let text = answer.expect(201).text;
        assert!(text.contains(&format!(r#""price":{shown},"#)), "{sent}: {text}");
    }
    for wrong in [
        "0",
        "-1",
        "0.001",
        "19.999",
        "\"\"",
        "\"free\"",
        "\"NaN\"",
        "1e400",
        "99999999999999",
        "true",
        "[]",
        "{}",
        "null",
        "\"1,5\"",
        "\" 5\"",
        "\"0x10\"",
    ] {
        let body = format!(r#"{{"title":"A","price":{wrong}}}"#);
        let headers = [("content-type", "application/json")];
        let answer =
            seller.send("POST".parse().unwrap(), "/api/tickets", &headers, body.into()).await;
        assert_eq!(answer.status.as_u16(), 400, "{wrong}: {answer:?}");
        assert_eq!(answer.json()["errors"][0]["field"], "price", "{wrong}");
    }
    let yen = json!({ "title": "A", "price": 500, "currency": "JPY" });
    assert_eq!(seller.post("/api/tickets", yen).await.expect(201).json()["price"], json!(500));
    let half = json!({ "title": "A", "price": 0.5, "currency": "JPY" });
    seller.post("/api/tickets", half).await.expect_errors(400, &[PRICE]);
    let unknown = json!({ "title": "A", "price": 5, "currency": "XXZ" });
    let answer = seller.post("/api/tickets", unknown).await.expect(400);
    assert_eq!(answer.json()["errors"][0]["field"], "currency");
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let body = json!({
        "title": "", "price": "x", "quantity": 0, "maxPerOrder": "two", "startsAt": "tomorrow",
        "saleStartsAt": "2030-01-02T00:00:00Z", "saleEndsAt": "2030-01-01T00:00:00Z",
    });
    let answer = seller.post("/api/tickets", body).await.expect(400).json();
    let mut fields: Vec<&str> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, ["maxPerOrder", "price", "quantity", "saleEndsAt", "startsAt", "title"]);
}

#[tokio::test]
async fn what_a_client_may_not_set_has_no_effect() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let new = json!({
        "title": "A", "price": 5, "status": "withdrawn", "userId": "another", "id": NOTHING, "sold": 7, "held": 7,
        "available": 0, "listedAt": "2001-01-01T00:00:00Z", "orderId": NOTHING, "__proto__": {},
    });
    let listed = seller.post("/api/tickets", new).await.expect(201).json();
    assert_ne!(listed["id"], json!(NOTHING));
    assert_eq!(listed["userId"], json!(seller.me().await));
    assert_eq!(
        (&listed["status"], &listed["available"], &listed["sold"]),
        (&json!("on_sale"), &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn a_listing_is_shown_to_everybody_also_when_it_is_reserved() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    buyer.reserves(&ticket).await;
    let shown = shop.visitor().ticket(&ticket).await;
    assert_eq!((&shown["available"], &shown["held"]), (&json!(0), &json!(1)));
    assert_eq!(shop.visitor().get("/api/tickets").await.expect(200).json(), json!([]));
    let all = shop.visitor().get("/api/tickets?all=true").await.expect(200).json();
    assert_eq!(all[0]["id"], json!(ticket));
    for id in [NOTHING, FOREIGN, "1", "..", "%00", "%ff"] {
        let answer = shop.visitor().get(&format!("/api/tickets/{id}")).await;
        answer.expect_errors(404, &[("Not Found", None)]);
    }
}

#[tokio::test]
async fn lists_come_newest_first_page_by_page() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    for number in 0..7 {
        seller.lists(&format!("Ticket {number}"), json!(5)).await;
    }
    let mut titles = Vec::new();
    let mut next = Some("/api/tickets?limit=3&q=ticket".to_owned());
    while let Some(path) = next {
        let page = seller.get(&path).await.expect(200);
        let items = page.json();
        assert!(items.as_array().unwrap().len() <= 3);
        titles.extend(items.as_array().unwrap().iter().map(|it| it["title"].clone()));
        next = page.header("link").map(|link| {
            let (path, relation) = link.split_once(';').unwrap();
            assert_eq!(relation.trim(), "rel=\"next\"");
            path.trim_matches(['<', '>']).to_owned()
        });
    }
    let expected: Vec<Value> = (0..7).rev().map(|n| json!(format!("Ticket {n}"))).collect();
    assert_eq!(titles, expected);
    for wrong in ["limit=0", "limit=101", "limit=x", "cursor=x", "all=perhaps"] {
        seller.get(&format!("/api/tickets?{wrong}")).await.expect(400);
    }
}

#[tokio::test]
async fn a_search_matches_words_of_title_and_venue_and_sellers() {
    let shop = Shop::open().await;
    let (one, other) = (shop.member().await, shop.member().await);
    let harbour = json!({ "title": "Jazz night", "price": 5, "venue": "Harbour stage" });
    one.post("/api/tickets", harbour).await.expect(201);
    other.lists("Rock night", json!(5)).await;
    let titles = async |query: &str| {
        let found = one.get(&format!("/api/tickets?{query}")).await.expect(200).json();
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(titles("q=night").await, ["Rock night", "Jazz night"]);
    assert_eq!(titles("q=NIGHT%20harb").await, ["Jazz night"]);
    assert_eq!(titles("q=%22%29%20OR%201").await, Vec::<String>::new());
    assert_eq!(titles(&format!("seller={}", other.me().await)).await, ["Rock night"]);
}

#[tokio::test]
async fn an_edit_checks_in_the_order_of_the_contract() {
    let shop = Shop::open().await;
    let (seller, stranger, buyer) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let path = format!("/api/tickets/{ticket}");
    let good = json!({ "title": "Back row", "price": 15 });
    for unknown in [NOTHING, FOREIGN] {
        let unknown = format!("/api/tickets/{unknown}");
        shop.visitor()
            .put(&unknown, json!({}))
            .await
            .expect_errors(401, &[("Not authorized", None)]);
        seller.put(&unknown, json!({ "title": "", "price": 1 })).await.expect_errors(400, &[TITLE]);
        seller.put(&unknown, good.clone()).await.expect_errors(404, &[("Not Found", None)]);
    }
    shop.visitor().put(&path, good.clone()).await.expect(401);
    stranger
        .put(&path, json!({ "title": "", "price": -10 }))
        .await
        .expect_errors(400, &[TITLE, PRICE]);
    stranger.put(&path, good.clone()).await.expect_errors(401, &[("Not authorized", None)]);
    assert_eq!(seller.ticket(&ticket).await["title"], "Front row");

    let edited = seller.put(&path, good.clone()).await.expect(200).json();
    assert_eq!(
        (&edited["title"], &edited["price"], &edited["version"]),
        (&json!("Back row"), &json!(15), &json!(1))
    );
    assert_eq!(seller.ticket(&ticket).await, edited);

    buyer.reserves(&ticket).await;
    let reserved = [("Cannot edit a reserved ticket", None)];
    let dearer = json!({ "title": "Back row", "price": 99 });
    seller.put(&path, dearer.clone()).await.expect_errors(400, &reserved);
    stranger.put(&path, dearer).await.expect_errors(400, &reserved);
    assert_eq!(seller.ticket(&ticket).await["price"], json!(15));
}

#[tokio::test]
async fn versions_count_up_and_a_stale_one_is_refused() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let ticket = seller.lists("Front row", json!(20)).await;
    let path = format!("/api/tickets/{ticket}");
    let edit = |price: u32, version: u64| json!({ "title": "Front row", "price": price, "version": version });
    assert_eq!(seller.put(&path, edit(21, 0)).await.expect(200).json()["version"], json!(1));
    seller.put(&path, edit(22, 0)).await.expect_code(409, "stale_version");
    assert_eq!(seller.put(&path, edit(22, 1)).await.expect(200).json()["version"], json!(2));
    seller.put(&path, edit(23, 9)).await.expect_code(409, "stale_version");
}

#[tokio::test]
async fn an_edit_leaves_what_it_does_not_name() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let new = json!({
        "title": "Front row", "price": 20, "currency": "EUR", "quantity": 50, "venue": "Harbour", "maxPerBuyer": 4,
        "description": "Bring a coat", "startsAt": "2030-05-01T19:00:00+02:00",
    });
    let listed = seller.post("/api/tickets", new).await.expect(201).json();
    assert_eq!(listed["startsAt"], "2030-05-01T17:00:00.000Z");
    let path = format!("/api/tickets/{}", listed["id"].as_str().unwrap());
    let edited =
        seller.put(&path, json!({ "title": "Front row", "price": 25, "venue": null })).await;
    let mut expected = listed;
    expected["price"] = json!(25);
    expected["version"] = json!(1);
    expected.as_object_mut().unwrap().remove("venue");
    assert_eq!(edited.expect(200).json(), expected, "and the price stays in its currency");
}

#[tokio::test]
async fn withdrawing_is_for_the_owner_and_refused_while_units_are_held() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let path = format!("/api/tickets/{ticket}");
    shop.visitor().delete(&path).await.expect(401);
    seller.delete(&format!("/api/tickets/{FOREIGN}")).await.expect(404);
    buyer.delete(&path).await.expect_errors(401, &[("Not authorized", None)]);
    let order = buyer.reserves(&ticket).await;
    seller.delete(&path).await.expect_errors(400, &[("Cannot withdraw a reserved ticket", None)]);

    seller.delete(&format!("{path}?cancelHolds=true")).await.expect(204);
    let cancelled = |order: &Value| order["status"] == "cancelled";
    let order = buyer.sees(&format!("/api/orders/{order}"), cancelled).await;
    assert_eq!(order["cancelReason"], "seller");
    assert_eq!(seller.ticket(&ticket).await["status"], "withdrawn");
    let late = buyer.post("/api/orders", json!({ "ticketId": ticket })).await;
    late.expect_code(400, "not_on_sale");
    seller.delete(&path).await.expect(204);
}
