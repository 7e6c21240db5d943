//! The test cards.

use ticketing_core::domain::payment::DeclineCode;
use ticketing_core::ports::PaymentMethod;

use crate::ledger::entry::Became;

/// What a card does when an intent is confirmed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Card {
    /// What it makes of the intent.
    pub(crate) makes: Became,
    /// How the call that has this effect is answered.
    pub(crate) answers: Answers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    AtOnce,
    Late,
    Never,
}

impl Card {
    /// The card behind a token, by either of its names.
    pub(crate) fn of(method: &PaymentMethod) -> Self {
        let token = method.expose();
        let name = token.strip_prefix("tok_").or_else(|| token.strip_prefix("pm_card_"));
        let (makes, answers) = match name.unwrap_or_default() {
            "visa" | "mastercard" => (Became::Authorized, Answers::AtOnce),
            "answersLate" => (Became::Authorized, Answers::Late),
            "answersUnknown" => (Became::Authorized, Answers::Never),
            "automatic" => (Became::Captured, Answers::AtOnce),
            "threeDSecure" => (Became::NeedsAction, Answers::AtOnce),
            other => (Became::Declined(reason(other)), Answers::AtOnce),
        };
        Self { makes, answers }
    }
}

/// Why a card is declined; one that nobody knows is, too.
fn reason(name: &str) -> DeclineCode {
    match name {
        "chargeDeclined" => DeclineCode::CardDeclined,
        "chargeDeclinedInsufficientFunds" => DeclineCode::InsufficientFunds,
        "chargeDeclinedExpiredCard" => DeclineCode::ExpiredCard,
        "chargeDeclinedIncorrectCvc" => DeclineCode::IncorrectCvc,
        "chargeDeclinedProcessingError" => DeclineCode::ProcessingError,
        _ => DeclineCode::InvalidMethod,
    }
}
