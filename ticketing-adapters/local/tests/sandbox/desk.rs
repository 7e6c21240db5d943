//! What the tests of the sandbox share: a clock that stands still, and calls to send.

use std::sync::Arc;

use ticketing_core::domain::ConfirmedBy;
use ticketing_core::ports::{
    GatewayError, GatewayErrorKind, OpenIntent, PaymentGateway, PaymentMethod, WebhookRequest,
};
use ticketing_core::testing::ManualClock;
use ticketing_core::testing::builders::START;
use ticketing_core::values::{IntentRef, Money, OrderId, PaymentId, StoreId};
use ticketing_local::{OpenError, SandboxGateway};
use uuid::Uuid;

pub(crate) const PRICE: Money = Money::usd(20_00);

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(START)
}

pub(crate) fn in_memory() -> SandboxGateway {
    SandboxGateway::with_clock(Arc::new(clock()))
}

pub(crate) async fn opened(path: &std::path::Path) -> Result<SandboxGateway, OpenError> {
    SandboxGateway::builder().clock(Arc::new(clock())).open(path).await
}

pub(crate) fn to_open(number: u128) -> OpenIntent {
    OpenIntent {
        attempt: PaymentId::from_uuid(Uuid::from_u128(number)),
        order: OrderId::from_uuid(Uuid::from_u128(100 + number)),
        store: StoreId::from_uuid(Uuid::from_u128(1000)),
        amount: PRICE,
        confirmed_by: ConfirmedBy::Server,
        key: format!("open:{number}"),
    }
}

pub(crate) fn card(token: &str) -> PaymentMethod {
    PaymentMethod::card_token(token)
}

/// An intent that a card was used on, under the key `confirm:<number>`.
pub(crate) async fn used(gateway: &SandboxGateway, number: u128, token: &str) -> IntentRef {
    let intent = gateway.open(&to_open(number)).await.unwrap().intent;
    drop(gateway.confirm(&intent, &card(token), &format!("confirm:{number}")).await);
    intent
}

pub(crate) fn kind<T: std::fmt::Debug>(answer: Result<T, GatewayError>) -> GatewayErrorKind {
    answer.unwrap_err().kind()
}

/// The names of these webhooks.
pub(crate) fn names(gateway: &SandboxGateway, webhooks: &[WebhookRequest]) -> Vec<String> {
    let notice = |webhook| gateway.read_webhook(webhook, START).unwrap();
    webhooks.iter().map(|webhook| notice(webhook).id.to_string()).collect()
}
