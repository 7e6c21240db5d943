//! The test cards.

use crate::domain::payment::DeclineCode;
use crate::domain::settlement::{IntentReport, IntentStatus};
use crate::ports::payment_gateway::{GatewayError, GatewayErrorKind, PaymentMethod};

/// What a card does when an intent is confirmed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    Authorizes,
    AuthorizesSilently,
    Captures,
    NeedsBuyer,
    Declines(DeclineCode),
}

impl Behaviour {
    /// What the card behind that token does.
    pub(super) fn of(method: &PaymentMethod) -> Self {
        match method.expose() {
            "tok_visa" | "tok_mastercard" => Self::Authorizes,
            "tok_answersUnknown" => Self::AuthorizesSilently,
            "tok_automatic" => Self::Captures,
            "tok_threeDSecure" => Self::NeedsBuyer,
            "tok_chargeDeclined" => Self::Declines(DeclineCode::CardDeclined),
            "tok_chargeDeclinedInsufficientFunds" => Self::Declines(DeclineCode::InsufficientFunds),
            "tok_chargeDeclinedExpiredCard" => Self::Declines(DeclineCode::ExpiredCard),
            "tok_chargeDeclinedIncorrectCvc" => Self::Declines(DeclineCode::IncorrectCvc),
            "tok_chargeDeclinedProcessingError" => Self::Declines(DeclineCode::ProcessingError),
            _ => Self::Declines(DeclineCode::InvalidMethod),
        }
    }

    /// Where it leaves an intent.
    pub(super) fn status(self) -> IntentStatus {
        match self {
            Self::Authorizes | Self::AuthorizesSilently => IntentStatus::Authorized,
            Self::Captures => IntentStatus::Captured,
            Self::NeedsBuyer => IntentStatus::NeedsAction,
            Self::Declines(code) => IntentStatus::NeedsMethod { declined: Some(code) },
        }
    }

    /// What the caller hears of it.
    pub(super) fn answer(self, report: IntentReport) -> Result<IntentReport, GatewayError> {
        match self {
            Self::AuthorizesSilently => {
                Err(GatewayError::new(GatewayErrorKind::Unknown, "confirm"))
            }
            Self::Authorizes | Self::Captures | Self::NeedsBuyer | Self::Declines(_) => Ok(report),
        }
    }
}
