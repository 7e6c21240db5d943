//! `POST /api/orders/{id}/refund`: gives money of a complete order back.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use ticketing_core::domain::refund::RefundState;
use ticketing_core::domain::view::RefundView;
use ticketing_core::service::refunds::Refunds;
use ticketing_core::values::{Currency, JsonAmount, MajorUnits, OrderId, RefundId};
use ticketing_core::{Error, Reason, RefundRequest, Refunder};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::units_body::UnitsBody;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Command, KeyHeader, PathId, Problems, SentBody};
use crate::http::given::Given;
use crate::http::identity::{Identity, SignedIn};
use crate::http::state::ApiState;

/// What to give back: everything that is left, unless lines or an amount are named.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RefundTerms)]
pub(super) struct RefundBody {
    /// Units that come back.
    #[serde(default)]
    #[schema(value_type = Option<Vec<UnitsBody>>)]
    lines: Given<Vec<UnitsBody>>,
    /// Major units of the order's currency; the price of the lines unless named.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    amount: Given<MajorUnits>,
    /// Whether the units go back on sale; not unless it is said.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    restock: Given<bool>,
    /// Why.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Given<String>,
}

/// Money that goes back.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refund)]
pub(super) struct RefundShown {
    #[schema(value_type = String, format = Uuid)]
    id: RefundId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = Uuid, required)]
    order_id: Option<OrderId>,
    #[schema(value_type = f64)]
    amount: JsonAmount,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    #[schema(value_type = String, example = "requested")]
    status: RefundState,
}

/// How long a refund waits for its payment to be captured.
const CAPTURE_PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits between two tries.
const CAPTURE_PAUSE: Duration = Duration::from_millis(100);

/// Gives money of a complete order back. The seller of a line may give back that line, operators
/// anything.
#[utoipa::path(
    post,
    path = "/{id}/refund",
    tag = "orders",
    operation_id = "refundOrder",
    params(("id" = String, Path), KeyHeader),
    request_body = RefundBody,
    responses(
        (status = CREATED, body = RefundShown),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn refund(
    State(state): State<ApiState>,
    SignedIn(identity): SignedIn,
    id: PathId<OrderId>,
    Command(caller): Command,
    SentBody(terms): SentBody<RefundBody>,
) -> Result<(StatusCode, Json<RefundShown>), ApiError> {
    let request = terms.into_request()?;
    let id = id.known()?;
    let by = refunder(identity);
    let refunds = state.engine.caller(caller).refunds();
    let refund = detached(once_captured(refunds, by, id, request)).await?;
    Ok((StatusCode::CREATED, Json(refund.into())))
}

fn refunder(identity: Identity) -> Refunder {
    match identity {
        Identity { user, operator: true } => Refunder::Operator(user),
        Identity { user, operator: false } => Refunder::Seller(user),
    }
}

/// An order is complete as soon as its money is authorized, and captured a moment later: a refund
/// that comes in between waits.
async fn once_captured(
    refunds: Refunds,
    by: Refunder,
    id: OrderId,
    request: RefundRequest,
) -> Result<RefundView, Error> {
    let patience = Instant::now() + CAPTURE_PATIENCE;
    loop {
        match refunds.request(by.clone(), id, request.clone()).await {
            Err(Error::Rejected(early))
                if early.reason == Reason::CapturePending && Instant::now() < patience =>
            {
                tokio::time::sleep(CAPTURE_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

impl RefundBody {
    fn into_request(self) -> Result<RefundRequest, ApiError> {
        let mut problems = Problems::default();
        // A selection of nothing is no wish for everything.
        if matches!(&self.lines, Given::Null) {
            problems.add("lines", "wrong_type", "lines must be a list of tickets");
        }
        let lines = self.lines.optional("lines", "a list of tickets", &mut problems);
        if lines.as_ref().is_some_and(Vec::is_empty) {
            problems.add("lines", "empty", "lines must name a ticket");
        }
        let lines = lines.unwrap_or_default().into_iter();
        let lines: Vec<_> = lines.map(|line| line.checked(&mut problems)).collect();
        let amount = self.amount.optional("amount", "a number", &mut problems);
        let restock = self.restock.optional("restock", "true or false", &mut problems);
        let reason = self.reason.optional("reason", "a text", &mut problems);
        problems.refuse()?;
        // A ticket of a foreign shape is in no order.
        let lines: Option<Vec<_>> = lines.into_iter().collect();
        let mut request = RefundRequest::lines(lines.ok_or_else(ApiError::not_found)?);
        request.amount = amount.map(Into::into);
        request.restock = restock.unwrap_or_default();
        request.reason = reason;
        Ok(request)
    }
}

impl From<RefundView> for RefundShown {
    fn from(refund: RefundView) -> Self {
        Self {
            id: refund.id,
            order_id: refund.order_id,
            amount: refund.amount.as_json_number(),
            currency: refund.amount.currency(),
            status: refund.status,
        }
    }
}
