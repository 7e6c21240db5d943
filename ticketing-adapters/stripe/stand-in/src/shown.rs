//! Objects as Stripe shows them.

use serde_json::{Value, json};

use crate::ledger::{Charge, Dispute, Intent, Ledger, Refund};

/// An intent, with its charge whole if that is wanted.
pub(crate) fn intent(ledger: &Ledger, intent: &Intent, with_charge: bool) -> Value {
    let taken = ledger.charge_of(&intent.id);
    let reserved = taken.filter(|charge| charge.captured == 0 && intent.manual_capture);
    let charge = match taken {
        Some(taken) if with_charge => charge(taken, &intent.currency),
        Some(taken) => Value::from(taken.id.as_str()),
        None => Value::Null,
    };
    let is_reserved = intent.status == crate::ledger::IntentStatus::RequiresCapture;
    let action = (intent.status == crate::ledger::IntentStatus::RequiresAction)
        .then(|| json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }));
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": reserved.filter(|_| is_reserved).map_or(0, |charge| charge.amount),
        "amount_received": taken.map_or(0, |charge| charge.captured),
        "capture_method": if intent.manual_capture { "manual" } else { "automatic" },
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "last_payment_error": intent.failure.map(|failure| failed(failure)),
        "latest_charge": charge,
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": action,
        "payment_method": intent.method,
        "payment_method_types": ["card"],
        "status": intent.status.word(),
    })
}

fn failed((code, decline_code): (&str, Option<&str>)) -> Value {
    json!({
        "type": "card_error", "code": code, "decline_code": decline_code,
        "message": "Your card was declined.",
    })
}

pub(crate) fn charge(charge: &Charge, currency: &str) -> Value {
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.captured,
        "amount_refunded": charge.refunded,
        "captured": charge.captured > 0,
        "currency": currency,
        "disputed": charge.disputed,
        "livemode": false,
        "payment_intent": charge.intent,
        "refunded": charge.captured > 0 && charge.refunded == charge.captured,
        "status": "succeeded",
    })
}

pub(crate) fn refund(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "metadata": {},
        "payment_intent": refund.intent,
        "reason": null,
        "status": refund.status.word(),
    })
}

pub(crate) fn dispute(dispute: &Dispute) -> Value {
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "charge": dispute.charge,
        "currency": dispute.currency,
        "livemode": false,
        "payment_intent": dispute.intent,
        "reason": "general",
        "status": dispute.status.word(),
    })
}
