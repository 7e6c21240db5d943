//! Orders: reserved, listed, shown, extended, cancelled.

use serde_json::{Value, json};

use crate::shop::{FOREIGN, NOTHING, Shop};

const UNSAID: (&str, Option<&str>) = ("TicketId must be provided", Some("ticketId"));

#[tokio::test]
async fn reserving_checks_in_the_order_of_the_contract() {
    let shop = Shop::open().await;
    let buyer = shop.member().await;
    shop.visitor()
        .post("/api/orders", json!({}))
        .await
        .expect_errors(401, &[("Not authorized", None)]);
    for body in [
        json!({}),
        json!({ "ticketId": "" }),
        json!({ "ticketId": null }),
        json!({ "ticketId": 7 }),
    ] {
        buyer.post("/api/orders", body).await.expect_errors(400, &[UNSAID]);
    }
    for unknown in [NOTHING, FOREIGN, "x"] {
        let answer = buyer.post("/api/orders", json!({ "ticketId": unknown })).await;
        answer.expect_errors(404, &[("Not Found", None)]);
    }
    assert_eq!(buyer.get("/api/orders").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn a_reservation_holds_the_ticket_for_one() {
    let shop = Shop::open().await;
    let (seller, buyer, late) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!("20.50")).await;
    let order = buyer.post("/api/orders", json!({ "ticketId": ticket })).await.expect(201).json();
    assert_eq!(order["status"], "created");
    assert_eq!(order["userId"], json!(buyer.me().await));
    assert_eq!(
        (&order["total"], &order["currency"], &order["version"]),
        (&json!(20.5), &json!("USD"), &json!(0))
    );
    let shown = json!({ "id": ticket, "title": "Front row", "price": 20.5, "version": 0 });
    assert_eq!(order["ticket"], shown);
    let line = json!({ "ticketId": ticket, "title": "Front row", "price": 20.5, "quantity": 1, "returned": 0 });
    assert_eq!(order["lines"], json!([line]));
    let expires = order["expiresAt"].as_str().unwrap();
    assert!(expires.len() == 24 && expires.ends_with('Z'), "{expires}");
    assert_eq!(buyer.order(order["id"].as_str().unwrap()).await, order);

    let taken = late.post("/api/orders", json!({ "ticketId": ticket })).await;
    taken.expect_errors(400, &[("Ticket is already reserved", None)]);
    assert_eq!(late.get("/api/orders").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn several_tickets_are_reserved_together_or_not_at_all() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let seats = seller.lists_many("Seats", json!(10), 5).await;
    let parking = seller.lists_many("Parking", json!(4), 1).await;
    let lines = |seats_wanted: u32, parking_wanted: u32| {
        json!({ "lines": [
        { "ticketId": seats, "quantity": seats_wanted }, { "ticketId": parking, "quantity": parking_wanted },
    ] })
    };
    buyer.post("/api/orders", lines(2, 2)).await.expect_code(400, "sold_out");
    assert_eq!(buyer.ticket(&seats).await["available"], json!(5));
    let order = buyer.post("/api/orders", lines(2, 1)).await.expect(201).json();
    assert_eq!((&order["total"], &order["ticket"]["id"]), (&json!(24), &json!(seats)));
    assert_eq!(buyer.ticket(&seats).await["available"], json!(3));

    for (wrong, status) in [
        (json!({ "lines": [] }), 400),
        (json!({ "lines": [{ "quantity": 1 }] }), 400),
        (json!({ "lines": "many" }), 400),
        (json!({ "ticketId": seats, "quantity": 0 }), 400),
        (json!({ "ticketId": seats, "quantity": -1 }), 400),
        (json!({ "ticketId": seats, "quantity": 1.5 }), 400),
        (json!({ "ticketId": seats, "quantity": 4_294_967_296_u64 }), 400),
        (json!({ "lines": [{ "ticketId": seats }, { "ticketId": FOREIGN }] }), 404),
    ] {
        let answer = buyer.post("/api/orders", wrong.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{wrong}: {answer:?}");
    }
    assert_eq!(buyer.ticket(&seats).await["available"], json!(3));
}

#[tokio::test]
async fn an_order_is_its_buyers_alone() {
    let shop = Shop::open().await;
    let (seller, buyer, other) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let path = format!("/api/orders/{}", buyer.reserves(&ticket).await);
    shop.visitor().get(&path).await.expect(401);
    other.get(&path).await.expect_errors(401, &[("Not authorized", None)]);
    seller.get(&path).await.expect(401);
    for unknown in [NOTHING, FOREIGN] {
        buyer
            .get(&format!("/api/orders/{unknown}"))
            .await
            .expect_errors(404, &[("Not Found", None)]);
        buyer.delete(&format!("/api/orders/{unknown}")).await.expect(404);
        buyer.post(&format!("/api/orders/{unknown}/extend"), json!({})).await.expect(404);
        shop.visitor().get(&format!("/api/orders/{unknown}")).await.expect(401);
    }
    other.delete(&path).await.expect(401);
    other.post(&format!("{path}/extend"), json!({})).await.expect(401);
    assert_eq!(buyer.get(&path).await.expect(200).json()["status"], "created");
}

#[tokio::test]
async fn buyers_see_their_own_orders_oldest_first() {
    let shop = Shop::open().await;
    let (seller, buyer, other) = (shop.member().await, shop.member().await, shop.member().await);
    let mut tickets = Vec::new();
    for number in 0..5 {
        let ticket = seller.lists(&format!("Ticket {number}"), json!(5)).await;
        if number == 2 {
            other.reserves(&ticket).await
        } else {
            buyer.reserves(&ticket).await
        };
        tickets.push(ticket);
    }
    tickets.remove(2);
    let of = |orders: &Value| -> Vec<String> {
        orders
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["ticket"]["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(of(&buyer.get("/api/orders").await.expect(200).json()), tickets);
    let page = buyer.get("/api/orders?order=desc&limit=3").await.expect(200);
    let link =
        page.header("link").unwrap().split_once('>').unwrap().0.trim_start_matches('<').to_owned();
    let mut newest_first = of(&page.json());
    newest_first.extend(of(&buyer.get(&link).await.expect(200).json()));
    tickets.reverse();
    assert_eq!(newest_first, tickets);
    buyer.get("/api/orders?order=sideways").await.expect(400);
    shop.visitor().get("/api/orders").await.expect(401);
}

#[tokio::test]
async fn a_cancelled_order_gives_its_units_back() {
    let shop = Shop::open().await;
    let (seller, buyer, next) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let path = format!("/api/orders/{order}");
    shop.visitor().delete(&path).await.expect(401);
    let answer = buyer.delete(&path).await.expect(204);
    assert_eq!(answer.text, "");
    let cancelled = buyer.order(&order).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["cancelReason"]),
        (&json!("cancelled"), &json!("buyer"))
    );
    buyer.delete(&path).await.expect(204);
    next.reserves(&ticket).await;

    let paid = next.get("/api/orders").await.json()[0]["id"].as_str().unwrap().to_owned();
    next.pays(&paid).await;
    next.delete(&format!("/api/orders/{paid}")).await.expect_code(400, "order_complete");
}

#[tokio::test]
async fn an_order_is_extended_once() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let path = format!("/api/orders/{order}/extend");
    let before = buyer.order(&order).await["expiresAt"].as_str().unwrap().to_owned();
    let extended = buyer.post(&path, json!({})).await.expect(200).json();
    assert!(extended["expiresAt"].as_str().unwrap() > before.as_str(), "{before} {extended}");
    buyer.post(&path, json!({})).await.expect_code(400, "already_extended");
    shop.visitor().post(&path, json!({})).await.expect(401);
}

#[tokio::test]
async fn limits_and_sale_windows_are_kept() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let limited =
        json!({ "title": "A", "price": 5, "quantity": 9, "maxPerOrder": 2, "maxPerBuyer": 3 });
    let limited = seller.post("/api/tickets", limited).await.expect(201).id();
    let want = |quantity: u32| json!({ "ticketId": limited, "quantity": quantity });
    buyer.post("/api/orders", want(3)).await.expect_code(400, "over_order_limit");
    buyer.post("/api/orders", want(2)).await.expect(201);
    buyer.post("/api/orders", want(2)).await.expect_code(400, "over_buyer_limit");
    buyer.post("/api/orders", want(1)).await.expect(201);
    let early = json!({ "title": "B", "price": 5, "saleStartsAt": "2999-01-01T00:00:00Z" });
    let early = seller.post("/api/tickets", early).await.expect(201).id();
    buyer.post("/api/orders", json!({ "ticketId": early })).await.expect_code(400, "sale_not_open");
    let late = json!({ "title": "B", "price": 5, "saleEndsAt": "2001-01-01T00:00:00Z" });
    let late = seller.post("/api/tickets", late).await.expect(201).id();
    buyer.post("/api/orders", json!({ "ticketId": late })).await.expect_code(400, "sale_over");
}
