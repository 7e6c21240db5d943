//! The application's routes. The engine is their state.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use ticketing_core::domain::view::{InventoryView, OrderView, PaymentView, TicketView};
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::{Money, OrderId, TicketId};
use ticketing_core::{NewTicket, PaymentMethod, PaymentOutcome, Ticketing};

use crate::failure::Failed;
use crate::user::{Once, User};

/// The application around an engine.
pub(crate) fn of(engine: Ticketing) -> Router {
    Router::new()
        .route("/tickets", get(on_sale).post(list))
        .route("/orders", post(reserve))
        .route("/orders/{order}", get(order))
        .route("/orders/{order}/payments", post(pay))
        .with_state(engine)
}

#[derive(Deserialize)]
struct New {
    title: String,
    cents: u32,
    quantity: u32,
}

async fn list(
    State(engine): State<Ticketing>,
    User(seller): User,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<TicketView>), Failed> {
    let new = NewTicket::new(new.title, Money::usd(new.cents)).quantity(new.quantity);
    Ok((StatusCode::CREATED, Json(engine.tickets().list_for_sale(seller, new).await?)))
}

#[derive(Serialize)]
struct OnSale {
    ticket: TicketView,
    inventory: InventoryView,
}

async fn on_sale(State(engine): State<Ticketing>) -> Result<Json<Vec<OnSale>>, Failed> {
    let listings = engine.tickets().search(&ListingQuery::default()).await?.items.into_iter();
    let shown = listings.map(|it| OnSale { ticket: it.ticket, inventory: it.inventory });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    ticket_id: TicketId,
    quantity: u32,
}

async fn reserve(
    State(engine): State<Ticketing>,
    User(buyer): User,
    Once(caller): Once,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<OrderView>), Failed> {
    let orders = engine.caller(caller).orders();
    let order = orders.reserve(buyer, [(wanted.ticket_id, wanted.quantity)]).await?;
    Ok((StatusCode::CREATED, Json(order)))
}

async fn order(
    State(engine): State<Ticketing>,
    User(buyer): User,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderView>, Failed> {
    Ok(Json(engine.orders().get(&buyer, order).await?))
}

#[derive(Deserialize)]
struct Card {
    card: String,
}

async fn pay(
    State(engine): State<Ticketing>,
    User(buyer): User,
    Once(caller): Once,
    Path(order): Path<OrderId>,
    Json(Card { card }): Json<Card>,
) -> Result<(StatusCode, Json<PaymentView>), Failed> {
    let payments = engine.caller(caller).payments();
    let receipt = payments.pay(&buyer, order, PaymentMethod::card_token(card)).await?;
    let status = match receipt.outcome() {
        PaymentOutcome::Complete => StatusCode::OK,
        PaymentOutcome::RequiresAction | PaymentOutcome::Pending => StatusCode::ACCEPTED,
        PaymentOutcome::Declined(_) | PaymentOutcome::Ended => StatusCode::PAYMENT_REQUIRED,
    };
    Ok((status, Json(receipt.payment)))
}
