//! A client that knows nothing of the engine: paths, headers, JSON.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::Failure;

/// A client of the application at one address.
pub(crate) struct Client {
    server: SocketAddr,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

/// What the application answered.
pub(crate) struct Answer {
    status: StatusCode,
    body: Value,
}

impl Client {
    pub(crate) fn of(server: SocketAddr) -> Self {
        Self { server, http: HttpClient::builder(TokioExecutor::new()).build_http() }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, Failure> {
        let uri = format!("http://{}{path}", self.server);
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("content-type", "application/json");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Full::from(body.to_string()))?;
        let (parts, body) = self.http.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        Ok(Answer { status: parts.status, body })
    }
}

impl Answer {
    /// The body, if the status is the one that belongs to the story.
    pub(crate) fn told(self, story: &str, status: StatusCode) -> Result<Value, Failure> {
        println!("{story:<40}{}", self.status);
        if self.status == status {
            return Ok(self.body);
        }
        Err(format!("{story}: expected {status}, not {}: {}", self.status, self.body).into())
    }
}
