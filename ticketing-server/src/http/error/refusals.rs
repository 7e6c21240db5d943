//! What the engine's refusals are over HTTP. The sentences are part of the contract: clients show
//! them as they are.

use std::borrow::Cow;

use axum::http::StatusCode;
use ticketing_core::domain::inventory::Refusal;
use ticketing_core::{Reason, Rejection};

use super::ApiError;

pub(super) fn of(rejection: Rejection) -> ApiError {
    let code = rejection.code();
    if let Reason::Invalid(fields) = rejection.reason {
        return ApiError::invalid(fields);
    }
    if let Reason::NotOwner = rejection.reason {
        return ApiError::not_owner();
    }
    ApiError::new(status(&rejection.reason), code, sentence(&rejection))
}

fn status(reason: &Reason) -> StatusCode {
    let passes =
        matches!(reason, Reason::StaleVersion | Reason::PaymentRunning | Reason::CapturePending);
    if passes {
        StatusCode::CONFLICT
    } else if *reason == Reason::KeyReused {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::BAD_REQUEST
    }
}

/// The sentence that clients of this contract know, where they know one.
fn known_sentence(command: &str, reason: &Reason) -> Option<&'static str> {
    let is_cancelled = matches!(reason, Reason::OrderCancelled(_) | Reason::OrderCancelling);
    let is_sold_out = matches!(reason, Reason::Claim { refusal: Refusal::SoldOut { left: 0 }, .. });
    match command {
        "pay for the order" if is_cancelled => Some("Cannot pay for a cancelled order"),
        "pay for the order" if *reason == Reason::OrderExpired => {
            Some("Cannot pay for an expired order")
        }
        "pay for the order" if *reason == Reason::OrderComplete => Some("Order is already paid"),
        "withdraw the ticket" if *reason == Reason::TicketReserved => {
            Some("Cannot withdraw a reserved ticket")
        }
        _ if *reason == Reason::TicketReserved => Some("Cannot edit a reserved ticket"),
        _ if is_sold_out => Some("Ticket is already reserved"),
        _ => None,
    }
}

fn sentence(rejection: &Rejection) -> Cow<'static, str> {
    if let Some(known) = known_sentence(rejection.command, &rejection.reason) {
        return known.into();
    }
    // Which ticket it is, the client knows: it asked for it.
    if let Reason::Claim { refusal, .. } = &rejection.reason {
        return capitalized(&refusal.to_string()).into();
    }
    capitalized(&rejection.reason.to_string()).into()
}

pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
