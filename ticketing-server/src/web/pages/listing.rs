//! `/listings/{id}`: a listing of the visitor's own, to be edited or taken off sale.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::ListingView;
use ticketing_core::domain::view::TicketStatus;
use ticketing_core::values::{TicketId, UserId, Version};

use super::terms::{Sent, Terms};
use crate::http::detached::detached;
use crate::http::error::ApiError;
use crate::http::extract::{Command, PathId};
use crate::web::Web;
use crate::web::answer::{self, on_to, page};
use crate::web::cards::{Card, takings};
use crate::web::done::Done;
use crate::web::forms::{Form, Refused, Wrong, fresh_key, under_key};
use crate::web::frame::Frame;
use crate::web::texts::fill;
use crate::web::visitor::Member;

#[derive(Debug, Template)]
#[template(path = "listing.html")]
struct Own {
    frame: Frame,
    card: Card,
    takings: String,
    terms: Terms,
    wrong: Wrong,
    starts_at: String,
    /// Whether units are held or sold, which keeps most of it as it is.
    is_locked: bool,
    is_on_sale: bool,
    key: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Withdrawal {
    cancel_holds: String,
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    Member(seller): Member,
    frame: Frame,
    id: PathId<TicketId>,
) -> Result<Response, ApiError> {
    let listing = own(&web, &seller.user, id.known()?).await?;
    let terms = Terms::of(&listing.ticket);
    page(StatusCode::OK, &Own::new(&web, frame, &listing, terms, Wrong::default()))
}

/// Back from the address of a form, which a page that it was refused with has.
pub(in crate::web) async fn back(id: PathId<TicketId>) -> Result<Response, ApiError> {
    Ok(on_to(&format!("/listings/{}", id.known()?)))
}

pub(in crate::web) async fn edit(
    State(web): State<Web>,
    Member(seller): Member,
    frame: Frame,
    id: PathId<TicketId>,
    command: Command,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    let id = id.known()?;
    let listing = web.engine.tickets().get(id).await?;
    let terms = sent.over(Terms::of(&listing.ticket));
    let edited = match terms.changes() {
        Ok(changes) => {
            let seen = terms.version.parse().ok().map(Version::new);
            let tickets = web.engine.caller(under_key(command, &terms.key)?).tickets();
            let user = seller.user.clone();
            detached(async move { tickets.edit(&user, id, changes, seen).await }).await
        }
        Err(problems) => Err(problems),
    };
    match edited {
        Ok(_edited) => Ok(on_to(&Done::Saved.at(&format!("/listings/{id}")))),
        Err(error) => show_refused(&web, &seller.user, frame, id, error, Some(terms)).await,
    }
}

pub(in crate::web) async fn withdraw(
    State(web): State<Web>,
    Member(seller): Member,
    frame: Frame,
    id: PathId<TicketId>,
    Command(caller): Command,
    Form(how): Form<Withdrawal>,
) -> Result<Response, ApiError> {
    let id = id.known()?;
    let tickets = web.engine.caller(caller).tickets();
    let user = seller.user.clone();
    let cancel_holds = !how.cancel_holds.is_empty();
    let withdrawn = async move { tickets.withdraw(&user, id, cancel_holds).await };
    match detached(withdrawn).await {
        Ok(_withdrawn) => Ok(on_to(&Done::Withdrawn.at(&format!("/listings/{id}")))),
        Err(error) => show_refused(&web, &seller.user, frame, id, error, None).await,
    }
}

/// The page once more, with what was typed and why it was refused.
async fn show_refused(
    web: &Web,
    seller: &UserId,
    frame: Frame,
    id: TicketId,
    error: ApiError,
    typed: Option<Terms>,
) -> Result<Response, ApiError> {
    let refused = Refused::by(error, frame.t)?;
    let listing = own(web, seller, id).await?;
    let mut terms = typed.unwrap_or_else(|| Terms::of(&listing.ticket));
    // Whoever saves once more has been told that somebody else did.
    terms.version = listing.ticket.version.get().to_string();
    let own = Own::new(web, refused.frame(frame), &listing, terms, refused.wrong.clone());
    answer::refused(&refused, &own)
}

/// Another's listing can't be edited, so there is no such page.
async fn own(web: &Web, seller: &UserId, id: TicketId) -> Result<ListingView, ApiError> {
    let listing = web.engine.tickets().get(id).await?;
    if listing.ticket.seller_id == *seller { Ok(listing) } else { Err(ApiError::not_found()) }
}

impl Own {
    /// The attributes of fields that units which are held or sold fix. They are sent all the same.
    fn fixed(&self) -> &'static str {
        if self.is_locked { "required readonly" } else { "required" }
    }

    fn new(web: &Web, frame: Frame, listing: &ListingView, terms: Terms, wrong: Wrong) -> Self {
        let units = &listing.inventory;
        Self {
            card: Card::new(&frame, listing, web.engine.now()),
            takings: takings(&frame, listing),
            starts_at: fill(frame.t.starts_at, "zone", &terms.zone),
            is_locked: units.held > 0 || units.sold > 0,
            is_on_sale: listing.ticket.status == TicketStatus::OnSale,
            key: fresh_key(),
            terms,
            wrong,
            frame,
        }
    }
}
