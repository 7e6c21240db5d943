//! Web sockets between browsers and the client. Servers for development tell of changes over them.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ticketing_core::ports::chain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::fields::named_by_connection;
use super::{TRY_AGAIN, place_of_address};
use crate::http::address_places::{AddressPlace, AddressPlaces};
use crate::http::error::ApiError;
use crate::serve::ConnectionPlace;

/// How many are open at once.
const TUNNELS: usize = 1_024;
/// How many of them one address has. A page has one.
pub(super) const TUNNELS_PER_ADDRESS: usize = 128;

const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");
const WEB_SOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// The places for web sockets.
#[derive(Debug, Clone)]
pub(super) struct Tunnels {
    places: Arc<Semaphore>,
    of_addresses: AddressPlaces,
    closing: CancellationToken,
}

/// A web socket that a browser asked for.
pub(super) struct Tunnel {
    browser: OnUpgrade,
    place: (OwnedSemaphorePermit, Option<AddressPlace>),
    /// The browser's connection goes on being counted as one.
    connection: Option<ConnectionPlace>,
    closing: CancellationToken,
}

impl Tunnels {
    pub(super) fn new(closing: CancellationToken) -> Self {
        let of_addresses = AddressPlaces::new(TUNNELS_PER_ADDRESS);
        Self { places: Arc::new(Semaphore::new(TUNNELS)), of_addresses, closing }
    }

    /// What the request asks for, if that is a web socket. No other protocol is passed on.
    pub(super) fn asked_for(&self, request: &mut Request) -> Result<Option<Tunnel>, ApiError> {
        if !asks_for_a_web_socket(request.headers()) {
            return Ok(None);
        }
        let of_all = Arc::clone(&self.places).try_acquire_owned().map_err(|_none_free| {
            let message = "Too many are connected already, try again";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message).after(TRY_AGAIN)
        })?;
        let place = (of_all, place_of_address(&self.of_addresses, request)?);
        let connection = request.extensions().get().cloned();
        let browser = hyper::upgrade::on(request);
        Ok(Some(Tunnel { browser, place, connection, closing: self.closing.clone() }))
    }
}

fn asks_for_a_web_socket(headers: &HeaderMap) -> bool {
    let protocol = headers.get(header::UPGRADE).map(HeaderValue::as_bytes);
    protocol.is_some_and(|it| it.eq_ignore_ascii_case(b"websocket"))
        && named_by_connection(headers).any(|name| name == header::UPGRADE)
}

/// Says that this connection is to become a web socket.
pub(super) fn ask(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, UPGRADE);
    headers.insert(header::UPGRADE, WEB_SOCKET);
}

impl Tunnel {
    /// Joins the connections once the browser has this answer, until either end closes or the server
    /// ends.
    pub(super) fn open<B>(self, response: &mut Response<B>) {
        let client = hyper::upgrade::on(&mut *response);
        ask(response.headers_mut());
        let Self { browser, place, connection, closing } = self;
        tokio::spawn(async move {
            let carried = closing.run_until_cancelled(carry(browser, client)).await;
            if let Some(Err(error)) = carried {
                tracing::debug!(error = chain(error.as_ref()), "a web socket broke");
            }
            drop((place, connection));
        });
    }
}

async fn carry(
    browser: OnUpgrade,
    client: OnUpgrade,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (browser, client) = tokio::try_join!(browser, client)?;
    let (mut browser, mut client) = (TokioIo::new(browser), TokioIo::new(client));
    tokio::io::copy_bidirectional(&mut browser, &mut client).await?;
    Ok(())
}
