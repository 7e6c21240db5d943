//! Two hundred malformed requests, byte for byte: no failure of ours, and nothing changes.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::shop::Shop;

#[tokio::test]
async fn malformed_requests_change_nothing() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let ticket = member.lists("Front row", json!(20)).await;
    let cookie = format!("session={}", member.cookie("session").unwrap());
    let before = member.get("/api/tickets?all=true").await.expect(200).text;

    let corpus = corpus(&ticket, &cookie);
    assert!(corpus.len() >= 200, "{}", corpus.len());
    for (name, request) in &corpus {
        let answer = exchange(&shop, request).await;
        let status = answer.split_ascii_whitespace().nth(1).unwrap_or("closed");
        assert!(!status.starts_with('5') && !status.starts_with('2'), "{name}: {answer}");
        assert!(status == "closed" || has_words(&answer), "{name}: {answer}");
    }
    assert_eq!(member.get("/api/tickets?all=true").await.expect(200).text, before);
    assert_eq!(member.get("/api/orders").await.expect(200).json(), json!([]));
    shop.visitor().get("/healthz").await.expect(200);
}

/// Whether an answer is the contract's, the protocol's own included; the first, where several
/// requests were sent. It may be cut off in the middle of its body, which a reset can do.
fn has_words(answer: &str) -> bool {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    let declared = head.contains("content-type: application/json; charset=utf-8");
    declared && head.contains("x-request-id: ") && body.starts_with(r#"{"errors":[{"message":""#)
}

/// Sends these bytes, and reads what comes until the server closes or says no more.
async fn exchange(shop: &Shop, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(shop.server.address()).await.unwrap();
    // The server may close in the middle of a request that it won't have.
    socket.write_all(request).await.ok();
    socket.shutdown().await.ok();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await;
    // A reset after the answer is an end like another.
    drop(read.expect("the server neither answers nor closes"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// A body that would list a ticket.
const GOOD: &str = r#"{"title":"a","price":1}"#;

fn corpus(ticket: &str, cookie: &str) -> Vec<(String, Vec<u8>)> {
    let mut corpus = request_lines();
    corpus.extend(header_blocks(cookie));
    corpus.extend(framings(cookie));
    corpus.extend(bodies(ticket, cookie));
    corpus.extend(paths(cookie));
    corpus
}

fn named(name: &str, request: impl Into<Vec<u8>>) -> (String, Vec<u8>) {
    (name.to_owned(), request.into())
}

fn request_lines() -> Vec<(String, Vec<u8>)> {
    let lines: [&[u8]; 24] = [
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/9.9",
        b"GET / HTTP/1.1 x",
        b" GET / HTTP/1.1",
        b"G\0T / HTTP/1.1",
        b"GET /\x01 HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0",
        b"GET / FTP/1.1",
        b"POST",
        b"\r\nGARBAGE",
        b"GET /a b HTTP/1.1",
        b"get",
        b"CONNECT",
        b"GET ? HTTP/1.1",
        b"GET # HTTP/1.1",
        b"GET http:// HTTP/1.1",
        b"GET \\ HTTP/1.1",
        b"{}",
        b"<html>",
        b"SSH-2.0-x",
    ];
    let requests = lines.iter().map(|line| [*line, b"\r\nhost: a\r\n\r\n"].concat());
    requests
        .map(|request| {
            named(&format!("request line {:?}", String::from_utf8_lossy(&request)), request)
        })
        .collect()
}

fn header_blocks(cookie: &str) -> Vec<(String, Vec<u8>)> {
    let mut blocks = vec![
        ("no colon", b"nonsense\r\n".to_vec()),
        ("space before the colon", b"host : a\r\n".to_vec()),
        ("folded", b"x: a\r\n b\r\n".to_vec()),
        ("NUL in a value", b"x: a\0b\r\n".to_vec()),
        ("empty name", b": a\r\n".to_vec()),
        ("control in a name", b"x\x01y: a\r\n".to_vec()),
        ("bare return", b"x: a\rb\r\n".to_vec()),
        ("a value of 100 kB", format!("x: {}\r\n", "a".repeat(100_000)).into_bytes()),
        ("a name of 100 kB", format!("{}: a\r\n", "x".repeat(100_000)).into_bytes()),
        (
            "two thousand headers",
            (0..2_000).flat_map(|n| format!("x-{n}: a\r\n").into_bytes()).collect(),
        ),
    ];
    for byte in (0..32_u8).filter(|byte| ![b'\t', b'\n', b'\r', 0].contains(byte)) {
        blocks.push(("control in a value", [b"x: a".as_slice(), &[byte], b"b\r\n"].concat()));
    }
    let request = |block: &[u8]| {
        // Taken, it would list a ticket.
        let head = format!(
            "POST /api/tickets HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n",
            GOOD.len(),
        );
        [head.as_bytes(), block, b"\r\n", GOOD.as_bytes()].concat()
    };
    blocks.iter().map(|(name, block)| named(name, request(block))).collect()
}

fn framings(cookie: &str) -> Vec<(String, Vec<u8>)> {
    let headers = [
        "content-length: x",
        "content-length: -1",
        "content-length: 1, 2",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 99999999999999999999",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, gzip",
        "transfer-encoding: chunked\r\ncontent-length: 3",
        "transfer-encoding: xchunked",
        "content-length: 1_0",
        "content-length: +5",
        "content-length: 0x5",
        "transfer-encoding: identity",
        "content-length:",
        "transfer-encoding : chunked",
        "transfer-encoding:\x0bchunked",
    ];
    let mut all: Vec<_> = headers.iter().map(|header| {
        let request = format!(
            "POST /api/tickets HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\ncontent-type: application/json\r\n{header}\r\n\r\n{GOOD}",
        );
        named(header, request)
    }).collect();
    for chunk in [
        "x\r\n",
        "-1\r\nab\r\n",
        "ffffffffffffffffff\r\n",
        "2\r\nabX\r\n0\r\n\r\n",
        "2;\0\r\nab\r\n",
        "5\r\nab",
    ] {
        let request = format!(
            "POST /api/tickets HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunk}",
        );
        all.push(named(chunk, request));
    }
    all
}

/// Requests that are well-formed HTTP of somebody who is signed in, with bodies that are not.
fn bodies(ticket: &str, cookie: &str) -> Vec<(String, Vec<u8>)> {
    let texts: Vec<Vec<u8>> = vec![
        b"{".to_vec(),
        b"}".to_vec(),
        b"[".to_vec(),
        b"null".to_vec(),
        b"true".to_vec(),
        b"1".to_vec(),
        b"\"\"".to_vec(),
        b"[]".to_vec(),
        b"{,}".to_vec(),
        b"{\"a\"}".to_vec(),
        b"{\"a\":}".to_vec(),
        b"{'a':1}".to_vec(),
        b"{\"title\":\"\\ud800\",\"price\":1}".to_vec(),
        b"{\"title\":\"\\u0000\",\"price\":1}".to_vec(),
        b"{\"title\":\"a\",\"price\":NaN}".to_vec(),
        b"{\"title\":\"a\",\"price\":Infinity}".to_vec(),
        b"{\"title\":\"a\",\"price\":-0}".to_vec(),
        b"{\"title\":\"a\",\"price\":1e999999}".to_vec(),
        b"{\"title\":\"a\",\"price\":01}".to_vec(),
        b"{\"title\":\"a\",\"price\":1.}".to_vec(),
        b"{\"title\":\"\xff\xfe\",\"price\":1}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"title\":\"\xc0\xaf\",\"price\":1}".to_vec(),
        format!("{{\"title\":\"a\",\"price\":{}}}", "9".repeat(60_000)).into_bytes(),
        format!("{{\"title\":\"{}\",\"price\":1}}", "a".repeat(60_000)).into_bytes(),
        format!("{}1{}", "{\"a\":".repeat(9_000), "}".repeat(9_000)).into_bytes(),
        b"{\"ticketId\":{}}".to_vec(),
        b"{\"ticketId\":[]}".to_vec(),
        b"{\"orderId\":1,\"token\":1}".to_vec(),
        format!("{{\"ticketId\":\"{ticket}\",\"quantity\":1e309}}").into_bytes(),
        format!("{{\"ticketId\":\"{ticket}\",\"quantity\":-1}}").into_bytes(),
        format!("{{\"ticketId\":\"{ticket}\",\"quantity\":\"1\"}}").into_bytes(),
        format!("{{\"ticketId\":\"{ticket}\\u0000\"}}").into_bytes(),
        b"{\"lines\":[{}]}".to_vec(),
        b"{\"lines\":{}}".to_vec(),
        b"{\"lines\":[null]}".to_vec(),
    ];
    let routes = ["/api/tickets", "/api/orders", "/api/payments"];
    let mut all = Vec::new();
    for text in texts {
        for route in routes {
            let head = format!(
                "POST {route} HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                text.len(),
            );
            let shown = String::from_utf8_lossy(&text).chars().take(60).collect::<String>();
            all.push(named(
                &format!("{route} {shown}"),
                [head.into_bytes(), text.clone()].concat(),
            ));
        }
    }
    all
}

fn paths(cookie: &str) -> Vec<(String, Vec<u8>)> {
    let paths = [
        "/api/orders/%00",
        "/api/orders/%ff%fe",
        "/api/orders/%",
        "/api/orders/%zz",
        "/api/orders/..%2f..%2fetc",
        "/api/orders/' OR 1=1--",
        "/api/tickets/%252e",
        "/api/tickets?limit=-1",
        "/api/tickets?limit=1e9",
        "/api/tickets?cursor=%00",
        "/api/tickets?seller=",
        "/api/tickets?limit=1&limit=2",
        "/api/orders?order[]=asc&order=x",
        "/api/tickets?cursor=%ff",
        "/api/orders?limit=99999999999999999999",
        "//api//tickets//x",
        "/api/tickets/./x/../y",
        "/api/tickets/live?ids=a&ids=b",
        "/api/users/sessions/%00/x",
    ];
    paths
        .iter()
        .map(|path| {
            let path = path.replace(' ', "%20");
            let head = format!(
                "GET {path} HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
            );
            named(&path, head)
        })
        .collect()
}
