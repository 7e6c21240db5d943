//! `GET /api/orders`: a buyer's own orders.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::ports::OrderDirection;

use super::OrderBody;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Parameters, Problems};
use crate::http::identity::SignedIn;
use crate::http::pages::{PageParameters, paged};
use crate::http::state::ApiState;

#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Sorting {
    /// `asc`, the oldest first, unless it is `desc`.
    #[param(value_type = Option<String>, pattern = "^(asc|desc)$")]
    order: Option<String>,
}

/// The buyer's own orders of every status.
#[utoipa::path(
    get,
    path = "/",
    tag = "orders",
    operation_id = "listOrders",
    params(Sorting, PageParameters),
    responses(
        (status = OK, body = Vec<OrderBody>, headers(("Link" = Option<String>))),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    SignedIn(buyer): SignedIn,
    uri: OriginalUri,
    Parameters(sorting): Parameters<Sorting>,
    Parameters(page): Parameters<PageParameters>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let page = page.page(&mut problems);
    let direction = sorting.direction(&mut problems);
    problems.refuse()?;
    let orders = state.engine.orders().list(&buyer.user, direction, page).await?;
    paged(&uri, orders, OrderBody::from)
}

impl Sorting {
    fn direction(&self, problems: &mut Problems) -> OrderDirection {
        match self.order.as_deref() {
            None | Some("asc") => OrderDirection::OldestFirst,
            Some("desc") => OrderDirection::NewestFirst,
            Some(_) => {
                problems.add("order", "wrong_type", "order must be asc or desc");
                OrderDirection::default()
            }
        }
    }
}
