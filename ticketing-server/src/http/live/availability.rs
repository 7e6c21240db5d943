//! `GET /api/tickets/live`: what is left of tickets.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use ticketing_core::domain::view::InventoryView;
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::{PageLimit, TicketId, Version};
use ticketing_core::{Error, Ticketing};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::LiveState;
use super::hub::Changes;
use super::order::every_refresh;
use super::stream::{Telling, answer, event};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Parameters, Problems};

#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The tickets to watch, separated by commas, at most 100. The newest 100 that can be bought,
    /// unless named.
    ids: Option<String>,
}

/// One ticket in the data of an `availability` event, which is an array of them.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Availability {
    #[schema(value_type = String, format = Uuid)]
    id: TicketId,
    /// Counts the changes of its units; a page keeps the highest.
    #[schema(value_type = u64)]
    version: Version,
    on_sale: bool,
    quantity: u32,
    available: u32,
    held: u32,
    sold: u32,
}

/// Streams what is left of tickets: an `availability` event with all of them at once, then with
/// those that changed.
#[utoipa::path(
    get,
    path = "/live",
    tag = "live",
    operation_id = "watchTickets",
    params(Which),
    responses(
        (status = OK, body = Vec<Availability>, content_type = "text/event-stream"),
        (status = BAD_REQUEST, body = ErrorBody),
    ),
)]
pub(super) async fn availability(
    State(state): State<LiveState>,
    Parameters(which): Parameters<Which>,
) -> Result<Response, ApiError> {
    let named = which.tickets()?;
    let engine = state.api.engine;
    // Listened to before anything is read, so that nothing is missed in between.
    let changes = state.hub.availability();
    let ids = match named {
        Some(ids) => ids,
        None => newest(&engine).await?,
    };
    let telling = WatchedTickets {
        engine,
        told: ids.into_iter().map(|id| (id, None)).collect(),
        changes,
        refresh: every_refresh(),
        is_behind: true,
        closing: state.hub.closing,
    };
    Ok(answer(telling).into_response())
}

async fn newest(engine: &Ticketing) -> Result<Vec<TicketId>, Error> {
    let page = engine.tickets().search(&ListingQuery::default()).await?;
    Ok(page.items.into_iter().map(|listing| listing.ticket.id).collect())
}

impl Which {
    /// Those that are named. One of a foreign shape does not exist, and nothing is told of it.
    fn tickets(&self) -> Result<Option<Vec<TicketId>>, ApiError> {
        let Some(ids) = &self.ids else { return Ok(None) };
        let named: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
        if named.len() > PageLimit::MAX.get() {
            let mut problems = Problems::default();
            problems.add("ids", "too_many", "ids must be 100 at most");
            problems.refuse()?;
        }
        Ok(Some(named.into_iter().filter_map(|id| id.trim().parse().ok()).collect()))
    }
}

/// Tickets that a page shows.
struct WatchedTickets {
    engine: Ticketing,
    /// The version of each ticket's units that was told last.
    told: BTreeMap<TicketId, Option<Version>>,
    changes: broadcast::Receiver<Changes>,
    refresh: Interval,
    /// Whether what is shown must be read from the storage.
    is_behind: bool,
    closing: CancellationToken,
}

impl Telling for WatchedTickets {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let units = if self.is_behind {
                self.is_behind = false;
                self.read().await
            } else {
                tokio::select! {
                    () = self.closing.cancelled() => return None,
                    changes = self.changes.recv() => match changes {
                        Ok(changes) => changes.to_vec(),
                        Err(RecvError::Closed) => return None,
                        Err(RecvError::Lagged(_)) => self.read().await,
                    },
                    _ = self.refresh.tick() => self.read().await,
                }
            };
            let is_first = self.told.values().all(Option::is_none);
            let news = self.news(&units);
            if !news.is_empty() || is_first {
                return event("availability", &news);
            }
        }
    }
}

impl WatchedTickets {
    /// What the storage says. What can't be read now is read at the next refresh.
    async fn read(&self) -> Vec<InventoryView> {
        let ids: Vec<TicketId> = self.told.keys().copied().collect();
        let found = self.engine.tickets().find(&ids).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "watched tickets were not read");
            Vec::new()
        });
        found.into_iter().map(|listing| listing.inventory).collect()
    }

    /// What a page does not know yet.
    fn news(&mut self, units: &[InventoryView]) -> Vec<Availability> {
        let mut news = Vec::new();
        for units in units {
            let Some(told) = self.told.get_mut(&units.ticket_id) else { continue };
            if told.is_none_or(|told| told < units.version) {
                *told = Some(units.version);
                news.push(Availability::from(units));
            }
        }
        news
    }
}

impl From<&InventoryView> for Availability {
    fn from(units: &InventoryView) -> Self {
        Self {
            id: units.ticket_id,
            version: units.version,
            on_sale: units.on_sale,
            quantity: units.capacity,
            available: units.available,
            held: units.held,
            sold: units.sold,
        }
    }
}
