//! `GET /api/orders/{id}/live`: an order's state and countdown.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use ticketing_core::Ticketing;
use ticketing_core::domain::view::{OrderStatus, OrderView};
use ticketing_core::values::{OrderId, Timestamp, UserId, Version};
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::LiveState;
use super::described::OrderEvents;
use super::hub::{Place, WatchedOrder};
use super::stream::{Telling, answer, event};
use crate::background::every;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::PathId;
use crate::http::identity::{Authenticator, SignedIn};
use crate::http::orders::OrderBody;

/// How often a page's clock is put right, and whether its buyer may go on watching is looked at.
const COUNTDOWN_EVERY: Duration = Duration::from_secs(5);

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
    let place = state.hub.place(&credentials, &BTreeSet::new())?;
    // Listened to before it is read, so that nothing is missed in between.
    let mut order = state.hub.order(id);
    let read = engine.orders().get(&buyer.user, id).await?;
    order.begin(read.clone());
    let mut ticks = every(COUNTDOWN_EVERY);
    // Not at once: the first event has all of it.
    ticks.reset();
    let telling = OrderPage {
        engine,
        authenticator: state.api.authenticator,
        credentials,
        buyer: buyer.user,
        order,
        seen: Arc::new(read),
        told: None,
        ticks,
        closing: state.hub.closing,
        _place: place,
    };
    Ok(answer(telling).into_response())
}

/// An order that a page shows.
struct OrderPage {
    engine: Ticketing,
    authenticator: Arc<dyn Authenticator>,
    credentials: Parts,
    buyer: UserId,
    order: WatchedOrder,
    seen: Arc<OrderView>,
    told: Option<Version>,
    ticks: Interval,
    closing: CancellationToken,
    _place: Place,
}

impl Telling for OrderPage {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(newer) = self.order.known()
                && newer.version > self.seen.version
            {
                self.seen = newer;
            }
            if self.told.is_none_or(|told| told < self.seen.version) {
                self.told = Some(self.seen.version);
                let countdown = self.countdown();
                let order = OrderBody::from(self.seen.as_ref().clone());
                return event("order", &LiveOrder { order, countdown });
            }
            tokio::select! {
                () = self.closing.cancelled() => return None,
                () = self.order.changed() => {}
                _ = self.ticks.tick() => {
                    if !self.may_go_on().await {
                        return None;
                    }
                    if self.waits() {
                        return event("countdown", &self.countdown());
                    }
                }
            }
        }
    }
}

impl OrderPage {
    /// Whether the buyer may go on watching. What can't be told now may be so later.
    async fn may_go_on(&self) -> bool {
        match self.authenticator.authenticate(&self.credentials).await {
            Ok(identity) => identity.is_some_and(|identity| identity.user == self.buyer),
            Err(_unavailable) => true,
        }
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
