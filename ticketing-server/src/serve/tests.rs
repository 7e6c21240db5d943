//! Clients that behave, and clients that don't.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::*;
use crate::http::layers::{LayerOptions, dress};

mod clients_that_stall;

const SOON: Duration = Duration::from_secs(20);

/// A handler that says when it has begun, and ends when it is told to.
#[derive(Debug, Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Slow {
    fn router(&self) -> Router {
        let slow = self.clone();
        quick().route(
            "/slow",
            get(async move || {
                slow.begun.notify_one();
                slow.go_on.notified().await;
                "slow"
            }),
        )
    }
}

fn quick() -> Router {
    let peer = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
    Router::new().route("/", get(peer))
}

async fn serve(router: Router, options: ServingOptions) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Serving::start(listener, router, options).unwrap()
}

/// A connection of HTTP/2 whose streams have room for that much.
async fn http2(serving: &Serving, window: u32) -> http2::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(serving.address()).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (client, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

fn asked(serving: &Serving, path: &str) -> hyper::Request<Empty<Bytes>> {
    let uri = format!("http://{}{path}", serving.address());
    hyper::Request::get(uri).body(Empty::new()).unwrap()
}

/// Sends bytes, and reads until the server closes.
async fn exchange(address: SocketAddr, sent: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().ok();
    String::from_utf8(bytes).unwrap()
}

fn get_closing(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn requests_know_their_peer() {
    let serving = serve(quick(), ServingOptions::default()).await;
    let answer = exchange(serving.address(), &get_closing("/")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
    assert_eq!(serving.stop(SOON).await, 0);
}

#[tokio::test]
async fn large_heads_are_refused() {
    let serving = serve(quick(), ServingOptions::default()).await;
    let fields = |many: usize, length: usize| {
        let field = |index| format!("x-{index}: {}\r\n", "y".repeat(length));
        let fields: String = (0..many).map(field).collect();
        format!("GET / HTTP/1.1\r\nconnection: close\r\n{fields}\r\n")
    };
    for (sent, status) in
        [(fields(98, 1), "200"), (fields(101, 1), "431"), (fields(1, 17_000), "431")]
    {
        let answer = exchange(serving.address(), &sent).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
    }
    assert_eq!(serving.stop(SOON).await, 0);
}

/// HTTP/2 counts bytes and not fields.
#[tokio::test]
async fn many_fields_are_refused_alike_by_both_protocols() {
    let dressed = dress(quick(), &LayerOptions::default());
    for (router, code) in [(dressed, "headers_too_large"), (quick(), "")] {
        let serving = serve(router, ServingOptions::default()).await;
        for (fields, status) in [(100, 200), (101, 431)] {
            let mut client = http2(&serving, 65_535).await;
            let mut request = asked(&serving, "/");
            for index in 0..fields {
                let name = HeaderName::try_from(format!("x-{index}")).unwrap();
                request.headers_mut().insert(name, HeaderValue::from_static("y"));
            }
            let answer = client.send_request(request).await.unwrap();
            assert_eq!(answer.status(), status, "{fields}");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(status == 200 || body.contains(code), "{body}");
        }
        assert_eq!(serving.stop(SOON).await, 0);
    }
}

/// What a page says may look like what the protocol would say, and is not changed.
#[tokio::test]
async fn the_end_of_a_body_is_nobodys_own_answer() {
    let last = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let went_on = Arc::new(Notify::new());
    let go_on = Arc::clone(&went_on);
    let page = async move || {
        let parts = futures_util::stream::once(async { "first" });
        let parts = parts.chain(futures_util::stream::once(async move {
            go_on.notified().await;
            last
        }));
        let length = [(header::CONTENT_LENGTH, ("first".len() + last.len()).to_string())];
        (length, Body::from_stream(parts.map(Ok::<_, io::Error>)))
    };
    let router = Router::new().route("/page", get(page)).fallback(async || StatusCode::BAD_REQUEST);
    let serving = serve(router, ServingOptions::default()).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    client.write_all(get_closing("/page").as_bytes()).await.unwrap();
    let mut begun = Vec::new();
    while !begun.ends_with(b"first") {
        begun.push(client.read_u8().await.unwrap());
    }
    went_on.notify_one();
    assert_eq!(rest(&mut client).await, last);
    assert_eq!(serving.stop(SOON).await, 0);
}

/// Some say nothing, some stop within the first word, some within the head, some before the end of
/// the other protocol's greeting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_slow_clients_disturb_nobody() {
    let head_within = Duration::from_secs(2);
    let options = ServingOptions { head_within, ..ServingOptions::default() };
    let serving = serve(quick(), options).await;
    let mut slow = Vec::new();
    for said in ["", "P", "GET / HTTP/1.1\r\nhost: he", "PRI * HTTP/2.0\r\n"].repeat(250) {
        let mut stream = TcpStream::connect(serving.address()).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        let asked = Instant::now();
        let answer = exchange(serving.address(), &get_closing("/")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
    for stream in &mut slow {
        let said = rest(stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    assert_eq!(serving.stop(SOON).await, 0);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_a_place() {
    let slow = Slow::default();
    let serving =
        serve(slow.router(), ServingOptions { connections: 1, ..Default::default() }).await;
    let address = serving.address();
    let first = tokio::spawn(async move { exchange(address, &get_closing("/slow")).await });
    slow.begun.notified().await;
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(get_closing("/").as_bytes()).await.unwrap();
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(100), second.peek(&mut byte)).await;
    assert!(early.is_err(), "it was answered while there was no place");
    slow.go_on.notify_one();
    assert!(first.await.unwrap().ends_with("slow"));
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 200"));
    assert_eq!(serving.stop(SOON).await, 0);
}

#[tokio::test]
async fn one_address_does_not_take_every_connection() {
    let slow = Slow::default();
    let options = ServingOptions { connections_per_address: 2, ..Default::default() };
    let serving = serve(slow.router(), options).await;
    let address = serving.address();
    let mut kept = Vec::new();
    for _ in 0..2 {
        kept.push(tokio::spawn(async move { exchange(address, &get_closing("/slow")).await }));
        slow.begun.notified().await;
    }
    assert_eq!(exchange(address, &get_closing("/")).await, "", "it was closed at once");
    slow.go_on.notify_one();
    slow.go_on.notify_one();
    for answered in kept {
        assert!(answered.await.unwrap().ends_with("slow"));
    }
    let again =
        async { while !exchange(address, &get_closing("/")).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(SOON, again).await.unwrap();
    assert_eq!(serving.stop(SOON).await, 0);
}

#[tokio::test]
async fn a_trusted_proxy_connects_for_many() {
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let options =
        ServingOptions { connections_per_address: 0, trusted_proxies, ..Default::default() };
    let serving = serve(quick(), options).await;
    let answer = exchange(serving.address(), &get_closing("/")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(serving.stop(SOON).await, 0);
}

#[tokio::test]
async fn stopping_lets_what_runs_end_and_takes_nothing_new() {
    let slow = Slow::default();
    let serving = serve(slow.router(), ServingOptions::default()).await;
    let address = serving.address();
    let running = tokio::spawn(async move { exchange(address, &get_closing("/slow")).await });
    slow.begun.notified().await;
    let closing = serving.closing.clone();
    let stopping = tokio::spawn(serving.stop(SOON));
    closing.cancelled().await;
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, refused).await.unwrap();
    slow.go_on.notify_one();
    assert!(running.await.unwrap().ends_with("slow"));
    assert_eq!(stopping.await.unwrap(), 0);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut() {
    let slow = Slow::default();
    let serving = serve(slow.router(), ServingOptions::default()).await;
    let address = serving.address();
    let running = tokio::spawn(async move { exchange(address, &get_closing("/slow")).await });
    slow.begun.notified().await;
    assert_eq!(serving.stop(Duration::from_millis(50)).await, 1);
    assert_eq!(running.await.unwrap(), "");
}

/// The streams of the server end when their token is cancelled, so none of them is cut.
#[tokio::test]
async fn streams_end_when_they_are_told_to() {
    let draining = CancellationToken::new();
    let ends = draining.clone();
    let stream = async move || {
        let first =
            futures_util::stream::once(async { Ok::<_, io::Error>(Event::default().data("one")) });
        let silence = futures_util::stream::pending();
        Sse::new(first.chain(silence).take_until(ends.clone().cancelled_owned()))
    };
    let router = Router::new().route("/live", get(stream));
    let serving = serve(router, ServingOptions::default()).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    client.write_all(get_closing("/live").as_bytes()).await.unwrap();
    let mut byte = [0];
    assert_eq!(client.read(&mut byte).await.unwrap(), 1);
    draining.cancel();
    assert_eq!(serving.stop(SOON).await, 0);
    assert!(rest(&mut client).await.contains("data: one"));
}
