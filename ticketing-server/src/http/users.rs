//! Accounts over HTTP.

use axum::Router;
use axum::http::{HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Accounts;

pub(crate) mod caller;
mod change_email;
mod change_password;
pub(crate) mod cookie;
mod current_user;
mod delete_account;
mod export;
mod failure;
mod fields;
mod list_sessions;
mod revoke_other_sessions;
mod revoke_session;
mod session_body;
mod sign_in;
mod sign_out;
mod sign_up;
#[cfg(test)]
mod tests;
mod user_body;

/// The routes of accounts, to be nested where an application wants them, such as at `/api/users`.
///
/// Limits by address need to know the peer: serve it with `into_make_service_with_connect_info`.
pub fn router(accounts: Accounts) -> Router {
    routes().with_state(accounts).into()
}

pub(crate) fn routes() -> OpenApiRouter<Accounts> {
    let no_store = HeaderValue::from_static("no-store");
    OpenApiRouter::new()
        .routes(routes!(sign_up::sign_up))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_out::sign_out))
        .routes(routes!(current_user::current_user))
        .routes(routes!(change_email::change_email))
        .routes(routes!(change_password::change_password))
        .routes(routes!(list_sessions::list))
        .routes(routes!(revoke_session::revoke))
        .routes(routes!(revoke_other_sessions::revoke_others))
        .routes(routes!(delete_account::delete))
        .routes(routes!(export::export))
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, no_store))
}
