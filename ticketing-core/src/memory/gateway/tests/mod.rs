//! The gateway's own ways: its cards, its memory for keys, its ledger and its webhooks.

mod intents;
mod refunds;
mod webhooks;

use super::*;
use crate::domain::payment::ConfirmedBy;
use crate::domain::settlement::IntentStatus;
use crate::ports::PaymentGateway;
use crate::ports::payment_gateway::{GatewayErrorKind, OpenIntent, SendRefund};
use crate::testing::ManualClock;
use crate::testing::builders::START;
use crate::values::{OrderId, PaymentId, StoreId};
use uuid::Uuid;

const PRICE: Money = Money::usd(20_00);

struct Desk {
    clock: ManualClock,
    gateway: MemoryGateway,
}

impl Desk {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let gateway = MemoryGateway::with_clock(Arc::new(clock.clone()));
        Self { clock, gateway }
    }

    async fn open(&self, number: u128) -> IntentRef {
        let opened = self.gateway.open(&to_open(number)).await.unwrap();
        opened.intent
    }

    async fn confirm(&self, intent: &IntentRef, token: &str) -> Result<IntentReport, GatewayError> {
        let key = format!("confirm:{intent}:{token}");
        self.gateway.confirm(intent, &card(token), &key).await
    }

    /// An intent that a card was used on.
    async fn used(&self, number: u128, token: &str) -> IntentRef {
        let intent = self.open(number).await;
        drop(self.confirm(&intent, token).await);
        intent
    }

    async fn status(&self, intent: &IntentRef) -> IntentStatus {
        let found = self.gateway.look_up(intent).await.unwrap();
        found.unwrap().report.status
    }
}

fn to_open(number: u128) -> OpenIntent {
    OpenIntent {
        attempt: PaymentId::from_uuid(Uuid::from_u128(number)),
        order: OrderId::from_uuid(Uuid::from_u128(100 + number)),
        store: StoreId::from_uuid(Uuid::from_u128(1000)),
        amount: PRICE,
        confirmed_by: ConfirmedBy::Server,
        key: format!("open:{number}"),
    }
}

fn card(token: &str) -> PaymentMethod {
    PaymentMethod::card_token(token)
}

fn nobodys() -> IntentRef {
    IntentRef::new("pi_mem_99").unwrap()
}

fn kind<T: fmt::Debug>(answer: Result<T, GatewayError>) -> GatewayErrorKind {
    answer.unwrap_err().kind()
}
