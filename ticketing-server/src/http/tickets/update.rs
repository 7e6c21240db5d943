//! `PUT /api/tickets/{id}`: changes the terms of a listing.

use axum::Json;
use axum::extract::State;
use ticketing_core::values::{TicketId, UserId};
use ticketing_core::{Error, ListingView, Reason};

use super::TicketBody;
use super::terms::TermsBody;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Command, KeyHeader, PathId};
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// Changes the terms of a listing of which nothing is held or sold.
#[utoipa::path(
    put,
    path = "/{id}",
    tag = "tickets",
    operation_id = "editTicket",
    params(("id" = String, Path), KeyHeader),
    request_body = TermsBody,
    responses(
        (status = OK, body = TicketBody),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn update(
    State(state): State<ApiState>,
    SignedIn(seller): SignedIn,
    id: PathId<TicketId>,
    Command(caller): Command,
    Body(terms): Body<TermsBody>,
) -> Result<Json<TicketBody>, ApiError> {
    // The body is checked before the listing is looked for, but what a price means is the listing's
    // to say.
    let listed = match id.known() {
        Ok(id) => state.engine.tickets().get(id).await.map_err(ApiError::from),
        Err(unknown) => Err(unknown),
    };
    let listed_in = listed.as_ref().ok().map(|listing| listing.ticket.price.currency());
    let (changes, seen) = terms.into_changes(listed_in)?;
    let listing = listed?;
    let id = listing.ticket.id;
    refuse_strangers(&listing, &seller.user)?;
    let tickets = state.engine.caller(caller).tickets();
    let editing = tickets.clone();
    let edited =
        detached(async move { editing.edit(&seller.user, id, changes, seen).await }).await?;
    let units = tickets.get(id).await?.inventory;
    Ok(Json(TicketBody::with_units(edited, &units)))
}

/// That a listing is reserved is told before whose it is.
fn refuse_strangers(listing: &ListingView, seller: &UserId) -> Result<(), ApiError> {
    if listing.ticket.seller_id == *seller {
        return Ok(());
    }
    if listing.inventory.held + listing.inventory.sold > 0 {
        let reserved =
            ticketing_core::Rejection::new("edit the ticket", "on sale", Reason::TicketReserved);
        return Err(Error::from(reserved).into());
    }
    Err(ApiError::not_owner())
}
