//! The API's description.

use axum::http::StatusCode;
use serde_json::Value;

use crate::shop::Shop;

#[tokio::test]
async fn the_description_is_whole() {
    let shop = Shop::open().await;
    let document = shop.visitor().get("/openapi.json").await.expect(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name =
                operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path}"));
            assert!(names.insert(name.to_owned()), "{name} twice");
            assert!(operation["tags"].is_array(), "{method} {path} is under no heading");
            let summary = operation["summary"].as_str().unwrap_or_default();
            let is_short = (1..=150).contains(&summary.len()) && !summary.contains(['`', '\n']);
            assert!(is_short && !summary.ends_with('.'), "{method} {path}: {summary:?}");
            assert!(operation["description"].is_string(), "{method} {path}");
            assert!(!operation["responses"].as_object().unwrap().is_empty());
        }
    }
    resolves(&document, &document);
}

/// Every reference leads somewhere.
fn resolves(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').expect("a reference into the document");
                assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
            }
            fields.values().for_each(|field| resolves(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| resolves(document, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn the_page_of_the_description_needs_no_other_host() {
    let shop = Shop::open().await;
    let page = shop.visitor().get("/docs/").await.expect(200);
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for outside in ["https://", "http://", "src=\"//"] {
        assert!(!page.text.contains(outside), "{}", page.text);
    }
    shop.visitor().get("/docs/swagger-ui-bundle.js").await.expect(200);
}

/// What surrounds a handler refuses as well, and nobody looks at each handler for that.
#[tokio::test]
async fn every_operation_describes_what_is_refused_around_it() {
    let shop = Shop::open().await;
    let document = shop.visitor().get("/openapi.json").await.expect(200).json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{method} {path}");
            let statuses = operation["responses"].as_object().unwrap();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let takes_key = parameters.clone().any(|it| it["name"] == "Idempotency-Key");
            let body = operation["requestBody"]["content"].as_object();
            let takes_json = body.is_some_and(|body| body.contains_key("application/json"));
            for (status, expected) in [
                ("429", true),
                ("503", true),
                ("403", method != "get"),
                ("413", body.is_some()),
                ("415", takes_json),
                ("422", takes_key),
            ] {
                assert_eq!(statuses.contains_key(status), expected, "{name}: {status}");
            }
            assert!(!takes_key || statuses.contains_key("409"), "{name}: 409");
            assert_eq!(operation["security"].is_array(), statuses.contains_key("401"), "{name}");
        }
    }
}

#[tokio::test]
async fn whoever_opens_the_address_finds_the_description() {
    let shop = Shop::open().await;
    let page = shop.visitor().get("/").await.expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text.contains("href=\"/docs/\""), "{}", page.text);
    assert!(page.header("content-security-policy").unwrap().contains("style-src 'self'"));
    for link in page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        // What stands behind the mark is for the browser.
        let link = link.split('#').next().unwrap();
        let link = if link.is_empty() { "/" } else { link };
        let status = shop.visitor().get(link).await.status;
        // Some of them are for members, and lead to where one signs in.
        assert!(matches!(status, StatusCode::OK | StatusCode::SEE_OTHER), "{link}: {status}");
    }
    shop.visitor().get("/nothing").await.expect_code(404, "not_found");
    shop.close().await;
}
