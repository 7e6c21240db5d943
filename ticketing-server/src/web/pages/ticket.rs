//! `/tickets/{id}`: one listing, and how many of it one wants.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::ListingView;
use ticketing_core::values::{Quantity, TicketId};

use crate::http::detached::detached;
use crate::http::error::ApiError;
use crate::http::extract::{Command, PathId};
use crate::web::Web;
use crate::web::answer::{self, on_to, shared};
use crate::web::cards::Card;
use crate::web::format::Moment;
use crate::web::forms::{Form, Refused, fresh_key, under_key};
use crate::web::frame::Frame;
use crate::web::texts::fill;
use crate::web::visitor::{Member, next_is};

#[derive(Debug, Template)]
#[template(path = "ticket.html")]
struct TicketPage {
    frame: Frame,
    card: Card,
    description: Option<String>,
    sale_opens: Option<Moment>,
    limits: Vec<String>,
    /// The most that the seller lets one order have; what is left by then, the server tells.
    quantity_max: Option<u32>,
    quantity: String,
    is_own: bool,
    sign_in: String,
    key: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Wanted {
    quantity: String,
    key: String,
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    frame: Frame,
    id: PathId<TicketId>,
) -> Result<Response, ApiError> {
    let listing = web.engine.tickets().get(id.known()?).await?;
    let ticket = TicketPage::new(&web, frame, &listing, "1");
    shared(&ticket.frame, &ticket)
}

pub(in crate::web) async fn reserve(
    State(web): State<Web>,
    Member(buyer): Member,
    frame: Frame,
    id: PathId<TicketId>,
    command: Command,
    Form(wanted): Form<Wanted>,
) -> Result<Response, ApiError> {
    let id = id.known()?;
    let quantity = wanted.quantity.trim();
    let units = if quantity.is_empty() { 1 } else { quantity.parse().unwrap_or(0) };
    let orders = web.engine.caller(under_key(command, &wanted.key)?).orders();
    let user = buyer.user;
    let reserved = detached(async move { orders.reserve(user, vec![(id, units)]).await }).await;
    match reserved {
        Ok(order) => Ok(on_to(&format!("/orders/{}", order.id))),
        Err(error) => {
            let refused = Refused::by(error, frame.t)?;
            let listing = web.engine.tickets().get(id).await?;
            let ticket = TicketPage::new(&web, refused.frame(frame), &listing, quantity);
            answer::refused(&refused, &ticket)
        }
    }
}

impl TicketPage {
    fn new(web: &Web, frame: Frame, listing: &ListingView, quantity: &str) -> Self {
        let ticket = &listing.ticket;
        let now = web.engine.now();
        let card = Card::new(&frame, listing, now);
        let t = frame.t;
        let limit = |text, units: Option<Quantity>| units.map(|units| fill(text, "n", units.get()));
        Self {
            description: ticket.description.as_ref().map(ToString::to_string),
            sale_opens: ticket
                .sale_starts_at
                .filter(|from| now < *from)
                .map(|from| Moment::of(frame.language, from)),
            limits: [
                limit(t.at_most_per_order, ticket.max_per_order),
                limit(t.at_most_per_buyer, ticket.max_per_buyer),
            ]
            .into_iter()
            .flatten()
            .collect(),
            quantity_max: ticket.max_per_order.map(Quantity::get),
            quantity: quantity.to_owned(),
            is_own: frame.member.as_ref().is_some_and(|it| it.user == ticket.seller_id),
            sign_in: format!("/signin?{}", next_is(&format!("/tickets/{}", ticket.id))),
            key: fresh_key(),
            card,
            frame,
        }
    }

    fn is_open_to_visitor(&self) -> bool {
        self.card.left.is_open && !self.is_own
    }
}
