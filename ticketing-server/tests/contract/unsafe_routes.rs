//! What holds of every route that changes something, as many as the description has: nobody is made
//! to use it from another site, and nothing can be set that is not offered.

use std::collections::BTreeSet;

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use crate::authorization::described;
use crate::browser::Browser;
use crate::people::{Owned, People, Request, Role};
use crate::shop::NOTHING;

/// What a browser says of a request that another site makes it send.
const FROM_ANOTHER_SITE: [(&str, &str); 5] = [
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
    ("origin", "https://evil.example"),
    ("origin", "null"),
    ("origin", "http://127.0.0.1.evil.example"),
];

/// Routes after which somebody is not who they were.
const ENDS_SOMEBODY: &str = "DELETE /api/users/me";

/// Its body is the gateway's, and signed: no client has a say in it.
const SIGNED: &str = "POST /api/webhooks/{gateway}";

/// Every route that changes something, the one that nothing can come after at the end.
async fn unsafe_routes(people: &People) -> Vec<String> {
    let mut routes = described(&people.shop).await;
    routes.retain(|route| !route.starts_with("GET "));
    assert!(routes.remove(ENDS_SOMEBODY));
    assert!(routes.len() >= 15, "{routes:?}");
    routes.into_iter().chain([ENDS_SOMEBODY.to_owned()]).collect()
}

/// Who may do it.
fn allowed(route: &str) -> Role {
    match route {
        "PUT /api/tickets/{id}" | "DELETE /api/tickets/{id}" => Role::Seller,
        "POST /api/orders/{id}/refund" => Role::Operator,
        _ => Role::Owner,
    }
}

#[tokio::test]
async fn nobody_is_made_to_do_anything_from_another_site() {
    let people = People::meet().await;
    for route in unsafe_routes(&people).await {
        let (role, owned) = (allowed(&route), people.own(&route).await);
        let request = people.request(role, &route, &owned);
        let before = everything(&people, &owned).await;
        for header in FROM_ANOTHER_SITE {
            let answer = request.with(header).from(&people.one(role).tab()).await;
            assert_eq!(answer.status.as_u16(), 403, "{route} {header:?}: {answer:?}");
            answer.expect_code(403, "cross_site_request");
        }
        assert_eq!(everything(&people, &owned).await, before, "{route}");
        // It is refused for where it comes from, and for nothing else.
        let own = format!("http://{}", people.shop.server.address());
        for header in [("sec-fetch-site", "same-origin"), ("origin", own.as_str())] {
            let owned = people.own(&route).await;
            let request = people.request(role, &route, &owned).with(header);
            let answer = people.ask(role, &request).await;
            assert!(answer.status.is_success(), "{route} {header:?}: {answer:?}");
            if route == ENDS_SOMEBODY {
                break;
            }
        }
    }
}

/// Everything that the people can see of what a request may have changed.
async fn everything(people: &People, owned: &Owned) -> Vec<String> {
    let order = format!("/api/orders/{}", owned.order);
    let ticket = format!("/api/tickets/{}", owned.ticket);
    let all = [ticket.as_str(), order.as_str(), "/api/orders", "/api/users/sessions"];
    let mut seen = Vec::new();
    for role in [Role::Owner, Role::Seller, Role::Operator] {
        for path in all.iter().chain(&["/api/tickets?all=true", "/api/users/currentuser"]) {
            seen.push(people.one(role).get(path).await.text);
        }
    }
    seen
}

#[tokio::test]
async fn nothing_can_be_set_that_is_not_offered() {
    let people = People::meet().await;
    let document = people.shop.visitor().get("/openapi.json").await.expect(200).json();
    let mut unread = 0;
    for route in unsafe_routes(&people).await {
        if route == SIGNED {
            continue;
        }
        let foreign = not_offered(&document, &route);
        assert!(foreign.len() >= 10, "{route}: {foreign:?}");
        unread += 1;
        let role = allowed(&route);
        // Whoever leaves does so once.
        let plain = if route == ENDS_SOMEBODY { Role::Stranger } else { role };
        let expected = outcome(&people, plain, &route, &Map::new()).await;
        let seen = outcome(&people, role, &route, &foreign).await;
        assert_eq!(seen, expected, "{route} with {foreign:?}");
    }
    assert!(unread >= 15);
}

/// Fields that mean something elsewhere, and that this route does not offer.
fn not_offered(document: &Value, route: &str) -> Map<String, Value> {
    let mut foreign = json!({
        "id": NOTHING, "userId": NOTHING, "sellerId": NOTHING, "buyerId": NOTHING,
        "version": 77, "status": "complete", "price": 0.07, "total": 0.07, "refundedAmount": 0.07,
        "operator": true, "expiresAt": SENTINEL, "createdAt": SENTINEL, "available": 77,
        "sold": 77, "held": 77, "cancelReason": "seller", "paymentId": NOTHING, "emailVerified": true,
    });
    let foreign = foreign.as_object_mut().unwrap();
    let offered = offered(document, route);
    foreign.retain(|field, _| !offered.contains(field));
    foreign.clone()
}

const SENTINEL: &str = "2999-01-01T00:00:00.000Z";

/// The fields of a route's body.
fn offered(document: &Value, route: &str) -> BTreeSet<String> {
    let (method, path) = route.split_once(' ').unwrap();
    let body = &document["paths"][path][method.to_lowercase()]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    let named = schema["$ref"].as_str().map(|target| target.trim_start_matches('#'));
    let schema = named.map_or(schema, |target| document.pointer(target).unwrap());
    let fields = schema["properties"].as_object();
    assert!(body.is_null() || fields.is_some(), "{route} has a body, and no fields: {body}");
    fields.into_iter().flatten().map(|(field, _)| field.clone()).collect()
}

/// What a route answers to a good body with these fields in addition, and what is there afterwards,
/// without what differs from one time to the next.
async fn outcome(
    people: &People,
    role: Role,
    route: &str,
    foreign: &Map<String, Value>,
) -> Vec<Value> {
    let owned = people.own(route).await;
    let mut request = people.request(role, route, &owned);
    let mut body: Map<String, Value> = serde_json::from_slice(&request.body).unwrap();
    body.extend(foreign.clone());
    request.body = Bytes::from(Value::from(body).to_string());
    let answer = people.ask(role, &request).await;
    assert!(answer.status.is_success(), "{route}: {answer:?}");
    let told = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
    let made = told["id"].as_str().map(ToOwned::to_owned);
    let mut seen = vec![json!(answer.status.as_u16()), told];
    let ticket = made.clone().filter(|_| route == "POST /api/tickets").unwrap_or(owned.ticket);
    let order = made.filter(|_| route == "POST /api/orders").unwrap_or(owned.order);
    seen.push(look(people.one(Role::Seller), &format!("/api/tickets/{ticket}")).await);
    seen.push(look(people.one(Role::Owner), &format!("/api/orders/{order}")).await);
    if route != ENDS_SOMEBODY {
        seen.push(look(people.one(role), "/api/users/currentuser").await);
    }
    let text = Value::from(seen.clone()).to_string();
    assert!(!text.contains(SENTINEL) && !text.contains(NOTHING), "{route}: {text}");
    seen.into_iter().map(|part| without_names(part, "")).collect()
}

async fn look(browser: &Browser, path: &str) -> Value {
    let answer = browser.get(path).await;
    if answer.status.is_success() { answer.json() } else { Value::Null }
}

/// The same without ids, times, addresses and secrets, which are others every time.
fn without_names(part: Value, field: &str) -> Value {
    match part {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name.clone(), without_names(value, &name))).collect()
        }
        Value::Array(items) => items.into_iter().map(|it| without_names(it, field)).collect(),
        Value::Number(_) if field == "iat" => json!("a time"),
        Value::String(text) if uuid::Uuid::parse_str(&text).is_ok() => json!("an id"),
        Value::String(text) if text.ends_with('Z') && text.starts_with("20") => json!("a time"),
        Value::String(text) if text.contains("_secret_") => json!("a secret"),
        Value::String(text) if text.contains('@') => json!("an address"),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

impl Request {
    fn with(&self, (name, value): (&str, &str)) -> Self {
        let mut with = self.clone();
        with.headers.push((name.to_owned(), value.to_owned()));
        with
    }
}
