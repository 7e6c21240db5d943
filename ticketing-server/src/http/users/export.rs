//! `GET /api/users/export`: everything that is known of an account.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use ticketing_core::values::{Timestamp, UserId};
use utoipa::ToSchema;

use super::caller::Member;
use super::session_body::SessionBody;
use crate::auth::{Accounts, Export, SessionId};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::orders::OrderBody;
use crate::http::payments::AttemptBody;
use crate::http::tickets::TicketBody;

/// Everything that is known of an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AccountExport)]
pub(super) struct ExportBody {
    account: AccountBody,
    sessions: Vec<SessionBody>,
    listings: Vec<TicketBody>,
    orders: Vec<OrderBody>,
    /// The attempts to pay for these orders. Cards are known to the payment gateway alone.
    payments: Vec<AttemptBody>,
    /// Whether there is nothing more: an export has 10,000 listings and as many orders at most.
    complete: bool,
}

/// An account.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Account)]
struct AccountBody {
    #[schema(value_type = String)]
    id: UserId,
    email: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Everything that is known of the account.
#[utoipa::path(
    get,
    path = "/export",
    tag = "users",
    operation_id = "exportAccount",
    responses(
        (status = OK, body = ExportBody),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn export(
    State(accounts): State<Accounts>,
    Member(member): Member,
) -> Result<Json<ExportBody>, ApiError> {
    Ok(Json(ExportBody::new(accounts.export(&member).await?, member.session)))
}

impl ExportBody {
    fn new(export: Export, current: SessionId) -> Self {
        let account = AccountBody {
            id: export.account.id,
            email: export.account.email.as_str().to_owned(),
            created_at: export.account.created_at,
        };
        let sessions = export.sessions.into_iter();
        Self {
            account,
            sessions: sessions.map(|session| SessionBody::new(session, current)).collect(),
            listings: export.listings.into_iter().map(TicketBody::from).collect(),
            orders: export.orders.into_iter().map(OrderBody::from).collect(),
            payments: export.payments.into_iter().map(AttemptBody::from).collect(),
            complete: export.is_complete,
        }
    }
}
