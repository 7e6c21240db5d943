//! `/listings`: what the visitor sells.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::{Cursor, Page};

use crate::http::error::ApiError;
use crate::http::extract::Parameters;
use crate::web::Web;
use crate::web::answer::page;
use crate::web::cards::{Card, takings};
use crate::web::frame::Frame;
use crate::web::visitor::Member;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct From {
    cursor: String,
}

#[derive(Debug, Template)]
#[template(path = "listings.html")]
struct Listings {
    frame: Frame,
    /// Each with what it has brought in.
    cards: Vec<(Card, String)>,
    more: Option<Cursor>,
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    Member(seller): Member,
    frame: Frame,
    Parameters(from): Parameters<From>,
) -> Result<Response, ApiError> {
    let query = ListingQuery {
        seller: Some(seller.user),
        all: true,
        page: Page { after: from.cursor.parse().ok(), ..Page::default() },
        ..ListingQuery::default()
    };
    let found = web.engine.tickets().search(&query).await?;
    let now = web.engine.now();
    let shown = |listing| (Card::new(&frame, listing, now), takings(&frame, listing));
    let cards = found.items.iter().map(shown).collect();
    page(StatusCode::OK, &Listings { cards, more: found.next, frame })
}
