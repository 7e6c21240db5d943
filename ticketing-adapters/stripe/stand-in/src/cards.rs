//! Test cards: what each of them does, by the names that Stripe's page on testing has for them.

/// What a card does when it is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// The bank agrees.
    Authorizes,
    /// The bank wants to know from the buyer.
    AsksTheBuyer,
    /// The bank says no, with this code and this decline code.
    Declines(&'static str, Option<&'static str>),
    /// The bank agrees; a refund to it stays pending.
    RefundsSlowly,
    /// The bank agrees; a refund to it seems to succeed, and fails later.
    RefundsNever,
}

const DECLINED: &str = "card_declined";

/// What stands behind a name without its `tok_` or `pm_card_`.
fn behind(name: &str) -> Option<Behaviour> {
    Some(match name {
        "visa" | "mastercard" | "amex" | "discover" | "visa_debit" => Behaviour::Authorizes,
        "threeDSecureRequired" | "threeDSecure2Required" | "authenticationRequired" => {
            Behaviour::AsksTheBuyer
        }
        "pendingRefund" => Behaviour::RefundsSlowly,
        "refundFail" => Behaviour::RefundsNever,
        "visa_chargeDeclined" | "chargeDeclined" => {
            Behaviour::Declines(DECLINED, Some("generic_decline"))
        }
        "visa_chargeDeclinedInsufficientFunds" | "chargeDeclinedInsufficientFunds" => {
            Behaviour::Declines(DECLINED, Some("insufficient_funds"))
        }
        "visa_chargeDeclinedLostCard" => Behaviour::Declines(DECLINED, Some("lost_card")),
        "chargeDeclinedExpiredCard" => Behaviour::Declines("expired_card", None),
        "chargeDeclinedIncorrectCvc" => Behaviour::Declines("incorrect_cvc", None),
        "chargeDeclinedProcessingError" => Behaviour::Declines("processing_error", None),
        _ => return None,
    })
}

/// The card behind a token.
pub(crate) fn of_token(token: &str) -> Option<Behaviour> {
    token.strip_prefix("tok_").and_then(behind)
}

/// The card behind a payment method that every test account has.
pub(crate) fn of_method(method: &str) -> Option<Behaviour> {
    method.strip_prefix("pm_card_").and_then(behind)
}
