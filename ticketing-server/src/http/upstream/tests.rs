use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use axum::extract::ConnectInfo;
use futures_util::stream;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

fn upstream(address: SocketAddr) -> Upstream {
    let origin = format!("http://{address}").parse().unwrap();
    Upstream::new(origin, &LayerOptions::default(), CancellationToken::new())
}

async fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    (status, body["errors"][0]["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_client_that_takes_too_long_is_given_up() {
    let (_listener, address) = silent().await;
    let mut upstream = upstream(address);
    assert_eq!(upstream.answer_within, Duration::from_secs(10));
    upstream.answer_within = Duration::from_millis(20);
    let answer = upstream.answer(Request::new(Body::empty())).await;
    assert_eq!(code(answer).await, (504, "client_too_late".to_owned()));
}

/// Part after part is sent, for longer than the whole answer could take.
#[tokio::test]
async fn a_body_may_take_longer_than_the_answer() {
    let (listener, address) = silent().await;
    let (came, mut coming) = mpsc::unbounded_channel();
    let count = axum::routing::any(async move |request: Request| {
        let mut parts = request.into_body().into_data_stream();
        let mut length = 0;
        while let Some(part) = parts.next().await {
            length += part.unwrap().len();
            came.send(()).unwrap();
        }
        length.to_string()
    });
    let pages = axum::Router::new().fallback(count);
    tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });

    let (parts, request) = posted();
    let mut upstream = upstream(address);
    upstream.answer_within = Duration::from_secs(1);
    let answering = tokio::spawn(async move { upstream.answer(request).await });
    let (began, mut length) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_millis(1_500) {
        parts.send(Ok("part")).unwrap();
        length += "part".len();
        coming.recv().await.expect("it was given up");
    }
    drop(parts);
    let answer = answering.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), length.to_string());
}

/// A request whose body comes in parts, for as long as the sender is there.
fn posted() -> (mpsc::UnboundedSender<Result<&'static str, io::Error>>, Request) {
    let (parts, mut to_send) = mpsc::unbounded_channel();
    let body = Body::from_stream(stream::poll_fn(move |context| to_send.poll_recv(context)));
    (parts, Request::post("/").body(body).unwrap())
}

/// Each part comes in time, but they never end.
#[tokio::test]
async fn a_body_does_not_go_on_for_ever() {
    let (listener, address) = silent().await;
    let mut upstream = upstream(address);
    assert_eq!(upstream.body_within, Duration::from_mins(1));
    upstream.body_within = Duration::from_millis(100);
    let (parts, request) = posted();
    let answering = tokio::spawn(async move { upstream.answer(request).await });
    let (mut client, _) = listener.accept().await.unwrap();
    let dripping = async {
        let mut taken = [0; 1024];
        while client.read(&mut taken).await.is_ok_and(|length| length > 0) {
            if parts.send(Ok("x")).is_err() {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dripping).await.expect("it goes on");
    assert_eq!(code(answering.await.unwrap()).await, (408, "request_too_late".to_owned()));
}

#[tokio::test]
async fn one_address_does_not_have_every_web_socket() {
    let tunnels = Tunnels::new(CancellationToken::new());
    let asked_by = |client: &str| {
        let request = Request::get("/").header("connection", "upgrade");
        let mut request = request.header("upgrade", "websocket").body(Body::empty()).unwrap();
        request.extensions_mut().insert(ClientAddress(Some(client.parse().unwrap())));
        tunnels.asked_for(&mut request).map(Option::unwrap)
    };
    let open: Vec<_> =
        (0..web_socket::TUNNELS_PER_ADDRESS).map(|_| asked_by("1.1.1.1").ok().unwrap()).collect();
    let refused = asked_by("1.1.1.1").err().unwrap().into_response();
    assert_eq!(code(refused).await, (429, "too_many_requests".to_owned()));
    assert!(asked_by("2.2.2.2").is_ok());
    drop(open);
    assert!(asked_by("1.1.1.1").is_ok());
}

#[tokio::test]
async fn one_address_does_not_take_every_place_with_bodies() {
    let (_listener, address) = silent().await;
    let mut upstream = upstream(address);
    upstream.answer_within = Duration::from_millis(20);
    let from = |client: &str, body: bool| {
        let (parts, request) = posted();
        let mut request = if body { request } else { Request::new(Body::empty()) };
        request.extensions_mut().insert(ClientAddress(Some(client.parse().unwrap())));
        let upstream = upstream.clone();
        async move {
            let answer = upstream.answer(request).await;
            drop(parts);
            code(answer).await.1
        }
    };
    let mut others: Vec<_> =
        (0..UPLOADS_PER_ADDRESS).map(|_| Box::pin(from("1.1.1.1", true))).collect();
    for other in &mut others {
        assert!(futures_util::poll!(other).is_pending());
    }
    assert_eq!(from("1.1.1.1", true).await, "too_many_requests");
    assert_eq!(from("1.1.1.1", false).await, "client_too_late", "it takes no place for long");
    assert_eq!(from("2.2.2.2", true).await, "client_too_late");
    drop(others);
    assert_eq!(from("1.1.1.1", true).await, "client_too_late");
}

fn told(request: Request, options: &LayerOptions) -> HeaderMap {
    let (mut parts, _body) = request.into_parts();
    Forwarding::new(options).tell(&mut parts);
    parts.headers
}

#[test]
fn what_http_2_says_elsewhere_is_told() {
    let request = Request::get("https://tickets.example/").header("cookie", "a=1");
    let request = request.header("cookie", "b=2").body(Body::empty()).unwrap();
    let told = told(request, &LayerOptions::default());
    assert_eq!(told["host"], "tickets.example");
    assert_eq!(told["x-forwarded-host"], "tickets.example");
    assert_eq!(told["x-forwarded-proto"], "https");
    let cookies: Vec<_> = told.get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=1; b=2"]);
}

#[test]
fn every_way_to_claim_an_address_needs_trust() {
    let trusting = LayerOptions {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..LayerOptions::default()
    };
    for (peer, is_believed) in
        [("10.1.1.1:1", true), ("[::ffff:10.1.1.1]:1", true), ("1.1.1.1:1", false)]
    {
        let request = Request::get("/").header("forwarded", "for=9.9.9.9");
        let request = request.header("x-forwarded-port", "443").header("host", "here");
        let mut request = request.body(Body::empty()).unwrap();
        let address: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(address));
        let told = told(request, &trusting);
        for name in ["forwarded", "x-forwarded-port"] {
            assert_eq!(told.contains_key(name), is_believed, "{peer}: {name}");
        }
        assert_eq!(told["x-forwarded-for"], address.ip().to_canonical().to_string(), "{peer}");
    }
}

#[test]
fn naming_the_host_as_hop_by_hop_does_not_lose_it() {
    let request = Request::get("/").header("host", "here").header("connection", "host, cookie");
    let told = told(request.body(Body::empty()).unwrap(), &LayerOptions::default());
    assert_eq!(told["host"], "here");
    assert!(!told.contains_key("connection"));
}

#[tokio::test]
async fn a_tunnel_to_elsewhere_is_not_made() {
    let (_listener, address) = silent().await;
    let request = Request::connect("elsewhere.example:443").body(Body::empty()).unwrap();
    let answer = upstream(address).answer(request).await;
    assert_eq!(code(answer).await, (400, "bad_request".to_owned()));
}
