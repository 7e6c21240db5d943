//! `GET /api/tickets`: what is on sale.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::UserId;

use super::TicketBody;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Parameters, Problems};
use crate::http::pages::{PageParameters, paged};
use crate::http::state::ApiState;

#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// Beginnings of words that the title or the venue must have, all of them.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only this user's.
    #[param(min_length = 1)]
    seller: Option<String>,
    /// Also what can't be bought now: sold out, withdrawn, sale not open or over.
    #[param(value_type = Option<bool>)]
    all: Option<String>,
}

/// The longest search that makes sense: a title.
const LONGEST_SEARCH: usize = 200;

/// What can be bought now, newest first.
#[utoipa::path(
    get,
    path = "/",
    tag = "tickets",
    operation_id = "browseTickets",
    params(Search, PageParameters),
    responses(
        (status = OK, body = Vec<TicketBody>, headers(("Link" = Option<String>))),
        (status = BAD_REQUEST, body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    uri: OriginalUri,
    Parameters(search): Parameters<Search>,
    Parameters(page): Parameters<PageParameters>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let query = search.query(&page, &mut problems);
    problems.refuse()?;
    let found = state.engine.tickets().search(&query).await?;
    paged(&uri, found, TicketBody::from)
}

impl Search {
    fn query(&self, page: &PageParameters, problems: &mut Problems) -> ListingQuery {
        let mut query = ListingQuery { page: page.page(problems), ..ListingQuery::default() };
        if let Some(words) = &self.q {
            if words.chars().count() > LONGEST_SEARCH {
                problems.add("q", "text_too_long", "q must have at most 200 characters");
            }
            query.words = words.split_whitespace().map(str::to_owned).collect();
        }
        if let Some(seller) = &self.seller {
            match UserId::new(seller) {
                Ok(seller) => query.seller = Some(seller),
                Err(error) => problems.add("seller", error.code(), "seller must be a user's id"),
            }
        }
        match self.all.as_deref() {
            None | Some("false") => {}
            Some("true" | "") => query.all = true,
            Some(_) => problems.add("all", "wrong_type", "all must be true or false"),
        }
        query
    }
}
