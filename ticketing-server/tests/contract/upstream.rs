//! A web client behind the server.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Json};
use axum::routing::{any, get};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::shop::{SOON, Shop};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A shop before a client at this address.
async fn shop_before(client: SocketAddr, trusts_everybody: bool) -> Shop {
    Shop::with(|config| {
        config.client_upstream = Some(format!("http://{client}").parse().unwrap());
        if trusts_everybody {
            config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        }
    })
    .await
}

/// A shop before a client of these pages.
async fn shop_with(pages: Router) -> Shop {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
    shop_before(address, false).await
}

/// Tells what the client was asked.
async fn mirror(request: Request) -> Json<Value> {
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let asked = json!({ "method": request.method().as_str(), "uri": request.uri().to_string() });
    Json(json!({ "asked": asked, "headers": headers }))
}

/// All values of one field that the client was sent.
fn sent(told: &Value, name: &str) -> Vec<String> {
    let fields = told["headers"].as_array().unwrap().iter();
    let values = fields.filter(|field| field[0] == name);
    values.map(|field| field[1].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_not_the_api_is_the_clients() {
    let shop = shop_with(Router::new().fallback(mirror)).await;
    let visitor = shop.visitor();
    for path in ["/", "/tickets/7?a=1&b=%20", "/_next/x.js", "/pages/", "/apiary/", "/healthz/x"] {
        let told = visitor.get(path).await.expect(200).json();
        assert_eq!(told["asked"], json!({ "method": "GET", "uri": path }));
    }
    let told = visitor.send(Method::PUT, "/x", &[], "".into()).await.expect(200).json();
    assert_eq!(told["asked"]["method"], "PUT");
    shop.close().await;
}

#[tokio::test]
async fn the_api_stays_where_it_is() {
    let shop = shop_with(Router::new().fallback(async || StatusCode::IM_A_TEAPOT)).await;
    let visitor = shop.visitor();
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/", "/api/tickets/"] {
        visitor.get(path).await.expect(200);
    }
    for path in ["/api", "/api/", "/api/nothing", "/api/tickets/a/b/c"] {
        let answer = visitor.get(path).await.expect_code(404, "not_found");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    let refused = visitor.send(Method::PATCH, "/api/tickets", &[], "".into()).await;
    refused.expect_code(405, "method_not_allowed");
    visitor.get("/").await.expect(418);
    shop.close().await;
}

#[tokio::test]
async fn cookies_and_host_come_to_the_client_as_the_browser_sent_them() {
    let shop = shop_with(Router::new().fallback(mirror)).await;
    let member = shop.member().await;
    let session = member.cookie("session").unwrap();
    let headers = [("host", "tickets.example"), ("authorization", "Bearer x")];
    let told = member.send(Method::GET, "/", &headers, "".into()).await.expect(200).json();
    assert_eq!(sent(&told, "cookie"), [format!("session={session}")]);
    assert_eq!(sent(&told, "host"), ["tickets.example"]);
    assert_eq!(sent(&told, "authorization"), ["Bearer x"]);
    for of_a_body in ["content-length", "transfer-encoding"] {
        assert!(sent(&told, of_a_body).is_empty(), "{told}");
    }
    assert_eq!(sent(&told, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(sent(&told, "x-forwarded-proto"), ["http"]);
    assert_eq!(sent(&told, "x-forwarded-host"), ["tickets.example"]);
    shop.close().await;
}

#[tokio::test]
async fn only_a_trusted_proxy_can_say_where_a_request_came_from() {
    let claimed = [
        ("host", "inner.example"),
        ("x-forwarded-for", "9.9.9.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "tickets.example"),
    ];
    for (is_trusted, expected) in [
        (true, [&["9.9.9.9", "127.0.0.1"][..], &["https"], &["tickets.example"]]),
        (false, [&["127.0.0.1"], &["http"], &["inner.example"]]),
    ] {
        let (listener, address) = listener().await;
        let pages = Router::new().fallback(mirror);
        tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
        let shop = shop_before(address, is_trusted).await;
        let told = shop.visitor().send(Method::GET, "/", &claimed, "".into()).await;
        let told = told.expect(200).json();
        let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
        assert_eq!(names.map(|name| sent(&told, name)), expected, "{is_trusted}");
        shop.close().await;
    }
}

#[tokio::test]
async fn what_belongs_to_one_connection_stays_there() {
    let answer = async |request: Request| {
        let headers = [
            ("connection", "x-of-the-answer"),
            ("x-of-the-answer", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("x-stays", "1"),
        ];
        (headers, mirror(request).await)
    };
    let shop = shop_with(Router::new().fallback(answer)).await;
    let headers = [
        ("connection", "keep-alive, X-Of-The-Request"),
        ("x-of-the-request", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authorization", "Basic x"),
        ("te", "trailers"),
        ("upgrade", "websocket"),
        ("x-stays", "1"),
    ];
    let answer = shop.visitor().send(Method::GET, "/", &headers, "".into()).await.expect(200);
    let told = answer.json();
    for gone in headers.map(|(name, _)| name).iter().filter(|name| **name != "x-stays") {
        assert!(sent(&told, gone).is_empty(), "{gone}: {told}");
    }
    assert_eq!(sent(&told, "x-stays"), ["1"]);
    for gone in ["connection", "x-of-the-answer", "keep-alive", "proxy-authenticate"] {
        assert_eq!(answer.header(gone), None);
    }
    assert_eq!(answer.header("x-stays"), Some("1"));
    shop.close().await;
}

#[tokio::test]
async fn pages_say_themselves_what_browsers_may_do_with_them() {
    let page = || "<p>".repeat(1_000);
    let strict = async move || ([("content-security-policy", "script-src 'self'")], page());
    let shop = shop_with(
        Router::new()
            .route("/strict", get(strict))
            .route("/plain", get(async move || page()))
            .route("/gone", get(async || (StatusCode::GONE, "gone for good")))
            .route("/broken", get(async || (StatusCode::INTERNAL_SERVER_ERROR, "a stack trace"))),
    )
    .await;
    let visitor = shop.visitor();
    let gzip = [("accept-encoding", "gzip")];
    let strict = visitor.send(Method::GET, "/strict", &gzip, "".into()).await.expect(200);
    assert_eq!(strict.header("content-security-policy"), Some("script-src 'self'"));
    assert_eq!(strict.header("content-encoding"), None);
    let plain = visitor.get("/plain").await.expect(200);
    for ours in ["content-security-policy", "x-frame-options", "permissions-policy"] {
        assert_eq!(plain.header(ours), None);
    }
    assert_eq!(visitor.get("/gone").await.expect(410).text, "gone for good");
    assert_eq!(visitor.get("/broken").await.expect(500).text, "a stack trace");
    assert_eq!(visitor.get("/nothing").await.expect(404).text, "");
    shop.close().await;
}

#[tokio::test]
async fn limits_of_the_api_are_not_those_of_pages() {
    let shop = shop_with(Router::new().route(
        "/upload",
        any(async |request: Request| {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            body.len().to_string()
        }),
    ))
    .await;
    let elsewhere = [("origin", "https://elsewhere.example"), ("sec-fetch-site", "cross-site")];
    let body = Bytes::from(vec![b'x'; 300_000]);
    let answer = shop.visitor().send(Method::POST, "/upload", &elsewhere, body).await.expect(200);
    assert_eq!(answer.text, "300000");
    shop.close().await;
}

/// Both bodies are under way at once: each part is sent only after the one before has come back.
#[tokio::test]
async fn bodies_pass_as_they_come() {
    let echo = async |request: Request| request.into_body().into_response();
    let shop = shop_with(Router::new().fallback(echo)).await;
    let (parts, mut to_send) = mpsc::channel::<Bytes>(1);
    let body = stream::poll_fn(move |context| to_send.poll_recv(context));
    let body = Body::from_stream(futures_util::StreamExt::map(body, Ok::<_, Infallible>));
    let address = shop.server.address();
    let request = Request::post(format!("http://{address}/echo")).body(body).unwrap();
    let asking = async {
        let http = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let mut answer = http.request(request).await.unwrap().into_body();
        for part in ["one", "two", "three"] {
            parts.send(part.into()).await.unwrap();
            let came = answer.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(came, part);
        }
        drop(parts);
        assert!(answer.frame().await.is_none());
    };
    tokio::time::timeout(SOON, asking).await.expect("it waits for the whole body");
    shop.close().await;
}

/// A stream of events has no end, and the server ends all the same.
#[tokio::test]
async fn a_stream_of_events_does_not_hold_up_the_end() {
    let events = async || {
        let first = stream::once(async { Ok::<_, Infallible>("data: 1\n\n") });
        let stream = futures_util::StreamExt::chain(first, stream::pending());
        ([("content-type", "text/event-stream")], Body::from_stream(stream))
    };
    let shop = shop_with(Router::new().route("/events", get(events))).await;
    let mut watch = shop.visitor().watch("/events").await.unwrap();
    assert_eq!(watch.next().await, Some(("message".to_owned(), json!(1))));
    let closing = tokio::time::timeout(SOON, shop.close());
    let (last, closed) = tokio::join!(watch.next(), closing);
    assert_eq!(last, None);
    closed.expect("the server waits for the stream");
}

#[tokio::test]
async fn a_client_that_is_not_there_is_told_of_like_every_failure() {
    let (listener, address) = listener().await;
    drop(listener);
    let shop = shop_before(address, false).await;
    let answer = shop.visitor().get("/").await.expect_code(502, "client_unreachable");
    let told = answer.json();
    assert_eq!(told["errors"][0]["message"], "The web client does not answer");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    shop.visitor().get("/api/tickets").await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_is_told_of_too() {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    let shop = shop_before(address, false).await;
    shop.visitor().get("/").await.expect_code(502, "client_unreachable");
    shop.close().await;
}

/// Reads until the end of a head.
async fn head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// A client with one WebSocket, which sends everything back.
async fn echo(listener: TcpListener) {
    let (mut connection, _) = listener.accept().await.unwrap();
    let head = head(&mut connection).await;
    assert!(head.contains("connection: upgrade") && head.contains("upgrade: websocket"), "{head}");
    assert!(head.contains("sec-websocket-key: a2v5"), "{head}");
    let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                  sec-websocket-accept: yes\r\n\r\n";
    connection.write_all(answer.as_bytes()).await.unwrap();
    let (mut from, mut to) = connection.split();
    tokio::io::copy(&mut from, &mut to).await.unwrap();
}

#[tokio::test]
async fn a_web_socket_is_passed_through_and_ends_with_the_server() {
    let (listener, address) = listener().await;
    tokio::spawn(echo(listener));
    let shop = shop_before(address, false).await;
    let talking = async {
        let mut browser = TcpStream::connect(shop.server.address()).await.unwrap();
        let ask = "GET /hot HTTP/1.1\r\nhost: here\r\nconnection: keep-alive, Upgrade\r\n\
                   upgrade: WebSocket\r\nsec-websocket-key: a2V5\r\n\r\n";
        browser.write_all(ask.as_bytes()).await.unwrap();
        let answer = head(&mut browser).await;
        assert!(answer.starts_with("http/1.1 101"), "{answer}");
        assert!(answer.contains("sec-websocket-accept: yes"), "{answer}");
        for message in [b"ping", b"pong"] {
            browser.write_all(message).await.unwrap();
            let mut back = [0; 4];
            browser.read_exact(&mut back).await.unwrap();
            assert_eq!(&back, message);
        }
        shop.close().await;
        assert_eq!(browser.read(&mut [0]).await.unwrap_or(0), 0);
    };
    tokio::time::timeout(SOON, talking).await.expect("nothing came through");
}
