//! Every failure has the one body, whoever tells it.

use axum::http::Method;
use serde_json::json;

use crate::browser::Answer;
use crate::shop::Shop;

#[track_caller]
fn has_the_one_body(answer: &Answer) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8"),
        "{answer:?}"
    );
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    assert!(!errors.is_empty() && body.as_object().unwrap().len() == 1, "{body}");
    for error in errors {
        assert!(error["message"].is_string() && error["code"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_fail_like_everything_else() {
    let shop = Shop::open().await;
    for path in
        ["/api/nothing", "/api", "/api/tickets/a/b/c", "/api/users", "/api/orders/x/refund/y"]
    {
        let answer = shop.visitor().get(path).await.expect_errors(404, &[("Not Found", None)]);
        has_the_one_body(&answer);
    }
    let answer =
        shop.visitor().send(Method::PATCH, "/api/tickets", &[], "".into()).await.expect(405);
    has_the_one_body(&answer);
    assert!(answer.header("allow").is_some());
}

#[tokio::test]
async fn a_trailing_slash_is_optional() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let new = json!({ "title": "A", "price": 5 });
    let ticket = seller.post("/api/tickets/", new).await.expect(201).id();
    seller.get("/api/tickets/").await.expect(200);
    seller.get(&format!("/api/tickets/{ticket}/")).await.expect(200);
    seller.get("/api/users/currentuser/").await.expect(200);
}

#[tokio::test]
async fn bodies_that_can_not_be_read_are_told_so() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let json = [("content-type", "application/json")];
    let post = async |headers: &[(&str, &str)], body: Vec<u8>| {
        let answer = seller.send(Method::POST, "/api/tickets", headers, body.into()).await;
        has_the_one_body(&answer);
        answer
    };
    for body in [
        "{",
        "[]",
        "7",
        "null",
        "\"x\"",
        "{\"title\":}",
        "{\"title\":\"a\",\"title\":\"b\"}",
        "{}{}",
        "\u{feff}{}",
    ] {
        post(&json, body.into()).await.expect_code(400, "malformed_json");
    }
    post(&json, b"{\"title\":\"\xff\"}".to_vec()).await.expect(400);
    post(&json, format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into()).await.expect(400);
    let large = format!("{{\"title\":\"{}\"}}", "a".repeat(70_000));
    post(&json, large.into()).await.expect_code(413, "body_too_large");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
    ] {
        post(&[("content-type", kind)], b"{\"title\":\"a\",\"price\":1}".to_vec())
            .await
            .expect(415);
    }
    post(&[], b"{\"title\":\"a\",\"price\":1}".to_vec()).await.expect(415);
    let spelled = [("content-type", "APPLICATION/JSON; charset=UTF-8")];
    let good = b"{\"title\":\"a\",\"price\":1}".as_slice();
    let answer = seller.send(Method::POST, "/api/tickets", &spelled, good.into()).await;
    answer.expect(201);
}

#[tokio::test]
async fn cross_site_requests_are_refused() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let new = json!({ "title": "A", "price": 5 });
    let with = async |headers: &[(&str, &str)]| {
        seller.json(Method::POST, "/api/tickets", headers, &new).await
    };
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        let answer = with(headers).await.expect(403);
        has_the_one_body(&answer);
    }
    with(&[("sec-fetch-site", "same-origin")]).await.expect(201);
    with(&[("sec-fetch-site", "none")]).await.expect(201);
    with(&[]).await.expect(201);
    let reading = seller
        .send(Method::GET, "/api/tickets", &[("sec-fetch-site", "cross-site")], "".into())
        .await;
    assert_eq!(reading.expect(200).json().as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn every_answer_says_which_request_it_is_of() {
    let shop = Shop::open().await;
    let answer = shop.visitor().get("/api/tickets").await.expect(200);
    assert!(uuid::Uuid::parse_str(answer.header("x-request-id").unwrap()).is_ok());
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let own = "0190b0a0-0000-7000-8000-00000000c0de";
    let answer =
        shop.visitor().send(Method::GET, "/api/nothing", &[("x-request-id", own)], "".into()).await;
    assert_eq!(answer.header("x-request-id"), Some(own));
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let spoilt = folder.path().join("accounts.db");
    std::fs::write(&spoilt, "no database, and too long to be an empty one").unwrap();
    let config = || ticketing_server::Config::in_folder(folder.path());
    ticketing_server::Server::start(config()).await.unwrap_err();
    std::fs::remove_file(&spoilt).unwrap();
    let server = ticketing_server::Server::start(config()).await.expect("nothing is in the way");
    server.shutdown().await;
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let config = ticketing_server::Config::in_folder(folder.path());
    let server = ticketing_server::Server::start(config).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o077;
        assert!(mode == 0 || entry.file_name().to_string_lossy().ends_with(".lock"), "{entry:?}");
    }
    server.shutdown().await;
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    let logs = left.iter().filter(|name| name.to_string_lossy().ends_with("-wal"));
    assert_eq!(logs.count(), 0, "each file is whole by itself: {left:?}");
}
