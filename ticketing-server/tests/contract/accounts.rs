//! Accounts and sessions.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::shop::{PASSWORD, SOON, Shop};

const EMAIL: (&str, Option<&str>) = ("Email must be valid", Some("email"));

fn account(email: &str, password: &str) -> serde_json::Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn signing_up_makes_an_account_and_a_session() {
    let shop = Shop::open().await;
    let browser = shop.visitor();
    let answer =
        browser.post("/api/users/signup", account("ada@example.com", PASSWORD)).await.expect(201);
    let user = answer.json();
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(user.as_object().unwrap().len(), 2, "id and e-mail, and no password: {user}");
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    for part in ["session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let me = browser.get("/api/users/currentuser").await.expect(200).json();
    assert_eq!(
        (&me["currentUser"]["id"], &me["currentUser"]["email"]),
        (&user["id"], &user["email"])
    );
    assert!(me["currentUser"]["iat"].is_i64());
}

#[tokio::test]
async fn a_secure_cookie_is_bound_to_its_host() {
    let shop = Shop::with(|config| config.cookie_secure = true).await;
    let answer =
        shop.visitor().post("/api/users/signup", account("ada@example.com", PASSWORD)).await;
    let cookie = answer.expect(201).header("set-cookie").unwrap().to_owned();
    for part in ["__Host-session=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn signing_up_checks_e_mail_and_password() {
    let shop = Shop::open().await;
    let visitor = shop.visitor();
    for email in [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "ada@example..com",
        "ada@exa\u{0}mple.com",
    ] {
        visitor
            .post("/api/users/signup", account(email, PASSWORD))
            .await
            .expect_errors(400, &[EMAIL]);
    }
    for password in ["", "p", "1234567", &"x".repeat(129)] {
        let answer = visitor
            .post("/api/users/signup", account("ada@example.com", password))
            .await
            .expect(400);
        assert_eq!(answer.json()["errors"][0]["field"], "password");
    }
    let both = visitor.post("/api/users/signup", json!({})).await.expect(400).json();
    assert_eq!(both["errors"].as_array().unwrap().len(), 2);
    assert_eq!(
        visitor.get("/api/users/currentuser").await.expect(200).json(),
        json!({ "currentUser": null })
    );
    visitor
        .post("/api/users/signup", account("ada@example.com", &"é".repeat(128)))
        .await
        .expect(201);
}

#[tokio::test]
async fn an_e_mail_is_one_accounts() {
    let shop = Shop::open().await;
    shop.visitor()
        .post("/api/users/signup", account("ada@example.com", PASSWORD))
        .await
        .expect(201);
    for same in ["ada@example.com", "ADA@Example.Com"] {
        let answer = shop.visitor().post("/api/users/signup", account(same, PASSWORD)).await;
        let answer = answer.expect(400);
        assert_eq!(answer.json()["errors"][0]["message"], "Email in use");
        assert!(answer.header("set-cookie").is_none());
    }
}

#[tokio::test]
async fn signing_in_takes_the_right_password_only() {
    let shop = Shop::open().await;
    let visitor = shop.visitor();
    visitor.post("/api/users/signup", account("ada@example.com", PASSWORD)).await.expect(201);
    let browser = shop.visitor();
    let refused = [("Invalid credentials", None)];
    let wrong = browser.post("/api/users/signin", account("ada@example.com", "wrong horse")).await;
    let wrong = wrong.expect_errors(400, &refused);
    let unknown = browser.post("/api/users/signin", account("bob@example.com", PASSWORD)).await;
    assert_eq!(unknown.expect_errors(400, &refused).text, wrong.text);
    browser.post("/api/users/signin", account("", "")).await.expect(400);
    browser.post("/api/users/signin", json!({})).await.expect(400);
    assert!(browser.cookie("session").is_none());
    let user =
        browser.post("/api/users/signin", account("Ada@example.com", PASSWORD)).await.expect(200);
    assert_eq!(user.json()["email"], "ada@example.com");
    assert!(browser.cookie("session").is_some());
}

#[tokio::test]
async fn signing_out_ends_the_session_and_never_fails() {
    let shop = Shop::open().await;
    let browser = shop.member().await;
    let stolen = browser.tab();
    let answer = browser.post("/api/users/signout", json!({})).await.expect(200);
    assert_eq!(answer.json(), json!({}));
    assert!(browser.cookie("session").is_none());
    stolen.get("/api/orders").await.expect_errors(401, &[("Not authorized", None)]);
    let me = stolen.get("/api/users/currentuser").await.expect(200).json();
    assert_eq!(me, json!({ "currentUser": null }));
    for body in ["", "{}", "nonsense"] {
        browser.send(Method::POST, "/api/users/signout", &[], body.into()).await.expect(200);
    }
    let odd = shop.visitor();
    odd.set_cookie("session", "not.a.token");
    odd.post("/api/users/signout", json!({})).await.expect(200);
    odd.get("/api/orders").await.expect(401);
}

#[tokio::test]
async fn a_token_works_as_bearer_too() {
    let shop = Shop::open().await;
    let token = shop.member().await.cookie("session").unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    shop.visitor().send(Method::GET, "/api/orders", &headers, "".into()).await.expect(200);
}

#[tokio::test]
async fn a_sign_out_is_known_to_another_server_on_the_same_accounts() {
    let shop = Shop::open().await;
    let other = shop.another_server().await;
    let member = shop.member().await;
    let elsewhere = other.visitor();
    elsewhere.set_cookie("session", &member.cookie("session").unwrap());
    elsewhere.get("/api/users/currentuser").await.expect(200);
    assert_ne!(elsewhere.get("/api/users/currentuser").await.json()["currentUser"], json!(null));
    member.post("/api/users/signout", json!({})).await.expect(200);
    let signed_out = tokio::time::Instant::now();
    let refused = async {
        while elsewhere.get("/api/orders").await.status.as_u16() != 401 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, refused).await.unwrap();
    assert!(signed_out.elapsed() <= Duration::from_secs(5), "{:?}", signed_out.elapsed());
    other.close().await;
}

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions() {
    let shop = Shop::open().await;
    let browser = shop.visitor();
    browser.post("/api/users/signup", account("ada@example.com", PASSWORD)).await.expect(201);
    let phone = shop.visitor();
    phone.post("/api/users/signin", account("ada@example.com", PASSWORD)).await.expect(200);
    let stolen = browser.tab();
    let change =
        |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    browser.put("/api/users/password", change("wrong horse", "another long one")).await.expect(400);
    browser.put("/api/users/password", change(PASSWORD, "short")).await.expect(400);
    browser.put("/api/users/password", change(PASSWORD, "another long one")).await.expect(204);
    phone.get("/api/orders").await.expect(401);
    stolen.get("/api/orders").await.expect(401);
    browser.get("/api/orders").await.expect(200);
    phone.post("/api/users/signin", account("ada@example.com", PASSWORD)).await.expect(400);
    phone
        .post("/api/users/signin", account("ada@example.com", "another long one"))
        .await
        .expect(200);
}

#[tokio::test]
async fn sessions_are_listed_and_revoked() {
    let shop = Shop::open().await;
    let browser = shop.visitor();
    browser.post("/api/users/signup", account("ada@example.com", PASSWORD)).await.expect(201);
    let phone = shop.visitor();
    phone.post("/api/users/signin", account("ada@example.com", PASSWORD)).await.expect(200);
    let sessions = browser.get("/api/users/sessions").await.expect(200).json();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == json!(false)).unwrap();
    let path = format!("/api/users/sessions/{}", other["id"].as_str().unwrap());
    shop.member().await.delete(&path).await.expect(404);
    phone.get("/api/orders").await.expect(200);
    browser.delete(&path).await.expect(204);
    phone.get("/api/orders").await.expect(401);
    browser.get("/api/orders").await.expect(200);
}

#[tokio::test]
async fn an_account_that_is_deleted_leaves_nothing_on_sale_or_held() {
    let shop = Shop::open().await;
    let (member, seller, buyer) = (shop.visitor(), shop.member().await, shop.member().await);
    member.post("/api/users/signup", account("ada@example.com", PASSWORD)).await.expect(201);
    let own = member.lists("Own", json!(5)).await;
    let held = buyer.reserves(&own).await;
    let wanted = seller.lists("Wanted", json!(5)).await;
    member.reserves(&wanted).await;

    let delete = async |password: &str| {
        let headers = [("content-type", "application/json")];
        let body = json!({ "password": password }).to_string();
        member.send(Method::DELETE, "/api/users/me", &headers, body.into()).await
    };
    delete("wrong horse").await.expect(400);
    let export = member.get("/api/users/export").await.expect(200).json();
    assert!(
        export.to_string().contains(&own) && !export.to_string().contains("argon2"),
        "{export}"
    );
    delete(PASSWORD).await.expect(204);
    member.get("/api/orders").await.expect(401);
    member.post("/api/users/signin", account("ada@example.com", PASSWORD)).await.expect(400);
    assert_eq!(seller.ticket(&own).await["status"], "withdrawn");
    buyer.sees(&format!("/api/orders/{held}"), |order| order["status"] == "cancelled").await;
    assert_eq!(seller.ticket(&wanted).await["available"], json!(1));
    member.post("/api/users/signup", account("ada@example.com", PASSWORD)).await.expect(201);
}

#[tokio::test]
async fn an_account_is_not_deleted_while_a_payment_runs() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("A", json!(5)).await).await;
    let pay = json!({ "orderId": order, "token": "tok_threeDSecure" });
    assert_eq!(
        buyer.post("/api/payments", pay).await.expect(201).json()["status"],
        "requires_action"
    );
    let headers = [("content-type", "application/json")];
    let body = json!({ "password": PASSWORD }).to_string();
    buyer.send(Method::DELETE, "/api/users/me", &headers, body.into()).await.expect(400);
    buyer.get("/api/orders").await.expect(200);
}

#[tokio::test]
async fn too_many_tries_are_slowed_down() {
    let shop = Shop::open().await;
    shop.visitor()
        .post("/api/users/signup", account("ada@example.com", PASSWORD))
        .await
        .expect(201);
    let tries = async {
        loop {
            let answer = shop
                .visitor()
                .post("/api/users/signin", account("ada@example.com", "wrong horse"))
                .await;
            if answer.status.as_u16() == 429 {
                return answer;
            }
            answer.expect(400);
        }
    };
    let answer = tokio::time::timeout(SOON, tries).await.expect("never slowed down");
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    answer.expect_code(429, "too_many_requests");
}
