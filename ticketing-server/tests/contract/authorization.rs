//! Who may do what: every route of the API's description against everybody who may call it.
//!
//! A route without a row fails, and so does a row without a route.

use std::collections::BTreeSet;

use crate::people::{Owned, People, Role};
use crate::shop::{FOREIGN, NOTHING, Shop};

/// What each role is answered on what is the owner's, in the order of [`Role::ALL`]: anonymous,
/// owner, stranger, the seller of what the owner bought, an operator, somebody who has signed out,
/// somebody whose session expired.
type Row = (&'static str, [u16; 7]);

/// The rows at the end change who is who, so nothing comes after them.
const ROWS: [Row; 27] = [
    // Everybody, and what signing in is for.
    ("GET /api/tickets", [200; 7]),
    ("GET /api/tickets/{id}", [200; 7]),
    ("GET /api/tickets/live", [200; 7]),
    ("GET /api/users/currentuser", [200; 7]),
    ("POST /api/webhooks/{gateway}", [200; 7]),
    // Whoever is signed in, for itself.
    ("POST /api/tickets", [401, 201, 201, 201, 201, 401, 401]),
    ("POST /api/orders", [401, 201, 201, 201, 201, 401, 401]),
    ("GET /api/orders", [401, 200, 200, 200, 200, 401, 401]),
    ("GET /api/users/sessions", [401, 200, 200, 200, 200, 401, 401]),
    ("GET /api/users/export", [401, 200, 200, 200, 200, 401, 401]),
    // The owner alone.
    ("DELETE /api/users/sessions/{id}", [401, 204, 404, 404, 404, 401, 401]),
    ("GET /api/orders/{id}", [401, 200, 401, 401, 401, 401, 401]),
    ("GET /api/orders/{id}/live", [401, 200, 401, 401, 401, 401, 401]),
    ("POST /api/orders/{id}/extend", [401, 200, 401, 401, 401, 401, 401]),
    ("POST /api/payments/intents", [401, 201, 401, 401, 401, 401, 401]),
    ("POST /api/payments", [401, 201, 401, 401, 401, 401, 401]),
    ("DELETE /api/orders/{id}", [401, 204, 401, 401, 401, 401, 401]),
    // The seller, who is not the order's owner, and operators.
    ("POST /api/orders/{id}/refund", [401, 401, 401, 201, 201, 401, 401]),
    ("PUT /api/tickets/{id}", [401, 401, 401, 200, 401, 401, 401]),
    ("DELETE /api/tickets/{id}", [401, 401, 401, 204, 401, 401, 401]),
    // The account of whoever is signed in. Whoever signs up or in ends the session it came with, if
    // it was one: an expired session that is taken for a good one shows before.
    ("POST /api/users/signup", [201; 7]),
    ("POST /api/users/signin", [200; 7]),
    ("POST /api/users/signout", [200; 7]),
    ("PUT /api/users/password", [401, 204, 204, 204, 204, 401, 401]),
    ("POST /api/users/sessions/revoke-others", [401, 200, 200, 200, 200, 401, 401]),
    ("PUT /api/users/email", [401, 200, 200, 200, 200, 401, 401]),
    ("DELETE /api/users/me", [401, 204, 204, 204, 204, 401, 401]),
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

/// The routes below `/api` of the description, as `METHOD path`.
pub(crate) async fn described(shop: &Shop) -> BTreeSet<String> {
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
    let described = described(&shop).await;
    assert_eq!(described, rows);
    let with_ids = described.iter().filter(|route| route.contains("{id}"));
    let untried: Vec<_> = with_ids.filter(|route| !WITH_IDS.contains(&route.as_str())).collect();
    assert!(untried.is_empty(), "not tried with ids that nothing has: {untried:?}");
}

#[tokio::test]
async fn everybody_is_answered_what_the_row_says() {
    let people = People::meet().await;
    for (route, expected) in ROWS {
        let mut told = Vec::new();
        for role in Role::ALL {
            let owned = people.own(route).await;
            let request = people.request(role, route, &owned);
            told.push(people.ask(role, &request).await.status.as_u16());
        }
        assert_eq!(told, expected, "{route}: {:?}", Role::ALL);
    }
}

#[tokio::test]
async fn an_id_that_nothing_has_is_not_found() {
    let people = People::meet().await;
    for route in WITH_IDS {
        for id in [NOTHING, FOREIGN] {
            let request = people.request(Role::Owner, route, &Owned::nothing(id));
            let answer = people.ask(Role::Owner, &request).await;
            assert_eq!(answer.status.as_u16(), 404, "{route} {id}");
        }
    }
}
