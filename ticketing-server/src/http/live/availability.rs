//! `GET /api/tickets/live`: what is left of tickets.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use ticketing_core::domain::view::InventoryView;
use ticketing_core::values::{PageLimit, TicketId, Version};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::LiveState;
use super::described::TicketEvents;
use super::hub::{Place, TicketNews, WatchedTickets};
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
        (status = OK, body = TicketEvents, content_type = "text/event-stream"),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "Too many are watching"),
    ),
)]
pub(super) async fn availability(
    State(state): State<LiveState>,
    Parameters(which): Parameters<Which>,
    request: Parts,
) -> Result<Response, ApiError> {
    let named = which.tickets()?;
    let place = state.hub.place(&request, named.as_ref().unwrap_or(&BTreeSet::new()))?;
    let telling = Availabilities {
        tickets: state.hub.tickets(named)?,
        told: Told::default(),
        has_told: false,
        closing: state.hub.closing,
        _place: place,
    };
    Ok(answer(telling).into_response())
}

impl Which {
    /// Those that are named. One of a foreign shape does not exist, and nothing is told of it.
    fn tickets(&self) -> Result<Option<BTreeSet<TicketId>>, ApiError> {
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

/// What a page was told of each ticket that it shows: the version of its units.
#[derive(Debug, Default)]
struct Told(BTreeMap<TicketId, Version>);

/// What a page is told of the tickets that it shows.
struct Availabilities {
    tickets: WatchedTickets,
    told: Told,
    /// Whether anything was told: the first event comes even if there is nothing to tell.
    has_told: bool,
    closing: CancellationToken,
    _place: Place,
}

impl Telling for Availabilities {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let news = self.closing.run_until_cancelled(self.tickets.next()).await?;
            let news = self.told.unknown(&news);
            if !news.is_empty() || !self.has_told {
                self.has_told = true;
                return event("availability", &news);
            }
        }
    }
}

impl Told {
    /// What the page does not know yet, and does from now on.
    fn unknown(&mut self, news: &TicketNews) -> Vec<Availability> {
        match news {
            TicketNews::Changed(units) => {
                let is_shown = |it: &&InventoryView| self.0.contains_key(&it.ticket_id);
                let units: Vec<InventoryView> = units.iter().filter(is_shown).copied().collect();
                self.newer(&units)
            }
            TicketNews::All(units) => {
                let shown: BTreeSet<TicketId> = units.iter().map(|it| it.ticket_id).collect();
                self.0.retain(|id, _| shown.contains(id));
                self.newer(units)
            }
        }
    }

    fn newer(&mut self, units: &[InventoryView]) -> Vec<Availability> {
        let mut newer = Vec::new();
        for units in units {
            let told = self.0.get(&units.ticket_id);
            if told.is_none_or(|told| *told < units.version) {
                self.0.insert(units.ticket_id, units.version);
                newer.push(Availability::from(units));
            }
        }
        newer
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Five units, in that version.
    fn units(ticket: u128, version: u64) -> InventoryView {
        InventoryView {
            ticket_id: TicketId::from_uuid(uuid::Uuid::from_u128(ticket)),
            version: Version::new(version),
            on_sale: true,
            capacity: 5,
            held: 0,
            sold: 0,
            available: 5,
        }
    }

    fn changed(units: &[InventoryView]) -> TicketNews {
        TicketNews::Changed(Arc::from(units))
    }

    /// The tickets that are told of, with their versions.
    fn tells(told: &mut Told, news: &TicketNews) -> Vec<(TicketId, Version)> {
        told.unknown(news).iter().map(|it| (it.id, it.version)).collect()
    }

    fn named(units: &[InventoryView]) -> Vec<(TicketId, Version)> {
        units.iter().map(|it| (it.ticket_id, it.version)).collect()
    }

    #[test]
    fn a_page_is_not_told_again_what_it_knows() {
        let mut told = Told::default();
        let (first, second) = (units(1, 0), units(2, 3));
        let all = TicketNews::All(vec![first, second]);
        assert_eq!(tells(&mut told, &all), named(&[first, second]));
        assert_eq!(tells(&mut told, &all), []);
        let older = units(2, 2);
        assert_eq!(tells(&mut told, &changed(&[first, older])), []);
        let newer = units(1, 1);
        assert_eq!(tells(&mut told, &changed(&[newer, second])), named(&[newer]));
        assert_eq!(tells(&mut told, &TicketNews::All(vec![newer, second])), []);
    }

    #[test]
    fn a_page_is_told_of_nothing_that_it_does_not_show() {
        let mut told = Told::default();
        let (shown, other) = (units(1, 0), units(2, 0));
        tells(&mut told, &TicketNews::All(vec![shown]));
        assert_eq!(tells(&mut told, &changed(&[other])), []);
    }

    #[test]
    fn what_left_the_page_and_comes_back_is_told_again() {
        let mut told = Told::default();
        let (stays, leaves) = (units(1, 0), units(2, 0));
        tells(&mut told, &TicketNews::All(vec![stays, leaves]));
        assert_eq!(tells(&mut told, &TicketNews::All(vec![stays])), []);
        assert_eq!(tells(&mut told, &changed(&[units(2, 1)])), [], "it is shown no more");
        assert_eq!(tells(&mut told, &TicketNews::All(vec![stays, leaves])), named(&[leaves]));
    }
}
