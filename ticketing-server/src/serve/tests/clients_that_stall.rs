//! Clients that ask and do not read, and clients that stay without asking.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpSocket;

use super::*;

/// Much of the same, without an end.
fn endless() -> Router {
    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    let body = move || {
        let pieces = futures_util::stream::repeat(piece.clone());
        Body::from_stream(pieces.map(Ok::<_, io::Error>))
    };
    quick().route("/endless", get(async move || body()))
}

fn impatient() -> ServingOptions {
    ServingOptions { taken_within: Duration::from_millis(300), ..Default::default() }
}

/// Waits until every connection has ended, of whatever it was.
async fn none_is_left(serving: &Serving) {
    let left = async {
        while !serving.connections.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, left).await.expect("a connection goes on");
}

fn cut(options: &ServingOptions, why: &str) -> bool {
    let mut registry = prometheus_client::registry::Registry::default();
    options.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text.contains(&format!("http_connections_cut_total{{why=\"{why}\"}} 1\n"))
        && text.contains("http_connections 0\n")
}

#[tokio::test]
async fn who_does_not_read_an_answer_is_cut() {
    let options = impatient();
    let serving = serve(endless(), options.clone()).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    client.write_all(get_closing("/endless").as_bytes()).await.unwrap();
    client.readable().await.unwrap();
    none_is_left(&serving).await;
    assert!(cut(&options, "stuck"));
    assert_eq!(serving.stop(SOON).await, 0);
}

#[tokio::test]
async fn who_reads_slowly_is_not_cut() {
    let options = impatient();
    let serving = serve(endless(), options).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    client.write_all(get_closing("/endless").as_bytes()).await.unwrap();
    let begun = Instant::now();
    let mut some = vec![0; 256 * 1024];
    while begun.elapsed() < Duration::from_millis(1_500) {
        client.read_exact(&mut some).await.expect("it was cut");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(client);
    none_is_left(&serving).await;
    assert_eq!(serving.stop(SOON).await, 0);
}

/// A body that waits to be asked for is over once its request is answered. Then the protocol takes the
/// next request, whether the answer was written or not, and one that is a head alone has no parts.
#[tokio::test]
async fn answers_without_a_body_do_not_pile_up() {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let head = async move || {
        count.fetch_add(1, Ordering::Relaxed);
        [("x-long", "x".repeat(4 * 1024))]
    };
    // With as little room for answers as there can be, and enough for requests.
    let server = TcpSocket::new_v4().unwrap();
    server.set_send_buffer_size(1).unwrap();
    server.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let router = Router::new().route("/", get(head));
    let serving = Serving::start(server.listen(1).unwrap(), router, impatient()).unwrap();
    let client = TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(1).unwrap();
    let mut client = client.connect(serving.address()).await.unwrap();
    let asked =
        "HEAD / HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx";
    client.write_all(asked.repeat(300).as_bytes()).await.unwrap();
    client.readable().await.unwrap();
    none_is_left(&serving).await;
    let answered = answered.load(Ordering::Relaxed);
    assert!((1..100).contains(&answered), "{answered}");
    assert_eq!(serving.stop(SOON).await, 0);
}

/// The client answers pings, so the connection is alive; the stream is not.
#[tokio::test]
async fn a_stream_without_room_is_cut_however_alive_its_connection_is() {
    for (window, path) in [(0, "/"), (1_000, "/endless")] {
        let options = impatient();
        let serving = serve(endless(), options.clone()).await;
        let mut client = http2(&serving, window).await;
        let answer = client.send_request(asked(&serving, path)).await.unwrap();
        assert_eq!(answer.status(), 200);
        none_is_left(&serving).await;
        assert!(cut(&options, "stuck"), "{path}");
        drop((answer, client));
        assert_eq!(serving.stop(SOON).await, 0);
    }
}

/// Each answer alone would be no trouble.
#[tokio::test]
async fn who_asks_for_much_and_takes_none_of_it_is_cut_at_once() {
    let much = Router::new().route("/", get(async || "x".repeat(200_000)));
    let options = ServingOptions { unread: 0, ..Default::default() };
    let serving = serve(much, options.clone()).await;
    let mut client = http2(&serving, 0).await;
    let first = client.send_request(asked(&serving, "/")).await.unwrap();
    let ask = |_| tokio::spawn(client.send_request(asked(&serving, "/")));
    let others: Vec<_> = (0..3).map(ask).collect();
    none_is_left(&serving).await;
    assert!(cut(&options, "full"));
    drop((first, others));
    let answer = exchange(serving.address(), &get_closing("/")).await;
    assert!(answer.ends_with(&"x".repeat(200_000)), "who reads is served");
    assert_eq!(serving.stop(SOON).await, 0);
}

#[tokio::test]
async fn who_asks_for_nothing_more_is_told_to_go() {
    let options = ServingOptions { idle_within: Duration::from_millis(300), ..Default::default() };
    let slow = Slow::default();
    let serving = serve(slow.router(), options).await;
    let mut client = http2(&serving, 65_535).await;
    // As long as an answer is waited for, nobody is idle.
    let running = client.send_request(asked(&serving, "/slow"));
    slow.begun.notified().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    slow.go_on.notify_one();
    let answer = running.await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "slow");
    none_is_left(&serving).await;
    assert!(client.is_closed());
    assert_eq!(serving.stop(SOON).await, 0);
}

/// Nothing is sent to it that it would have to acknowledge.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_vanishes_is_asked_by_the_system() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    connection::give_up_on_silence(&stream, Duration::from_secs(7));
    let socket = socket2::SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(7)));
}

/// It does not answer when it is told to go.
#[tokio::test]
async fn who_does_not_go_when_told_is_cut() {
    let options = ServingOptions { idle_within: Duration::from_millis(300), ..Default::default() };
    let serving = serve(quick(), options.clone()).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    // The greeting, empty settings, and a request for `/`.
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    sent.extend(b"\0\0\x03\x01\x05\0\0\0\x01\x82\x84\x86");
    client.write_all(&sent).await.unwrap();
    client.readable().await.unwrap();
    none_is_left(&serving).await;
    assert!(cut(&options, "quiet"));
    assert_eq!(serving.stop(SOON).await, 0);
}
