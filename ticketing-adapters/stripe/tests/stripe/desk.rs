//! A gateway at a stand-in, and what tests do there again and again.

use std::time::Duration;

use ticketing_core::domain::payment::ConfirmedBy;
use ticketing_core::ports::{
    IdSource as _, OpenIntent, PaymentGateway as _, PaymentMethod, RandomIds,
};
use ticketing_core::values::{IntentRef, Money, OrderId, PaymentId, StoreId};
use ticketing_stripe::{SecretKey, StripeConfig, StripeGateway, WebhookSecret};
use ticketing_stripe_stand_in::StandIn;

/// A gateway at a stand-in.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) stripe: StandIn,
    pub(crate) gateway: StripeGateway,
}

/// Shorter than any fault that a test waits for.
const TRY_WITHIN: Duration = Duration::from_millis(1500);

impl Desk {
    pub(crate) async fn open() -> Self {
        let stripe = StandIn::start().await.unwrap();
        let gateway = config(&stripe).open().unwrap();
        Self { stripe, gateway }
    }

    pub(crate) async fn opened(&self) -> IntentRef {
        self.opened_over(Money::usd(19_99)).await
    }

    pub(crate) async fn opened_over(&self, amount: Money) -> IntentRef {
        self.gateway.open(&an_intent(amount)).await.unwrap().intent
    }

    pub(crate) async fn captured(&self) -> IntentRef {
        let intent = self.opened().await;
        self.gateway.confirm(&intent, &card("tok_visa"), "confirm").await.unwrap();
        self.gateway.capture(&intent, Money::usd(19_99), "capture").await.unwrap();
        intent
    }
}

pub(crate) fn config(stripe: &StandIn) -> StripeConfig {
    StripeConfig::new(SecretKey::new(stripe.secret_key()).unwrap())
        .webhook_secret(WebhookSecret::new(stripe.webhook_secret()).unwrap())
        .address(stripe.url())
        .try_within(TRY_WITHIN)
        .pause(Duration::from_millis(1))
}

pub(crate) fn an_intent(amount: Money) -> OpenIntent {
    let attempt = PaymentId::from_uuid(RandomIds.next());
    OpenIntent {
        attempt,
        order: OrderId::from_uuid(RandomIds.next()),
        store: StoreId::from_uuid(RandomIds.next()),
        amount,
        confirmed_by: ConfirmedBy::Server,
        key: format!("open:{attempt}"),
    }
}

pub(crate) fn card(token: &str) -> PaymentMethod {
    PaymentMethod::card_token(token)
}
