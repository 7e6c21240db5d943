//! What a buyer hears of a payment attempt.

use crate::domain::payment::DeclineCode;
use crate::domain::view::{PaymentStatus, PaymentView};
use crate::ports::payment_gateway::ClientSecret;

/// A payment attempt, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a declined payment is an outcome, not an error"]
pub struct PaymentReceipt {
    /// The attempt.
    pub payment: PaymentView,
    /// What the buyer's browser needs to go on, where it must.
    pub client_secret: Option<ClientSecret>,
    /// The decline of a card token on an attempt that goes on in the buyer's browser.
    pub(super) token_declined: Option<DeclineCode>,
}

/// How a payment attempt stands, for the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// It is paid; the order is complete.
    Complete,
    /// The buyer must do something first.
    RequiresAction,
    /// It is not known yet.
    Pending,
    /// The card was declined; another may be tried.
    Declined(DeclineCode),
    /// It ended without money.
    Ended,
}

impl PaymentReceipt {
    /// How the attempt stands.
    pub fn outcome(&self) -> PaymentOutcome {
        if let Some(code) = self.token_declined {
            return PaymentOutcome::Declined(code);
        }
        match (self.payment.status, self.payment.declined) {
            (PaymentStatus::Authorized | PaymentStatus::Captured, _) => PaymentOutcome::Complete,
            (PaymentStatus::RequiresAction, _) => PaymentOutcome::RequiresAction,
            (PaymentStatus::Declined | PaymentStatus::Voiding, Some(code)) => {
                PaymentOutcome::Declined(code)
            }
            (PaymentStatus::Pending | PaymentStatus::NeedsOperator, _) => PaymentOutcome::Pending,
            (PaymentStatus::Declined | PaymentStatus::Voiding | PaymentStatus::Voided, _) => {
                PaymentOutcome::Ended
            }
        }
    }
}
