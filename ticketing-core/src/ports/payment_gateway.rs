//! Where the money moves.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::payment::{ConfirmedBy, Dispute};
use crate::domain::settlement::IntentReport;
use crate::values::{
    GatewayName, IntentRef, Money, OrderId, PaymentId, RefundRef, StoreId, Timestamp, WebhookId,
};

/// A payment gateway.
///
/// # Contract
/// Foreign, and slow. A call that failed may have happened; [`GatewayErrorKind`] says what is
/// known. `open`, `capture`, `void` and `refund` carry a key and may be repeated under it:
/// whatever the number of calls, the effect is one. `confirm` is sent once for each attempt; in
/// doubt the intent is looked up. A decline is an answer, not an error.
///
/// Money is authorized first and captured later wherever the method allows it. Nothing of a
/// card ever crosses this port but a token for it. If a future is dropped, its call may have
/// happened or not.
///
/// The calls of one paid order, which the engine makes between commits of its own:
///
/// ```
/// use ticketing_core::domain::ConfirmedBy;
/// use ticketing_core::domain::settlement::IntentStatus;
/// use ticketing_core::memory::MemoryGateway;
/// use ticketing_core::ports::{OpenIntent, PaymentGateway, PaymentMethod};
/// use ticketing_core::values::{Money, OrderId, PaymentId, StoreId};
/// # use uuid::Uuid;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ticketing_core::ports::GatewayError> {
/// # let attempt = PaymentId::from_uuid(Uuid::from_u128(1));
/// # let order = OrderId::from_uuid(Uuid::from_u128(2));
/// # let store = StoreId::from_uuid(Uuid::from_u128(3));
/// let gateway = MemoryGateway::new();
/// let amount = Money::usd(20_00);
/// let confirmed_by = ConfirmedBy::Server;
/// let key = format!("open:{attempt}");
/// let open = OpenIntent { attempt, order, store, amount, confirmed_by, key };
/// let opened = gateway.open(&open).await?;
/// assert_eq!(gateway.open(&open).await?, opened, "the key makes both calls one");
///
/// let card = PaymentMethod::card_token("tok_visa");
/// let report = gateway.confirm(&opened.intent, &card, &format!("confirm:{attempt}")).await?;
/// assert_eq!(report.status, IntentStatus::Authorized);
///
/// let key = format!("capture:{attempt}");
/// let report = gateway.capture(&opened.intent, amount, &key).await?;
/// assert_eq!(report.status, IntentStatus::Captured);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PaymentGateway: fmt::Debug + Send + Sync + 'static {
    /// Our name for it.
    fn name(&self) -> GatewayName;

    /// Opens an intent.
    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError>;

    /// Confirms an intent with a payment method; sent once.
    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError>;

    /// How an intent stands; nothing if the gateway has never heard of it.
    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError>;

    /// Captures an authorized intent, whole.
    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError>;

    /// Ends an intent that is not captured. One that is captured already is reported as such.
    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError>;

    /// Gives captured money back.
    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError>;

    /// How a refund stands.
    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError>;

    /// Intents created at or after `since`, oldest first, one page at a time; `after` is the
    /// page before's [`IntentPage::next`].
    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError>;

    /// Reads and authenticates a webhook. Pure: it touches neither network nor storage.
    ///
    /// # Errors
    /// A [`WebhookError`]: it is not to be believed.
    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError>;
}

/// An intent to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// The attempt; kept in the intent's metadata.
    pub attempt: PaymentId,
    /// Its order; kept in the intent's metadata.
    pub order: OrderId,
    /// Our storage; kept in the intent's metadata, so that another's intents are let alone.
    pub store: StoreId,
    /// The sum.
    pub amount: Money,
    /// Who will confirm it.
    pub confirmed_by: ConfirmedBy,
    /// The key under which this call may be repeated.
    pub key: String,
}

/// An intent that the gateway opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedIntent {
    /// Its name.
    pub intent: IntentRef,
    /// What the buyer's browser needs to confirm it.
    pub client_secret: Option<ClientSecret>,
}

/// An intent as the gateway has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundIntent {
    /// Its name.
    pub intent: IntentRef,
    /// How it stands.
    pub report: IntentReport,
    /// The storage named in its metadata.
    pub store: Option<StoreId>,
    /// The attempt named in its metadata.
    pub attempt: Option<PaymentId>,
    /// When it was created, by the gateway's clock.
    pub created_at: Timestamp,
    /// What the buyer's browser needs to confirm it.
    pub client_secret: Option<ClientSecret>,
}

/// One page of the gateway's intents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntentPage {
    /// The intents.
    pub intents: Vec<FoundIntent>,
    /// Where the next page starts, if there is one.
    pub next: Option<IntentRef>,
}

/// What the buyer's browser needs to confirm an intent. Never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret, for the browser.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

/// How a buyer pays: a token that the gateway made of a card. Never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// A card token or payment method of the gateway, such as `tok_visa`.
    pub fn card_token(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token, for the gateway.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentMethod(..)")
    }
}

/// A refund to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRefund {
    /// On which intent.
    pub intent: IntentRef,
    /// How much.
    pub amount: Money,
    /// The key under which this call may be repeated.
    pub key: String,
}

/// How a refund stands, in the gateway's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReport {
    /// Its name.
    pub reference: RefundRef,
    /// Its state.
    pub status: RefundStatus,
}

/// The state of a refund at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    /// In work.
    Pending,
    /// Done.
    Succeeded,
    /// Not possible.
    Failed,
}

/// A webhook as it came in: the bytes, untouched, and the headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookRequest {
    /// The body.
    pub body: Vec<u8>,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// What an authentic webhook says: that something is worth looking up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its name; the same one may be delivered many times.
    pub id: WebhookId,
    /// The intent that it is about.
    pub intent: Option<IntentRef>,
    /// What about it.
    pub about: NoticeAbout,
}

/// What a webhook is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeAbout {
    /// The intent changed: ask how it stands.
    Intent,
    /// The buyer disputes it, or the dispute was decided.
    Dispute(Dispute),
    /// A refund changed: ask how it stands.
    Refund(RefundRef),
    /// Nothing that concerns us.
    Other,
}

/// A webhook that is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The signature is missing or wrong.
    #[error("the webhook's signature is wrong")]
    BadSignature,
    /// It was signed too long ago, or in the future.
    #[error("the webhook's signature is out of date")]
    OutOfDate,
    /// It is authentic, but not of a shape that we know.
    #[error("the webhook is malformed")]
    Malformed,
    /// It comes from test mode where live is expected, or the other way round.
    #[error("the webhook comes from the other mode")]
    WrongMode,
}

/// A call to the gateway that has no answer.
#[derive(Debug, Clone)]
pub struct GatewayError {
    kind: GatewayErrorKind,
    operation: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What is known of a call that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatewayErrorKind {
    /// It never left: certainly no effect.
    NotSent,
    /// No answer: it may have happened.
    Unknown,
    /// Answered with a server error, which the gateway may repeat for the same key: it may have
    /// happened.
    ServerError,
    /// Refused for good: certainly no effect.
    Refused,
    /// Refused because of our keys or our account: certainly no effect, and an operator must act.
    Misconfigured,
}

impl GatewayError {
    /// A failure of `operation`.
    pub fn new(kind: GatewayErrorKind, operation: &'static str) -> Self {
        Self { kind, operation, source: None }
    }

    /// The same failure, with the driver's own error.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(Arc::from(source.into())), ..self }
    }

    /// What is known.
    pub fn kind(&self) -> GatewayErrorKind {
        self.kind
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            GatewayErrorKind::NotSent => "the gateway can't be reached",
            GatewayErrorKind::Unknown => "the gateway did not answer",
            GatewayErrorKind::ServerError => "the gateway failed",
            GatewayErrorKind::Refused => "the gateway refused",
            GatewayErrorKind::Misconfigured => "the gateway refuses our account",
        };
        write!(f, "{}: {what}", self.operation)
    }
}

impl Error for GatewayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
