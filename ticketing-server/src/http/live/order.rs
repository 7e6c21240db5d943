//! `GET /api/orders/{id}/live`: an order's state and countdown.

use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use ticketing_core::Ticketing;
use ticketing_core::domain::view::{OrderStatus, OrderView};
use ticketing_core::values::{OrderId, Timestamp, UserId, Version};
use tokio::sync::watch;
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::LiveState;
use super::described::OrderEvents;
use super::hub::Place;
use super::stream::{Telling, answer, event, every_refresh};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::PathId;
use crate::http::identity::{Authenticator, SignedIn};
use crate::http::orders::OrderBody;

/// The data of an `order` event.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiveOrder {
    #[serde(flatten)]
    order: OrderBody,
    #[serde(flatten)]
    countdown: Countdown,
}

/// The data of a `countdown` event, which keeps a page's clock right.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Countdown {
    /// Whole seconds until an unpaid order ends, rounded up; 0 for one that waits for nothing.
    seconds_left: u64,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
}

/// Streams an order: an `order` event at once and whenever it changes, and a `countdown` every five
/// seconds while its time runs. The stream ends when the buyer signs out.
#[utoipa::path(
    get,
    path = "/{id}/live",
    tag = "live",
    operation_id = "watchOrder",
    params(("id" = String, Path)),
    responses(
        (status = OK, body = OrderEvents, content_type = "text/event-stream"),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "Too many are watching"),
    ),
)]
pub(super) async fn order(
    State(state): State<LiveState>,
    SignedIn(buyer): SignedIn,
    id: PathId<OrderId>,
    credentials: Parts,
) -> Result<Response, ApiError> {
    let id = id.known()?;
    let engine = state.api.engine;
    let place = state.hub.place()?;
    // Listened to before it is read, so that nothing is missed in between.
    let changes = state.hub.order(id);
    let first = engine.orders().get(&buyer.user, id).await?;
    let mut refresh = every_refresh();
    // Not at once: it was just read.
    refresh.reset();
    let telling = WatchedOrder {
        engine,
        authenticator: state.api.authenticator,
        credentials,
        buyer: buyer.user,
        seen: first,
        told: None,
        changes,
        refresh,
        closing: state.hub.closing,
        _place: place,
    };
    Ok(answer(telling).into_response())
}

/// An order that a page shows.
struct WatchedOrder {
    engine: Ticketing,
    authenticator: Arc<dyn Authenticator>,
    credentials: Parts,
    buyer: UserId,
    seen: OrderView,
    told: Option<Version>,
    changes: watch::Receiver<Option<OrderView>>,
    refresh: Interval,
    closing: CancellationToken,
    _place: Place,
}

impl Telling for WatchedOrder {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.told.is_none_or(|told| told < self.seen.version) {
                self.told = Some(self.seen.version);
                let countdown = self.countdown();
                let order = OrderBody::from(self.seen.clone());
                return event("order", &LiveOrder { order, countdown });
            }
            tokio::select! {
                () = self.closing.cancelled() => return None,
                changed = self.changes.changed() => {
                    changed.ok()?;
                    let told = self.changes.borrow_and_update().clone();
                    if let Some(newer) = told.filter(|told| told.version > self.seen.version) {
                        self.seen = newer;
                    }
                }
                _ = self.refresh.tick() => {
                    if !self.read_again().await {
                        return None;
                    }
                    if self.told == Some(self.seen.version) && self.waits() {
                        return event("countdown", &self.countdown());
                    }
                }
            }
        }
    }
}

impl WatchedOrder {
    /// Whether the buyer may go on watching. What can't be told or read now may be so later.
    async fn read_again(&mut self) -> bool {
        if let Ok(identity) = self.authenticator.authenticate(&self.credentials).await
            && identity.is_none_or(|identity| identity.user != self.buyer)
        {
            return false;
        }
        match self.engine.orders().get(&self.buyer, self.seen.id).await {
            Ok(read) if read.version > self.seen.version => self.seen = read,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "a watched order was not read"),
        }
        true
    }

    /// Whether its time runs.
    fn waits(&self) -> bool {
        matches!(self.seen.status, OrderStatus::Created | OrderStatus::AwaitingPayment)
    }

    fn countdown(&self) -> Countdown {
        let now = self.engine.now();
        let left = if self.waits() { self.seen.expires_at.since(now).as_millis() } else { 0 };
        Countdown { seconds_left: u64::try_from(left.div_ceil(1000)).unwrap_or(u64::MAX), now }
    }
}
