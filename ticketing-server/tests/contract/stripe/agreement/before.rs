//! M6: what a call needs to be written down before it is made, so that whoever comes after a crash
//! knows of it.

use ticketing_core::domain::payment::{Payment, PaymentState};
use ticketing_core::domain::refund::Refund;
use ticketing_core::ports::Storage;
use ticketing_core::values::{IntentRef, PaymentId};
use ticketing_stripe_stand_in::{Call, Request};

/// Whether the storage knows, while the call waits, that it was going to be made. What is wrong, if not.
pub(super) async fn is_written_down(
    storage: &dyn Storage,
    call: &Request,
) -> Result<(), &'static str> {
    match call.call {
        Some(Call::Create) => is_begun(storage, call).await,
        Some(Call::Confirm) => {
            let sent = |payment: &Payment| payment.confirmed_at.is_some();
            about_intent(storage, call, sent, "confirmed, and nobody knows that it is").await
        }
        Some(Call::Capture) => {
            let taken = |payment: &Payment| {
                matches!(payment.state, PaymentState::Authorized | PaymentState::Captured)
            };
            about_intent(storage, call, taken, "captured before the sale").await
        }
        Some(Call::Cancel) => {
            let given_up = |payment: &Payment| {
                let voiding = matches!(payment.state, PaymentState::Voiding { .. });
                voiding || !payment.is_live()
            };
            about_intent(storage, call, given_up, "voided before it was given up").await
        }
        Some(Call::Refund) => is_requested(storage, call).await,
        // These move no money.
        Some(Call::Retrieve | Call::List | Call::RetrieveRefund | Call::Method) | None => Ok(()),
    }
}

/// There is an attempt over that sum, which names the key.
async fn is_begun(storage: &dyn Storage, call: &Request) -> Result<(), &'static str> {
    let fields = call.fields();
    let attempt = fields.get("metadata[ticketing_attempt]").and_then(|id| id.parse().ok());
    let attempt: PaymentId = attempt.ok_or("opened without an attempt")?;
    let payment = storage.payment(attempt).await.unwrap().ok_or("opened without a row")?;
    let sum = fields.get("amount").and_then(|sum| sum.parse().ok());
    let same = sum == Some(payment.amount.minor());
    let key = call.key.as_deref() == Some(&format!("open:{attempt}"));
    if same && key { Ok(()) } else { Err("opened otherwise than it was written down") }
}

async fn about_intent(
    storage: &dyn Storage,
    call: &Request,
    is_known: impl Fn(&Payment) -> bool,
    what: &'static str,
) -> Result<(), &'static str> {
    let name = call.path.split('/').nth(3).unwrap_or_default();
    let known = payment_of(storage, name).await.is_some_and(|payment| is_known(&payment));
    if known { Ok(()) } else { Err(what) }
}

/// There is a refund of that sum, which names the key.
async fn is_requested(storage: &dyn Storage, call: &Request) -> Result<(), &'static str> {
    let fields = call.fields();
    let name = fields.get("payment_intent").map(String::as_str).unwrap_or_default();
    let payment = payment_of(storage, name).await.ok_or("refunded without a payment")?;
    let sum = fields.get("amount").and_then(|sum| sum.parse::<i64>().ok());
    let refunds = storage.refunds_of(payment.id).await.unwrap();
    let known = refunds.iter().any(|refund| {
        let named = keys_of(refund).any(|key| call.key.as_ref() == Some(&key));
        named && sum == Some(refund.amount.minor())
    });
    if known { Ok(()) } else { Err("refunded without a row") }
}

async fn payment_of(storage: &dyn Storage, name: &str) -> Option<Payment> {
    let intent = IntentRef::new(name).ok()?;
    storage.payment_by_intent(&intent).await.unwrap()
}

/// The keys of all tries of a refund.
fn keys_of(refund: &Refund) -> impl Iterator<Item = String> {
    let refund = refund.clone();
    (0..=refund.attempt).map(move |attempt| Refund { attempt, ..refund.clone() }.key())
}
