//! Who may do what: every route of the API's description against everybody who may call it.
//!
//! A route without a row fails, and so does a row without a route.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::shop::{FOREIGN, NOTHING, PASSWORD, Shop, VISA};

/// What each of them is answered on what is the owner's: anonymous, owner, stranger, the seller of
/// what the owner bought, an operator, somebody who has signed out.
type Row = (&'static str, [u16; 6]);

const ROWS: [Row; 27] = [
    // Everybody, and what signing in is for.
    ("GET /api/tickets", [200; 6]),
    ("GET /api/tickets/{id}", [200; 6]),
    ("GET /api/tickets/live", [200; 6]),
    ("GET /api/users/currentuser", [200; 6]),
    ("POST /api/users/signup", [400; 6]),
    ("POST /api/users/signin", [400; 6]),
    ("POST /api/users/signout", [200; 6]),
    ("POST /api/webhooks/{gateway}", [400; 6]),
    // Whoever is signed in, for itself.
    ("POST /api/tickets", [401, 201, 201, 201, 201, 401]),
    ("POST /api/orders", [401, 201, 201, 201, 201, 401]),
    ("GET /api/orders", [401, 200, 200, 200, 200, 401]),
    ("GET /api/users/sessions", [401, 200, 200, 200, 200, 401]),
    ("GET /api/users/export", [401, 200, 200, 200, 200, 401]),
    ("PUT /api/users/email", [401, 400, 400, 400, 400, 401]),
    ("PUT /api/users/password", [401, 400, 400, 400, 400, 401]),
    ("DELETE /api/users/me", [401, 400, 400, 400, 400, 401]),
    ("POST /api/users/sessions/revoke-others", [401, 200, 200, 200, 200, 401]),
    // The owner alone.
    ("DELETE /api/users/sessions/{id}", [401, 204, 404, 404, 404, 401]),
    ("GET /api/orders/{id}", [401, 200, 401, 401, 401, 401]),
    ("GET /api/orders/{id}/live", [401, 200, 401, 401, 401, 401]),
    ("POST /api/orders/{id}/extend", [401, 200, 401, 401, 401, 401]),
    ("POST /api/payments/intents", [401, 201, 401, 401, 401, 401]),
    ("POST /api/payments", [401, 201, 401, 401, 401, 401]),
    ("DELETE /api/orders/{id}", [401, 204, 401, 401, 401, 401]),
    // The seller, who is not the order's owner, and operators.
    ("POST /api/orders/{id}/refund", [401, 401, 401, 201, 201, 401]),
    ("PUT /api/tickets/{id}", [401, 401, 401, 200, 401, 401]),
    ("DELETE /api/tickets/{id}", [401, 401, 401, 204, 401, 401]),
];

/// Routes that answer 404 for an id that nothing has, once somebody is signed in.
const WITH_IDS: [&str; 12] = [
    "GET /api/tickets/{id}",
    "PUT /api/tickets/{id}",
    "DELETE /api/tickets/{id}",
    "GET /api/orders/{id}",
    "GET /api/orders/{id}/live",
    "POST /api/orders/{id}/extend",
    "DELETE /api/orders/{id}",
    "POST /api/orders/{id}/refund",
    "POST /api/payments",
    "POST /api/payments/intents",
    "POST /api/orders",
    "DELETE /api/users/sessions/{id}",
];

/// Everybody, in the order of a row.
struct People {
    owner: Browser,
    others: [Browser; 5],
}

/// What the owner of a row owns.
struct Owned {
    ticket: String,
    order: String,
    session: String,
}

async fn described(shop: &Shop) -> BTreeSet<String> {
    let document = shop.visitor().get("/openapi.json").await.expect(200).json();
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys();
        let methods =
            methods.filter(|it| ["get", "put", "post", "delete", "patch"].contains(&it.as_str()));
        routes.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    routes.into_iter().filter(|route| route.contains(" /api/")).collect()
}

#[tokio::test]
async fn every_route_has_a_row_and_every_row_a_route() {
    let shop = Shop::open().await;
    let rows: BTreeSet<String> = ROWS.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(described(&shop).await, rows);
}

#[tokio::test]
async fn everybody_is_answered_what_the_row_says() {
    let (_shop, people) = People::meet().await;
    for (route, expected) in ROWS {
        let mut told = Vec::new();
        for number in 0..6 {
            let owned = people.own(route).await;
            told.push(people.ask(number, route, &owned).await);
        }
        assert_eq!(
            told, expected,
            "{route}: anonymous, owner, stranger, seller, operator, signed out"
        );
    }
}

#[tokio::test]
async fn an_id_that_nothing_has_is_not_found() {
    let (_shop, people) = People::meet().await;
    for route in WITH_IDS {
        for id in [NOTHING, FOREIGN] {
            let nothing = Owned { ticket: id.into(), order: id.into(), session: id.into() };
            assert_eq!(people.ask(1, route, &nothing).await, 404, "{route} {id}");
        }
    }
}

impl People {
    async fn meet() -> (Shop, Self) {
        // Operators are named by their ids, which are known once they have signed up.
        let shop = Shop::open().await;
        let operator = shop.member().await;
        let id = operator.me().await;
        let operators = [id.parse().unwrap()].into();
        let shop = shop.reopened(|config| config.operators = operators, |server| server).await;
        let operator = operator.at(shop.server.address());

        let (owner, stranger, seller) =
            (shop.member().await, shop.member().await, shop.member().await);
        let signed_out = shop.member().await;
        let session = signed_out.cookie("session").unwrap();
        signed_out.post("/api/users/signout", json!({})).await.expect(200);
        signed_out.set_cookie("session", &session);
        let others = [shop.visitor(), stranger, seller, operator, signed_out];
        (shop, Self { owner, others })
    }

    fn one(&self, number: usize) -> &Browser {
        match number {
            0 => &self.others[0],
            1 => &self.owner,
            other => &self.others[other - 1],
        }
    }

    /// Something new for a route to be tried on.
    async fn own(&self, route: &str) -> Owned {
        let seller = &self.others[2];
        let ticket = seller.lists("Front row", json!(10)).await;
        let keeps_it_free = route.contains("/api/tickets") || route == "POST /api/orders";
        let order =
            if keeps_it_free { NOTHING.to_owned() } else { self.owner.reserves(&ticket).await };
        if route.ends_with("/refund") {
            self.owner.pays(&order).await;
        }
        Owned { ticket, order, session: self.session_to_revoke(route).await }
    }

    /// A session of the owner's other than the one it uses.
    async fn session_to_revoke(&self, route: &str) -> String {
        if !route.ends_with("/sessions/{id}") {
            return NOTHING.to_owned();
        }
        let me = self.owner.get("/api/users/currentuser").await.json();
        let elsewhere = self.owner.another();
        let sign_in = json!({ "email": me["currentUser"]["email"], "password": PASSWORD });
        elsewhere.post("/api/users/signin", sign_in).await.expect(200);
        let sessions = self.owner.get("/api/users/sessions").await.expect(200).json();
        let mut sessions = sessions.as_array().unwrap().iter();
        let other = sessions.find(|session| session["current"] == json!(false)).unwrap();
        other["id"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, number: usize, route: &str, owned: &Owned) -> u16 {
        let (method, path) = route.split_once(' ').unwrap();
        let id = if path.contains("/tickets") {
            &owned.ticket
        } else if path.contains("/sessions") {
            &owned.session
        } else {
            &owned.order
        };
        let path = path.replace("{id}", id).replace("{gateway}", "sandbox");
        // A tab of its own, so that cookies which an answer sets change nobody's.
        let tab = self.one(number).tab();
        if path.ends_with("/live") {
            return match tab.watch(&path).await {
                Ok(_) => 200,
                Err(answer) => answer.status.as_u16(),
            };
        }
        if path.ends_with("/signout") {
            return tab.post_signed_out(&path).await;
        }
        let method: Method = method.parse().unwrap();
        tab.json(method, &path, &[], &body(route, owned)).await.status.as_u16()
    }
}

impl Browser {
    /// Signs out of a session of its own, so that the one in use goes on.
    async fn post_signed_out(&self, path: &str) -> u16 {
        self.set_cookie("session", "none");
        self.post(path, json!({})).await.status.as_u16()
    }
}

/// A body that is good, but for accounts, where it would change who is who.
fn body(route: &str, owned: &Owned) -> Value {
    let bodies = BTreeMap::from([
        ("POST /api/tickets", json!({ "title": "A", "price": 1 })),
        ("PUT /api/tickets/{id}", json!({ "title": "A", "price": 1 })),
        ("POST /api/orders", json!({ "ticketId": owned.ticket })),
        ("POST /api/payments", json!({ "orderId": owned.order, "token": VISA })),
        ("POST /api/payments/intents", json!({ "orderId": owned.order })),
    ]);
    bodies.get(route).cloned().unwrap_or_else(|| json!({}))
}
