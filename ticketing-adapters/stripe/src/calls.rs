//! Each call to Stripe, as a request of `async-stripe`.

use std::collections::HashMap;

use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest as _};
use stripe_core::payment_intent::{
    CancelPaymentIntent, CapturePaymentIntent, ConfirmPaymentIntent, CreatePaymentIntent,
    CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects, ListPaymentIntent,
    RetrievePaymentIntent,
};
use stripe_core::refund::{CreateRefund, RetrieveRefund};
use stripe_shared::PaymentIntentCaptureMethod;
use stripe_types::{Currency, RangeQueryTs};
use ticketing_core::ports::{OpenIntent, PaymentMethod};
use ticketing_core::values::{IntentRef, RefundRef};

use crate::reports::{ATTEMPT, ORDER, STORE};

/// What a charge is expanded by, to tell what of it was given back.
const CHARGE: &str = "latest_charge";

/// Opens an intent over a sum as Stripe writes it.
pub(crate) fn open(intent: &OpenIntent, amount: i64) -> RequestBuilder {
    let currency = intent.amount.currency().code().to_ascii_lowercase();
    let currency: Currency =
        currency.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    // A page that the buyer would be sent to and come back from is the web client's matter.
    let mut methods = CreatePaymentIntentAutomaticPaymentMethods::new(true);
    methods.allow_redirects = Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never);
    let metadata: HashMap<String, String> = [
        (STORE.to_owned(), intent.store.to_string()),
        (ORDER.to_owned(), intent.order.to_string()),
        (ATTEMPT.to_owned(), intent.attempt.to_string()),
    ]
    .into();
    CreatePaymentIntent::new(amount, currency)
        .capture_method(PaymentIntentCaptureMethod::Manual)
        .automatic_payment_methods(methods)
        .metadata(metadata)
        .build()
}

pub(crate) fn confirm(intent: &IntentRef, method: &str) -> RequestBuilder {
    ConfirmPaymentIntent::new(intent.as_str())
        .payment_method(method)
        .expand([CHARGE.to_owned()])
        .build()
}

pub(crate) fn look_up(intent: &IntentRef) -> RequestBuilder {
    RetrievePaymentIntent::new(intent.as_str()).expand([CHARGE.to_owned()]).build()
}

pub(crate) fn capture(intent: &IntentRef, amount: i64) -> RequestBuilder {
    CapturePaymentIntent::new(intent.as_str())
        .amount_to_capture(amount)
        .expand([CHARGE.to_owned()])
        .build()
}

pub(crate) fn void(intent: &IntentRef) -> RequestBuilder {
    CancelPaymentIntent::new(intent.as_str()).build()
}

pub(crate) fn refund(intent: &IntentRef, amount: i64) -> RequestBuilder {
    CreateRefund::new().payment_intent(intent.as_str()).amount(amount).build()
}

pub(crate) fn look_up_refund(refund: &RefundRef) -> RequestBuilder {
    RetrieveRefund::new(refund.as_str()).build()
}

/// The newest intent from before that second, by its name alone.
pub(crate) fn newest_before(second: i64) -> RequestBuilder {
    ListPaymentIntent::new().created(RangeQueryTs::lt(second)).limit(1).build()
}

/// A page of intents from that second on: the one behind `cursor`, towards older or newer ones.
pub(crate) fn page(second: i64, cursor: Option<Cursor<'_>>, limit: i64) -> RequestBuilder {
    let list = ListPaymentIntent::new()
        .created(RangeQueryTs::gte(second))
        .limit(limit)
        .expand([format!("data.{CHARGE}")]);
    match cursor {
        None => list.build(),
        Some(Cursor::Older(than)) => list.starting_after(than).build(),
        Some(Cursor::Newer(than)) => list.ending_before(than).build(),
    }
}

/// Where a page is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cursor<'a> {
    /// Right behind that one, in Stripe's order.
    Older(&'a str),
    /// Right before it.
    Newer(&'a str),
}

/// A payment method of a card token.
pub(crate) fn method_of(token: &PaymentMethod) -> RequestBuilder {
    let form = MethodForm { kind: "card", card: CardForm { token: token.expose() } };
    RequestBuilder::new(StripeMethod::Post, "/payment_methods").form(&form)
}

#[derive(Serialize)]
struct MethodForm<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    card: CardForm<'a>,
}

#[derive(Serialize)]
struct CardForm<'a> {
    token: &'a str,
}
