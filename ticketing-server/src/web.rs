//! The web client: what a buyer and a seller see.
//!
//! Pages are made on the server and work without a script: links, and forms that are answered with
//! the address of the next page, or with themselves and what is wrong beside the fields. A little
//! script makes them live. What they say is in [`texts`], how they look in `templates/` and
//! [`assets`].

mod answer;
mod assets;
mod cards;
mod chips;
mod done;
mod format;
mod forms;
mod frame;
mod language;
mod pages;
mod texts;
mod visitor;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use ticketing_core::Ticketing;

use crate::auth::Accounts;
use crate::http::error::ApiError;

pub(crate) use pages::failure::show as failures_as_pages;
use pages::{account, browse, entrance, listing, listings, order, orders, sell, ticket};

/// What pages are made from.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    pub(crate) engine: Ticketing,
    pub(crate) accounts: Accounts,
    /// Whether payments move no real money.
    pub(crate) sandbox: bool,
    /// Where cards are typed into a form of Stripe's.
    pub(crate) stripe: Option<StripeForm>,
}

/// Stripe's own form for cards, which only Stripe sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StripeForm {
    /// The key that browsers are given.
    pub(crate) key: String,
    /// The address of Stripe's script.
    pub(crate) script: String,
}

impl FromRef<Web> for Accounts {
    fn from_ref(web: &Web) -> Self {
        web.accounts.clone()
    }
}

/// The routes of all pages.
pub(crate) fn router(web: Web) -> Router {
    Router::new()
        .route("/", get(browse::show))
        .route("/tickets/{id}", get(ticket::show).post(ticket::reserve))
        .route("/orders", get(orders::show))
        .route("/orders/{id}", get(order::show))
        .route("/orders/{id}/pay", get(order::back).post(order::pay))
        .route("/orders/{id}/cancel", get(order::back).post(order::cancel))
        .route("/orders/{id}/extend", get(order::back).post(order::extend))
        .route("/sell", get(sell::show).post(sell::list))
        .route("/listings", get(listings::show))
        .route("/listings/{id}", get(listing::show).post(listing::edit))
        .route("/listings/{id}/withdraw", get(listing::back).post(listing::withdraw))
        .route("/signin", get(entrance::show_sign_in).post(entrance::sign_in))
        .route("/signup", get(entrance::show_sign_up).post(entrance::sign_up))
        .route("/signout", post(entrance::sign_out))
        .route("/account", get(account::show))
        .route("/account/email", get(account::back).post(account::change_email))
        .route("/account/password", get(account::back).post(account::change_password))
        .route("/account/sessions/others/end", post(account::end_others))
        .route("/account/sessions/{id}/end", post(account::end_session))
        .route("/account/delete", get(account::back).post(account::delete))
        .merge(assets::routes())
        .fallback(async || ApiError::not_found())
        .with_state(web)
}
