//! What Stripe says of an intent or a refund, in the port's words.

use ticketing_core::domain::payment::DeclineCode;
use ticketing_core::domain::settlement::{IntentReport, IntentStatus};
use ticketing_core::ports::{ClientSecret, FoundIntent, RefundReport, RefundStatus};
use ticketing_core::values::{Currency, IntentRef, Money, RefundRef, Timestamp};

use crate::amounts::{self, NoSuchAmount};
use crate::answers::{Expandable, Failure, Intent, Refund};

/// Names in the metadata of an intent.
pub(crate) const STORE: &str = "ticketing_store";
pub(crate) const ORDER: &str = "ticketing_order";
pub(crate) const ATTEMPT: &str = "ticketing_attempt";

/// An answer that can't be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Odd {
    /// A status that is not known.
    #[error("the answer has a status that is not known")]
    Status,
    /// A currency that is not known.
    #[error("the answer has a currency that is not known")]
    Currency,
    /// A number that is no sum.
    #[error("the answer has an amount that can't be")]
    Amount(#[from] NoSuchAmount),
    /// A name that is none.
    #[error("the answer has a name that can't be kept")]
    Name,
    /// The charge is not told whole.
    #[error("the answer does not tell what was given back")]
    Charge,
}

impl Intent {
    /// How it stands.
    pub(crate) fn report(&self) -> Result<IntentReport, Odd> {
        let currency: Currency = self.currency.parse().map_err(|_unknown| Odd::Currency)?;
        let status = self.status()?;
        // What was reserved or taken is what counts: it can be less than was asked for.
        let amount = match status {
            IntentStatus::Authorized => self.amount_capturable.unwrap_or(self.amount),
            IntentStatus::Captured => self.amount_received.unwrap_or(self.amount),
            IntentStatus::NeedsMethod { .. }
            | IntentStatus::NeedsAction
            | IntentStatus::Processing
            | IntentStatus::Gone => self.amount,
        };
        let refunded = match (&self.latest_charge, status) {
            (Some(Expandable::Whole(charge)), IntentStatus::Captured) => charge.amount_refunded,
            (Some(Expandable::Named(_)), IntentStatus::Captured) => return Err(Odd::Charge),
            (_, _) => 0,
        };
        let money =
            |amount: i64| -> Result<Money, NoSuchAmount> { amounts::from_stripe(amount, currency) };
        Ok(IntentReport { status, amount: money(amount)?, refunded: money(refunded)? })
    }

    fn status(&self) -> Result<IntentStatus, Odd> {
        Ok(match self.status.as_str() {
            "requires_payment_method" => {
                let declined = self.last_payment_error.as_ref().map(decline);
                IntentStatus::NeedsMethod { declined }
            }
            "requires_confirmation" => IntentStatus::NeedsMethod { declined: None },
            "requires_action" => IntentStatus::NeedsAction,
            "processing" => IntentStatus::Processing,
            "requires_capture" => IntentStatus::Authorized,
            "succeeded" => IntentStatus::Captured,
            "canceled" => IntentStatus::Gone,
            _ => return Err(Odd::Status),
        })
    }

    /// Whether an engine of ours opened it: its metadata name a storage.
    pub(crate) fn is_of_a_store(&self) -> bool {
        self.metadata.contains_key(STORE)
    }

    pub(crate) fn reference(&self) -> Result<IntentRef, Odd> {
        IntentRef::new(self.id.as_str()).map_err(|_odd| Odd::Name)
    }

    /// All that is known of it.
    pub(crate) fn found(&self) -> Result<FoundIntent, Odd> {
        let noted = |name: &str| self.metadata.get(name).map(String::as_str);
        let micros = self.created.saturating_mul(1_000_000);
        Ok(FoundIntent {
            intent: self.reference()?,
            report: self.report()?,
            store: noted(STORE).and_then(|id| id.parse().ok()),
            attempt: noted(ATTEMPT).and_then(|id| id.parse().ok()),
            created_at: Timestamp::from_micros(micros),
            client_secret: self.client_secret.clone().map(ClientSecret::new),
        })
    }
}

/// What a buyer can do about a card that was not charged.
pub(crate) fn decline(failure: &Failure) -> DeclineCode {
    let code = failure.code.as_deref().unwrap_or_default();
    let reason = failure.decline_code.as_deref().unwrap_or_default();
    for word in [reason, code] {
        match word {
            "insufficient_funds" | "withdrawal_count_limit_exceeded" | "card_velocity_exceeded" => {
                return DeclineCode::InsufficientFunds;
            }
            "expired_card" => return DeclineCode::ExpiredCard,
            "incorrect_cvc" | "invalid_cvc" => return DeclineCode::IncorrectCvc,
            "authentication_required"
            | "payment_intent_authentication_failure"
            | "authentication_not_handled" => return DeclineCode::AuthenticationFailed,
            "processing_error"
            | "issuer_not_available"
            | "reenter_transaction"
            | "try_again_later" => {
                return DeclineCode::ProcessingError;
            }
            "invalid_number"
            | "incorrect_number"
            | "invalid_expiry_month"
            | "invalid_expiry_year"
            | "payment_method_invalid_parameter"
            | "resource_missing" => {
                return DeclineCode::InvalidMethod;
            }
            _ => {}
        }
    }
    DeclineCode::CardDeclined
}

impl Refund {
    /// How it stands.
    pub(crate) fn report(&self) -> Result<RefundReport, Odd> {
        let reference = RefundRef::new(self.id.as_str()).map_err(|_odd| Odd::Name)?;
        let status = match self.status.as_deref() {
            Some("succeeded") => RefundStatus::Succeeded,
            Some("failed" | "canceled") => RefundStatus::Failed,
            Some("pending" | "requires_action") | None => RefundStatus::Pending,
            Some(_) => return Err(Odd::Status),
        };
        Ok(RefundReport { reference, status })
    }
}
