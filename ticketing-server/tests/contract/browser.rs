//! A client as a browser is one: it keeps cookies, and sends what it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same where the server stands still for a while.
const LONG_PATIENCE: Duration = Duration::from_mins(2);

/// A client with cookies of its own.
#[derive(Debug)]
pub(crate) struct Browser {
    server: SocketAddr,
    http: Client<HttpConnector, Full<Bytes>>,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { server, http, cookies: Mutex::default() }
    }

    /// Another client of the same server, without cookies.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.server)
    }

    /// Another client with the same cookies: another tab.
    pub(crate) fn tab(&self) -> Self {
        self.at(self.server)
    }

    /// Another client with the same cookies, of a server elsewhere.
    pub(crate) fn at(&self, server: SocketAddr) -> Self {
        let cookies = self.cookies.lock().unwrap().clone();
        Self { cookies: Mutex::new(cookies), ..Self::new(server) }
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, &[], &body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, &[], &body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Bytes::new()).await
    }

    /// The same under an idempotency key.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        self.json(Method::POST, path, &[("idempotency-key", key)], &body).await
    }

    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.send(method, path, &all, body.to_string().into()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        let answered = tokio::time::timeout(PATIENCE, self.send_on(method, path, headers, body));
        answered.await.expect("the server did not answer")
    }

    /// What the server answered; nothing if it went away before.
    pub(crate) async fn try_json(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Option<Answer> {
        let headers = [("content-type", "application/json")];
        let request = self.request(method, path, &headers, body.to_string().into());
        let answering = async {
            let response = self.http.request(request).await.ok()?;
            Answer::whole(response).await
        };
        tokio::time::timeout(PATIENCE, answering).await.expect("the server did not answer")
    }

    /// What a server answers that may stand still for a while.
    pub(crate) async fn at_last(&self, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        let answering = self.send_on(method, path, &headers, body.to_string().into());
        tokio::time::timeout(LONG_PATIENCE, answering).await.expect("the server did not answer")
    }

    async fn send_on(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        let response = self.http.request(self.request(method, path, headers, body)).await.unwrap();
        self.keep_cookies(response.headers());
        Answer::whole(response).await.expect("the answer broke off, or is no text")
    }

    /// A stream of server-sent events.
    pub(crate) async fn watch(&self, path: &str) -> Result<Watch, Answer> {
        let request = self.request(Method::GET, path, &[], Bytes::new());
        let response = tokio::time::timeout(PATIENCE, self.http.request(request)).await;
        let (parts, body) = response.expect("the stream did not begin").unwrap().into_parts();
        if parts.status == StatusCode::OK {
            return Ok(Watch { body, unread: String::new(), headers: parts.headers });
        }
        let text = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        Err(Answer { status: parts.status, headers: parts.headers, text })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let uri = format!("http://{}{path}", self.server);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookies.lock().unwrap();
        if !cookies.is_empty() {
            let pairs: Vec<String> =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        request.body(Full::new(body)).unwrap()
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        for set in headers.get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() || attributes.to_ascii_lowercase().contains("max-age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Answer {
    /// A stream that has begun, as far as it is an answer like others.
    pub(crate) fn of_stream(stream: Watch) -> Self {
        Self { status: StatusCode::OK, headers: stream.headers, text: String::new() }
    }

    /// The answer with all of its body; nothing if that broke off, or is no text.
    async fn whole(response: Response<Incoming>) -> Option<Self> {
        let (parts, body) = response.into_parts();
        let text = body.collect().await.ok()?.to_bytes();
        let text = String::from_utf8(text.to_vec()).ok()?;
        Some(Self { status: parts.status, headers: parts.headers, text })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// A failure with this status and these (message, field) entries.
    #[track_caller]
    pub(crate) fn expect_errors(self, status: u16, entries: &[(&str, Option<&str>)]) -> Self {
        let answer = self.expect(status);
        let body = answer.json();
        let told: Vec<(&str, Option<&str>)> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (entry["message"].as_str().unwrap(), entry["field"].as_str()))
            .collect();
        assert_eq!(told, entries, "{answer:?}");
        answer
    }

    /// A failure with this status and this one code.
    #[track_caller]
    pub(crate) fn expect_code(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json()["errors"][0]["code"], json!(code), "{answer:?}");
        answer
    }

    pub(crate) fn id(&self) -> String {
        self.json()["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A stream of server-sent events, as it comes.
#[derive(Debug)]
pub(crate) struct Watch {
    body: Incoming,
    unread: String,
    pub(crate) headers: HeaderMap,
}

impl Watch {
    /// The next event's name and data; nothing at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("no event came")
    }

    /// Reads on until an event of this name has such data.
    pub(crate) async fn until(
        &mut self,
        name: &str,
        holds: impl Fn(&Value) -> bool + Send + Sync,
    ) -> Value {
        let reading = async {
            loop {
                let (told, data) = self.next().await.expect("the stream ended");
                if told == name && holds(&data) {
                    return data;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("it was never told")
    }

    async fn read(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
                };
                let Some(data) = field("data:") else { continue };
                let name = field("event:").unwrap_or("message").to_owned();
                return Some((name, serde_json::from_str(data).unwrap()));
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.unread.push_str(std::str::from_utf8(&data).unwrap());
            }
        }
    }
}
