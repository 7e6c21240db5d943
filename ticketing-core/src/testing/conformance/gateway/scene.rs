//! What a case works on: a gateway, and intents of its own.

use std::sync::Arc;

use super::harness::{Card, GatewayHarness, GatewayNamespace};
use crate::domain::payment::ConfirmedBy;
use crate::domain::settlement::{IntentReport, IntentStatus};
use crate::ports::{
    FoundIntent, GatewayError, GatewayErrorKind, IdSource, OpenIntent, PaymentGateway, SendRefund,
};
use crate::testing::conformance::verdict::{fail, found, worked};
use crate::values::{IntentRef, Money, OrderId, PaymentId, StoreId};

/// One case's gateway.
#[derive(Debug)]
pub struct Scene {
    namespace: Box<dyn GatewayNamespace>,
    ids: Arc<dyn IdSource>,
    store: StoreId,
}

impl Scene {
    /// A gateway that knows nothing of this case.
    pub async fn open(harness: &dyn GatewayHarness) -> Self {
        let namespace = harness.open().await;
        let ids = namespace.ids();
        let store = StoreId::from_uuid(ids.next());
        Self { namespace, ids, store }
    }

    /// Ends the case. What it left at the gateway is test money.
    pub async fn close(mut self) {
        self.namespace.close().await;
    }

    /// What the harness gave.
    pub fn namespace(&self) -> &dyn GatewayNamespace {
        self.namespace.as_ref()
    }

    pub(super) fn gateway(&self) -> Arc<dyn PaymentGateway> {
        self.namespace.gateway()
    }

    pub(super) fn store(&self) -> StoreId {
        self.store
    }

    /// A key that was not used before.
    pub(super) fn key(&self) -> String {
        format!("conformance:{}", self.ids.next())
    }

    /// An intent to be, of an attempt that has no other.
    pub(super) fn an_intent(&self) -> OpenIntent {
        OpenIntent {
            attempt: PaymentId::from_uuid(self.ids.next()),
            order: OrderId::from_uuid(self.ids.next()),
            store: self.store,
            amount: self.namespace.amount(),
            confirmed_by: ConfirmedBy::Server,
            key: self.key(),
        }
    }

    /// An intent that is open.
    pub(super) async fn opened(&self) -> IntentRef {
        worked(self.gateway().open(&self.an_intent()).await, "open").intent
    }

    /// Confirms an intent with a card that the harness has.
    pub(super) async fn confirm(&self, intent: &IntentRef, card: Card) -> Option<IntentReport> {
        let card = self.namespace.card(card)?;
        let confirmed = self.gateway().confirm(intent, &card, &self.key()).await;
        Some(worked(confirmed, "confirm"))
    }

    /// An intent whose money is reserved.
    pub(super) async fn authorized(&self) -> IntentRef {
        let intent = self.opened().await;
        let report = found(self.confirm(&intent, Card::Authorizes).await, "a good card");
        self.is(report, IntentStatus::Authorized);
        intent
    }

    /// An intent whose money is taken.
    pub(super) async fn captured(&self) -> IntentRef {
        let intent = self.authorized().await;
        let amount = self.namespace.amount();
        let captured = self.gateway().capture(&intent, amount, &self.key()).await;
        self.is(worked(captured, "capture"), IntentStatus::Captured);
        intent
    }

    /// How the gateway says that an intent stands.
    pub(super) async fn look_up(&self, intent: &IntentRef) -> FoundIntent {
        let looked_up = worked(self.gateway().look_up(intent).await, "look_up");
        found(looked_up, "an intent of ours")
    }

    /// The intent stands like this, also when it is looked up.
    pub(super) async fn stands(&self, intent: &IntentRef, status: IntentStatus) {
        let FoundIntent { intent: name, report, .. } = self.look_up(intent).await;
        assert_eq!(name, *intent);
        self.is(report, status);
    }

    /// The report says this status, and our sum.
    pub(super) fn is(&self, report: IntentReport, status: IntentStatus) {
        assert_eq!((report.status, report.amount), (status, self.namespace.amount()));
    }

    /// A refund of a part of an intent.
    pub(super) fn a_refund(&self, intent: &IntentRef, amount: Money) -> SendRefund {
        SendRefund { intent: intent.clone(), amount, key: self.key() }
    }
}

/// The call was refused for good, certainly without effect.
pub(super) fn is_refused<T: std::fmt::Debug>(result: Result<T, GatewayError>) {
    match result {
        Ok(answer) => fail(&format!("it must be refused: {answer:?}")),
        Err(error) => assert_eq!(error.kind(), GatewayErrorKind::Refused, "{error}"),
    }
}
