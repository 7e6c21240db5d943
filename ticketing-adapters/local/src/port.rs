//! The port itself.

use async_trait::async_trait;
use ticketing_core::domain::settlement::IntentReport;
use ticketing_core::memory::LedgerIntent;
use ticketing_core::ports::{
    FoundIntent, GatewayError, GatewayErrorKind, IntentPage, Notice, OpenIntent, OpenedIntent,
    PaymentGateway, PaymentMethod, RefundReport, SendRefund, WebhookError, WebhookRequest,
};
use ticketing_core::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};

use crate::SandboxGateway;
use crate::cards::{Answers, Card};
use crate::ledger::accounts::{Accounts, Answer, report};
use crate::ledger::call::Call;
use crate::ledger::entry::Terms;
use crate::webhooks::{body, signature};

const NAME: GatewayName = GatewayName::from_static("sandbox");

/// How many intents one page of a list has.
const PAGE: usize = 100;

#[async_trait]
impl PaymentGateway for SandboxGateway {
    fn name(&self) -> GatewayName {
        NAME
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        let OpenIntent { attempt, order, store, amount, confirmed_by, ref key } = *intent;
        let call = Call::Open(Terms { attempt, order, store, amount, confirmed_by });
        let (intent, _) = intent_of(self.bank.call(Some(key), &call).await?.answer, &call)?;
        let client_secret = Some(self.client_secret(&intent));
        Ok(OpenedIntent { intent, client_secret })
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        self.confirm_under(Some(key), intent, method).await
    }

    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError> {
        let look = |accounts: &Accounts| accounts.intent(intent).map(|known| self.found(known));
        self.bank.look("look up", look).await
    }

    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        self.change(Some(key), &Call::Capture(intent, amount)).await
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        self.change(Some(key), &Call::Void(intent)).await
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        let call = Call::Refund(&refund.intent, refund.amount);
        match self.bank.call(Some(&refund.key), &call).await?.answer {
            Answer::Refund(report) => Ok(report),
            Answer::Intent(..) | Answer::Nothing => Err(of_another_kind(&call)),
        }
    }

    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError> {
        let found = self.bank.look("look up refund", |accounts| accounts.refund(refund)).await?;
        found.ok_or_else(|| refused("look up refund", "there is no such refund"))
    }

    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        let look = |accounts: &Accounts| {
            let listed = accounts.listed(since, after.as_ref())?;
            let page = listed.iter().take(PAGE);
            let next = listed.get(PAGE).and(listed.get(PAGE.saturating_sub(1)));
            Some(IntentPage {
                intents: page.map(|intent| self.found(intent)).collect(),
                next: next.map(|last| last.intent.clone()),
            })
        };
        let page = self.bank.look("list", look).await?;
        page.ok_or_else(|| refused("list", "there is no such intent"))
    }

    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError> {
        signature::check(request, &self.bank.header.secret, now)?;
        body::read(&request.body)
    }
}

impl SandboxGateway {
    /// Confirms, and answers as the card does. What was done under the key before is answered at
    /// once: it was one call that had no answer, not the card.
    pub(crate) async fn confirm_under(
        &self,
        key: Option<&str>,
        intent: &IntentRef,
        method: &PaymentMethod,
    ) -> Result<IntentReport, GatewayError> {
        let call = Call::Confirm(intent, method);
        let done = self.bank.call(key, &call).await?;
        let (_, report) = intent_of(done.answer, &call)?;
        match Card::of(method).answers {
            Answers::Never if done.now => {
                return Err(GatewayError::new(GatewayErrorKind::Unknown, call.operation()));
            }
            Answers::Late if done.now => self.wait_a_while().await,
            Answers::Never | Answers::Late | Answers::AtOnce => {}
        }
        Ok(report)
    }

    pub(crate) async fn change(
        &self,
        key: Option<&str>,
        call: &Call<'_>,
    ) -> Result<IntentReport, GatewayError> {
        let done = self.bank.call(key, call).await?;
        intent_of(done.answer, call).map(|(_, report)| report)
    }

    fn found(&self, known: &LedgerIntent) -> FoundIntent {
        FoundIntent {
            intent: known.intent.clone(),
            report: report(known),
            store: Some(known.opened.store),
            attempt: Some(known.opened.attempt),
            created_at: known.created_at,
            client_secret: Some(self.client_secret(&known.intent)),
        }
    }
}

fn intent_of(answer: Answer, call: &Call<'_>) -> Result<(IntentRef, IntentReport), GatewayError> {
    match answer {
        Answer::Intent(intent, report) => Ok((intent, report)),
        Answer::Refund(_) | Answer::Nothing => Err(of_another_kind(call)),
    }
}

/// Calls of two kinds have two fingerprints, so this answers nobody.
fn of_another_kind(call: &Call<'_>) -> GatewayError {
    call.refused("the key was used for a call of another kind")
}

fn refused(operation: &'static str, why: &'static str) -> GatewayError {
    GatewayError::new(GatewayErrorKind::Refused, operation).with_source(why)
}
