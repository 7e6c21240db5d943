//! A payment gateway in memory, with a ledger, test cards and webhooks.
//!
//! | token | what the card does |
//! |---|---|
//! | `tok_visa`, `tok_mastercard` | authorizes |
//! | `tok_automatic` | captures at once: a method that can't wait |
//! | `tok_threeDSecure` | needs the buyer, see [`MemoryGateway::authenticate`] |
//! | `tok_answersUnknown` | authorizes, but the call fails with [`GatewayErrorKind::Unknown`](crate::ports::GatewayErrorKind::Unknown) |
//! | `tok_chargeDeclined` | declined |
//! | `tok_chargeDeclinedInsufficientFunds` | declined, not enough money |
//! | `tok_chargeDeclinedExpiredCard` | declined, expired |
//! | `tok_chargeDeclinedIncorrectCvc` | declined, wrong security code |
//! | `tok_chargeDeclinedProcessingError` | declined, the bank failed |
//! | any other | declined, unknown to the gateway |
//!
//! Every call under a key is remembered with its parameters and its answer, as real gateways do:
//! repeated, it has no further effect and gets the same answer; with other parameters it is
//! refused. What a refused call was is not remembered.

mod accounts;
mod intents;
mod ledger;
mod methods;
mod port;
mod refunds;
mod webhooks;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use ledger::{Ledger, LedgerIntent, LedgerRefund};

use self::accounts::Accounts;
use self::methods::Behaviour;
use crate::domain::payment::Dispute;
use crate::domain::settlement::IntentReport;
use crate::ports::clock::{Clock, SystemClock};
use crate::ports::payment_gateway::{
    GatewayError, NoticeAbout, PaymentMethod, RefundReport, RefundStatus, WebhookRequest,
};
use crate::values::{IntentRef, Money, RefundRef, Timestamp};

/// A [`PaymentGateway`](crate::ports::PaymentGateway) in memory. Clones are the same gateway.
///
/// Beside the port it has what a test does at the gateway itself: what the buyer's browser does
/// there, what somebody does there by hand, and a look into its ledger. Its webhooks wait until
/// they are [drained](Self::drain_webhooks); nobody delivers them.
///
/// ```
/// use ticketing_core::domain::ConfirmedBy;
/// use ticketing_core::domain::settlement::IntentStatus;
/// use ticketing_core::memory::MemoryGateway;
/// use ticketing_core::ports::{OpenIntent, PaymentGateway, PaymentMethod};
/// use ticketing_core::values::{Money, OrderId, PaymentId, StoreId};
/// # use uuid::Uuid;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let gateway = MemoryGateway::new();
/// let opened = gateway
///     .open(&OpenIntent {
///         attempt: PaymentId::from_uuid(Uuid::from_u128(1)),
///         order: OrderId::from_uuid(Uuid::from_u128(2)),
///         store: StoreId::from_uuid(Uuid::from_u128(3)),
///         amount: Money::usd(20_00),
///         confirmed_by: ConfirmedBy::Server,
///         key: "attempt-1".to_owned(),
///     })
///     .await?;
/// let visa = PaymentMethod::card_token("tok_visa");
/// let report = gateway.confirm(&opened.intent, &visa, "confirm-1").await?;
/// assert_eq!(report.status, IntentStatus::Authorized);
/// assert_eq!(gateway.ledger().intents[0].opened.amount, Money::usd(20_00));
/// # Ok::<(), ticketing_core::ports::GatewayError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryGateway {
    clock: Arc<dyn Clock>,
    accounts: Arc<Mutex<Accounts>>,
}

impl MemoryGateway {
    /// How many intents one page of a list has.
    pub const PAGE: usize = 10;

    /// A gateway by the system's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// A gateway by this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, accounts: Arc::default() }
    }

    /// A copy of all that the gateway knows.
    pub fn ledger(&self) -> Ledger {
        self.accounts().ledger.clone()
    }

    /// The buyer's browser confirms the intent with a card.
    ///
    /// # Errors
    /// As [`confirm`](crate::ports::PaymentGateway::confirm).
    pub fn confirm_as_client(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
    ) -> Result<IntentReport, GatewayError> {
        let behaviour = Behaviour::of(method);
        let now = self.clock.now();
        let report = self.accounts().confirm(intent, behaviour, now)?;
        behaviour.answer(report)
    }

    /// The buyer does, or fails to do, what the bank asked for.
    ///
    /// # Errors
    /// Refused unless the intent needs the buyer.
    pub fn authenticate(&self, intent: &IntentRef, ok: bool) -> Result<IntentReport, GatewayError> {
        let now = self.clock.now();
        self.accounts().authenticate(intent, ok, now)
    }

    /// Somebody ends an intent at the gateway by hand, or an authorization runs out there.
    ///
    /// # Errors
    /// Never: one that is captured already is reported as such.
    pub fn void_at_gateway(&self, intent: &IntentRef) -> Result<IntentReport, GatewayError> {
        let now = self.clock.now();
        self.accounts().void(intent, now)
    }

    /// Somebody refunds captured money at the gateway by hand.
    ///
    /// # Errors
    /// Refused beyond what was captured and is left.
    pub fn refund_at_gateway(
        &self,
        intent: &IntentRef,
        amount: Money,
    ) -> Result<RefundReport, GatewayError> {
        let now = self.clock.now();
        self.accounts().refund(intent, amount, None, now)
    }

    /// The next refund is taken in but can't be carried out.
    pub fn fail_next_refund(&self) {
        self.accounts().next_refund = RefundStatus::Failed;
    }

    /// The next refund stays in work until it is [settled](Self::settle_refund).
    pub fn hold_next_refund(&self) {
        self.accounts().next_refund = RefundStatus::Pending;
    }

    /// A refund turns out otherwise than it was reported: a bank can fail one that had succeeded.
    ///
    /// # Errors
    /// Refused for a refund that the gateway does not know.
    pub fn settle_refund(
        &self,
        refund: &RefundRef,
        status: RefundStatus,
    ) -> Result<(), GatewayError> {
        let now = self.clock.now();
        self.accounts().settle_refund(refund, status, now)
    }

    /// The buyer disputes the payment with the bank, or the bank decides. Only a webhook tells.
    pub fn dispute(&self, intent: &IntentRef, dispute: Dispute) {
        let now = self.clock.now();
        let about = NoticeAbout::Dispute(dispute);
        self.accounts().mailbox.post(intent, about, now);
    }

    /// The webhooks that wait to be delivered, oldest first.
    pub fn notices(&self) -> Vec<WebhookRequest> {
        self.accounts().mailbox.waiting.clone()
    }

    /// The webhooks that wait to be delivered, which are the caller's to deliver now.
    pub fn drain_webhooks(&self) -> Vec<WebhookRequest> {
        std::mem::take(&mut self.accounts().mailbox.waiting)
    }

    /// A webhook with this body and a good signature of that time, for whoever tests what is done
    /// about an odd one.
    pub fn sign(body: Vec<u8>, at: Timestamp) -> WebhookRequest {
        webhooks::sign(body, at)
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryGateway {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.accounts();
        f.debug_struct("MemoryGateway")
            .field("intents", &accounts.ledger.intents.len())
            .field("refunds", &accounts.ledger.refunds.len())
            .finish_non_exhaustive()
    }
}
