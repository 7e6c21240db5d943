//! The gateway, and what is done at it beside the port.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ticketing_core::domain::settlement::IntentReport;
use ticketing_core::memory::Ledger;
use ticketing_core::ports::{
    ClientSecret, Clock, GatewayError, GatewayErrorKind, PaymentMethod, Runtime, WebhookRequest,
};
use ticketing_core::values::IntentRef;

use crate::bank::Bank;
use crate::config::SandboxBuilder;
use crate::error::{NoRuntime, OpenError};
use crate::journal::file;
use crate::ledger::call::Call;
use crate::webhooks::delivery::Deliveries;
use crate::webhooks::sink::WebhookSink;
use crate::webhooks::{body, signature};

/// A [`PaymentGateway`](ticketing_core::ports::PaymentGateway) that moves no real money. Clones
/// are the same gateway.
///
/// Beside the port it has what the buyer's browser does at a gateway, a look into its ledger, and
/// the delivery of its webhooks.
#[derive(Clone)]
pub struct SandboxGateway {
    pub(crate) bank: Arc<Bank>,
    pub(crate) runtime: Option<Arc<dyn Runtime>>,
    pub(crate) late_by: Duration,
}

impl SandboxGateway {
    /// A sandbox whose ledger is in memory, and lost with it.
    pub fn new() -> Self {
        Self::builder().in_memory()
    }

    /// The same by this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::builder().clock(clock).in_memory()
    }

    /// A sandbox whose ledger is in that file, which is made if there is none.
    ///
    /// What it answers is on disk before. If its last line was torn off by a crash, that call was
    /// never answered, and the line is cut off. The file belongs to one gateway at a time.
    ///
    /// # Errors
    /// An [`OpenError`]: the file can't be used, or another gateway uses it.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::builder().open(path).await
    }

    /// Whether the ledger in that file can be read, without opening it as a gateway: nothing is
    /// written, and a gateway that has it open does not mind.
    ///
    /// # Errors
    /// An [`OpenError`]: there is no such file, or it is no good.
    pub async fn look_into(path: impl Into<PathBuf>) -> Result<(), OpenError> {
        file::look(path.into()).await
    }

    /// A sandbox, to be described piece by piece.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// A copy of all that the gateway knows, to be compared with our books. A call that is not
    /// answered yet may be in it.
    pub fn ledger(&self) -> Ledger {
        self.bank.accounts().ledger().clone()
    }

    /// The intent that a client secret is for; nothing if it is no secret of this gateway.
    pub fn intent_of(&self, secret: &ClientSecret) -> Option<IntentRef> {
        signature::intent_of(secret, &self.bank.header.secret)
    }

    /// The buyer's browser confirms the intent with a card.
    ///
    /// # Errors
    /// As [`confirm`](ticketing_core::ports::PaymentGateway::confirm).
    pub async fn confirm_as_client(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
    ) -> Result<IntentReport, GatewayError> {
        self.confirm_under(None, intent, method).await
    }

    /// The buyer does, or fails to do, what the bank asked for.
    ///
    /// # Errors
    /// Refused unless the intent needs the buyer.
    pub async fn authenticate(
        &self,
        intent: &IntentRef,
        ok: bool,
    ) -> Result<IntentReport, GatewayError> {
        self.change(None, &Call::Authenticate(intent, ok)).await
    }

    /// Delivers every webhook to that sink, those of earlier runs first, until the answer is
    /// dropped. What the sink does not take comes again, after pauses that grow to a minute.
    ///
    /// One at a time: two deliveries would each deliver everything.
    ///
    /// # Errors
    /// [`NoRuntime`]: there is nothing to start a task on.
    pub fn deliver_to(&self, sink: impl WebhookSink) -> Result<Deliveries, NoRuntime> {
        let runtime = self.runtime.as_ref().ok_or(NoRuntime)?;
        Ok(Deliveries::start(&self.bank, Arc::new(sink), runtime))
    }

    /// The oldest webhooks that nobody has acknowledged, a hundred at most, signed now.
    ///
    /// # Errors
    /// The ledger can't be written any more.
    pub async fn undelivered(&self) -> Result<Vec<WebhookRequest>, GatewayError> {
        let waiting = self.bank.waiting(0, 100).await?;
        let bodies = waiting.into_iter().map(|posted| body::write(posted, self.bank.header.ledger));
        let signed = bodies.map(|body| body.map(|body| self.sign(body))).collect();
        let unwritable = |error: serde_json::Error| {
            GatewayError::new(GatewayErrorKind::Refused, "write webhooks").with_source(error)
        };
        Result::map_err(signed, unwritable)
    }

    /// A webhook with this body and a good signature of now, for whoever tests what is done about
    /// an odd one.
    pub fn sign(&self, body: Vec<u8>) -> WebhookRequest {
        signature::sign(body, &self.bank.header.secret, self.bank.clock.now())
    }

    /// Takes no more calls, and waits until the file is closed and can be opened again. A ledger in
    /// memory has nothing to close.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn close(&self) -> Result<(), GatewayError> {
        self.bank.close().await
    }

    pub(crate) fn client_secret(&self, intent: &IntentRef) -> ClientSecret {
        signature::client_secret(intent, &self.bank.header.secret)
    }

    /// As long as a late answer takes; not at all where there is nothing to wait with.
    pub(crate) async fn wait_a_while(&self) {
        if let Some(runtime) = &self.runtime {
            runtime.sleep(self.late_by).await;
        }
    }
}

impl Default for SandboxGateway {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SandboxGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bank.fmt(f)
    }
}
