//! `GET /api/tickets/live`: what is left of tickets.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use ticketing_core::domain::view::InventoryView;
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::{PageLimit, TicketId, Version};
use ticketing_core::{Error, ListingView, Ticketing};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::LiveState;
use super::described::TicketEvents;
use super::hub::{Changes, Place};
use super::stream::{Telling, answer, event, every_refresh};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Parameters, Problems};

#[cfg(test)]
mod tests;

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
        (status = OK, body = TicketEvents, content_type = "text/event-stream"),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "Too many are watching"),
    ),
)]
pub(super) async fn availability(
    State(state): State<LiveState>,
    Parameters(which): Parameters<Which>,
) -> Result<Response, ApiError> {
    let named = which.tickets()?;
    let engine = state.api.engine;
    let place = state.hub.place()?;
    // Listened to before anything is read, so that nothing is missed in between.
    let changes = state.hub.availability();
    let shows_newest = named.is_none();
    let telling = WatchedTickets {
        engine,
        shows_newest,
        told: named.into_iter().flatten().map(|id| (id, None)).collect(),
        has_told: false,
        changes,
        refresh: every_refresh(),
        closing: state.hub.closing,
        _place: place,
    };
    Ok(answer(telling).into_response())
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

/// The most tickets that one stream watches.
const WATCHED_MAX: usize = 200;

/// Tickets that a page shows.
struct WatchedTickets {
    engine: Ticketing,
    /// Whether it also shows what is listed later.
    shows_newest: bool,
    /// The version of each ticket's units that was told last.
    told: BTreeMap<TicketId, Option<Version>>,
    /// Whether anything was told: the first event comes even if there is nothing to tell.
    has_told: bool,
    changes: broadcast::Receiver<Changes>,
    refresh: Interval,
    closing: CancellationToken,
    _place: Place,
}

impl Telling for WatchedTickets {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let units = tokio::select! {
                () = self.closing.cancelled() => return None,
                changes = self.changes.recv() => match changes {
                    Ok(_) if !self.has_told => self.read().await,
                    Ok(changes) => Some(changes.to_vec()),
                    Err(RecvError::Closed) => return None,
                    Err(RecvError::Lagged(_)) => self.read().await,
                },
                _ = self.refresh.tick() => self.read().await,
            };
            let Some(units) = units else { continue };
            let news = self.news(&units);
            if !news.is_empty() || !self.has_told {
                self.has_told = true;
                return event("availability", &news);
            }
        }
    }
}

impl WatchedTickets {
    /// What the storage says; nothing if it can't say it now: then it is asked again later.
    async fn read(&mut self) -> Option<Vec<InventoryView>> {
        let found = self.find().await;
        let found = found.inspect_err(|error| tracing::debug!(%error, "tickets were not read"));
        Some(found.ok()?.into_iter().map(|listing| listing.inventory).collect())
    }

    async fn find(&mut self) -> Result<Vec<ListingView>, Error> {
        let tickets = self.engine.tickets();
        let mut found = Vec::new();
        if self.shows_newest {
            found = tickets.search(&ListingQuery::default()).await?.items;
        }
        // What was shown before and can't be bought any more is no longer among the newest.
        let mut others = self.told.clone();
        for listing in &found {
            others.remove(&listing.ticket.id);
            self.told.entry(listing.ticket.id).or_default();
        }
        // Pages that show the newest hold no more than those, so the oldest are let go.
        while self.told.len() > WATCHED_MAX {
            self.told.pop_first();
        }
        let others: Vec<TicketId> = others.into_keys().collect();
        found.extend(tickets.find(&others).await?);
        Ok(found)
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
