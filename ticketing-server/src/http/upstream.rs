//! A web client that runs behind the server: what is not the API is passed on to it, so that both
//! have one origin.
//!
//! Bodies pass in both directions as they come, however long they are; those of requests within a
//! minute. Its answers stay as they are, failures included; only when there is none, ours is told
//! instead.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::address_places::{AddressPlace, AddressPlaces};
use super::api::is_of_api;
use super::client_address::ClientAddress;
use super::error::ApiError;
use super::layers::LayerOptions;

mod fields;
#[cfg(test)]
mod tests;
mod web_socket;

use fields::{Forwarding, remove_hop_by_hop};
use web_socket::Tunnels;

/// How long the client may take to begin an answer, from the last part of the request on.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long the body of a request may take. Until the answer begins a request has one of the places for
/// pages, of which there are not many.
const BODY_WITHIN: Duration = Duration::from_mins(1);
/// How many requests with a body one address has under way, so that others find places too.
const UPLOADS_PER_ADDRESS: usize = 32;
/// When somebody who has as many may try again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How long a connection is kept for the next request. Less than the five seconds after which common
/// servers close one: a request that is sent just then would fail.
const KEPT_FOR: Duration = Duration::from_secs(4);
/// After how long without a word the system asks whether the client is still there. A web socket may
/// have nothing to say for hours.
const ASK_AFTER: Duration = Duration::from_secs(30);
/// How many connections are kept.
const KEPT: usize = 64;

/// Marks an answer as the client's own: what browsers may do with it, it says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientsOwn;

/// The web client behind the server.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    origin: Uri,
    http: Client<HttpConnector, Body>,
    forwarding: Forwarding,
    tunnels: Tunnels,
    uploads: AddressPlaces,
    answer_within: Duration,
    body_within: Duration,
    /// Cancelled when the server ends, and with it what would go on for ever.
    closing: CancellationToken,
}

impl Upstream {
    pub(crate) fn new(origin: Uri, options: &LayerOptions, closing: CancellationToken) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_keepalive(Some(ASK_AFTER));
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .build(connector);
        Self {
            origin,
            http,
            forwarding: Forwarding::new(options),
            tunnels: Tunnels::new(closing.clone()),
            uploads: AddressPlaces::new(UPLOADS_PER_ADDRESS),
            answer_within: ANSWER_WITHIN,
            body_within: BODY_WITHIN,
            closing,
        }
    }

    /// The client's answer, or why there is none. What is below the API's path is never the client's.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        if is_of_api(request.uri().path()) {
            return ApiError::not_found().into_response();
        }
        self.pass_on(request).await.unwrap_or_else(ApiError::into_response)
    }

    async fn pass_on(&self, mut request: Request) -> Result<Response, ApiError> {
        let tunnel = self.tunnels.asked_for(&mut request)?;
        let _place = self.place_for_a_body(&request)?;
        let mut request = self.addressed(request)?;
        if tunnel.is_some() {
            web_socket::ask(request.headers_mut());
        }
        let mut response = self.begun(request).await?;
        let is_switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let tunnel = tunnel.filter(|_| is_switching);
        if is_switching && tunnel.is_none() {
            return Err(no_answer(&io::Error::other("it changed the protocol unasked")));
        }
        remove_hop_by_hop(response.headers_mut());
        if let Some(tunnel) = tunnel {
            tunnel.open(&mut response);
        }
        Ok(self.handed_on(response))
    }

    /// A place for whoever sends a body, until the answer begins.
    fn place_for_a_body(&self, request: &Request) -> Result<Option<AddressPlace>, ApiError> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        place_of_address(&self.uploads, request)
    }

    /// The request as the client gets it.
    fn addressed(&self, request: Request) -> Result<Request, ApiError> {
        let (mut parts, body) = request.into_parts();
        self.forwarding.tell(&mut parts);
        let mut target = self.origin.clone().into_parts();
        target.path_and_query = parts.uri.path_and_query().cloned();
        let target = Uri::from_parts(target).ok().filter(|_| parts.method != Method::CONNECT);
        let Some(target) = target else {
            return Err(ApiError::bad_request("bad_request", "Bad Request"));
        };
        let mut passed = Request::new(body);
        *passed.method_mut() = parts.method;
        *passed.uri_mut() = target;
        *passed.headers_mut() = parts.headers;
        Ok(passed)
    }

    /// The head of the answer. The wait for it begins again with every part of the request's body,
    /// which may take its time, but not for ever.
    async fn begun(&self, request: Request) -> Result<axum::http::Response<Incoming>, ApiError> {
        let (sent, mut parts) = watch::channel(());
        let request = request.map(|body| {
            Body::new(body.map_frame(move |part| {
                sent.send_replace(());
                part
            }))
        });
        let mut answering = pin!(self.http.request(request));
        let began = Instant::now();
        loop {
            let step = async {
                tokio::select! {
                    answer = answering.as_mut() => Some(answer),
                    Ok(()) = parts.changed() => None,
                }
            };
            match tokio::time::timeout(self.answer_within, step).await {
                Ok(Some(answer)) => return answer.map_err(|error| no_answer(&error)),
                Ok(None) if began.elapsed() < self.body_within => {}
                Ok(None) => return Err(body_too_late()),
                Err(_late) => return Err(too_late()),
            }
        }
    }

    /// The answer as browsers get it.
    fn handed_on(&self, response: axum::http::Response<Incoming>) -> Response {
        let (parts, body) = response.into_parts();
        let body = if is_endless(&parts.headers) {
            let closing = self.closing.clone().cancelled_owned();
            Body::from_stream(body.into_data_stream().take_until(Box::pin(closing)))
        } else {
            Body::new(body)
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = parts.status;
        *answer.version_mut() = Version::HTTP_11;
        *answer.headers_mut() = parts.headers;
        answer.extensions_mut().insert(ClientsOwn);
        answer
    }
}

/// One of the places of whoever asks. Where nobody can tell the address, there is none to be counted.
fn place_of_address(
    places: &AddressPlaces,
    request: &Request,
) -> Result<Option<AddressPlace>, ApiError> {
    let Some(ClientAddress(Some(client))) = request.extensions().get().copied() else {
        return Ok(None);
    };
    let place = places.take(client);
    place.map(Some).ok_or_else(|| ApiError::too_many(TRY_AGAIN))
}

/// A stream of events has no end of its own, and must not hold up that of the server.
fn is_endless(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
}

fn no_answer(why: &(dyn Error + 'static)) -> ApiError {
    let message = "The web client does not answer";
    ApiError::new(StatusCode::BAD_GATEWAY, "client_unreachable", message).because(why)
}

fn body_too_late() -> ApiError {
    let message = "The request takes too long to arrive";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_too_late", message)
}

fn too_late() -> ApiError {
    let message = "The web client takes too long to answer";
    ApiError::new(StatusCode::GATEWAY_TIMEOUT, "client_too_late", message)
}
