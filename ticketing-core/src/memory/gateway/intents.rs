//! What may happen to an intent.

use crate::domain::payment::DeclineCode;
use crate::domain::settlement::{IntentReport, IntentStatus};
use crate::ports::payment_gateway::{
    GatewayError, IntentPage, NoticeAbout, OpenIntent, OpenedIntent,
};
use crate::values::{Currency, IntentRef, Money, Timestamp};

use super::MemoryGateway;
use super::accounts::{Accounts, place_of, refused};
use super::ledger::LedgerIntent;
use super::methods::Behaviour;

/// Intents are named by their place in the ledger, counted from 1.
const PREFIX: &str = "pi_mem_";

impl Accounts {
    pub(super) fn open(
        &mut self,
        opened: &OpenIntent,
        now: Timestamp,
    ) -> Result<OpenedIntent, GatewayError> {
        let number = self.ledger.intents.len().saturating_add(1);
        let intent = IntentRef::new(format!("{PREFIX}{number}"))
            .map_err(|_invalid| refused("open", "the intent can't be named"))?;
        let nothing = Money::zero(opened.amount.currency());
        let entry = LedgerIntent {
            intent: intent.clone(),
            opened: opened.clone(),
            status: IntentStatus::NeedsMethod { declined: None },
            captured: nothing,
            refunded: nothing,
            created_at: now,
        };
        let client_secret = entry.client_secret();
        self.ledger.intents.push(entry);
        Ok(OpenedIntent { intent, client_secret })
    }

    pub(super) fn confirm(
        &mut self,
        intent: &IntentRef,
        behaviour: Behaviour,
        now: Timestamp,
    ) -> Result<IntentReport, GatewayError> {
        let entry = self.intent(intent).ok_or_else(|| unknown("confirm"))?;
        match entry.status {
            IntentStatus::NeedsMethod { .. } | IntentStatus::NeedsAction => {
                self.change(intent, behaviour.status(), "confirm", now)
            }
            IntentStatus::Processing
            | IntentStatus::Authorized
            | IntentStatus::Captured
            | IntentStatus::Gone => Err(refused("confirm", "the intent waits for no card")),
        }
    }

    pub(super) fn authenticate(
        &mut self,
        intent: &IntentRef,
        ok: bool,
        now: Timestamp,
    ) -> Result<IntentReport, GatewayError> {
        const OPERATION: &str = "authenticate";
        let entry = self.intent(intent).ok_or_else(|| unknown(OPERATION))?;
        if entry.status != IntentStatus::NeedsAction {
            return Err(refused(OPERATION, "the intent does not need the buyer"));
        }
        let behaviour = if ok {
            Behaviour::Authorizes
        } else {
            Behaviour::Declines(DeclineCode::AuthenticationFailed)
        };
        self.change(intent, behaviour.status(), OPERATION, now)
    }

    pub(super) fn capture(
        &mut self,
        intent: &IntentRef,
        amount: Money,
        now: Timestamp,
    ) -> Result<IntentReport, GatewayError> {
        const OPERATION: &str = "capture";
        let entry = self.intent(intent).ok_or_else(|| unknown(OPERATION))?;
        match entry.status {
            IntentStatus::Authorized | IntentStatus::Captured if entry.opened.amount != amount => {
                Err(refused(OPERATION, "an intent is captured whole"))
            }
            IntentStatus::Authorized => self.change(intent, IntentStatus::Captured, OPERATION, now),
            IntentStatus::Captured => Ok(entry.report()),
            IntentStatus::NeedsMethod { .. }
            | IntentStatus::NeedsAction
            | IntentStatus::Processing
            | IntentStatus::Gone => Err(refused(OPERATION, "the intent is not authorized")),
        }
    }

    /// Ends an intent. One that is captured stays so, and one that never was is gone: nobody
    /// knows its sum then.
    pub(super) fn void(
        &mut self,
        intent: &IntentRef,
        now: Timestamp,
    ) -> Result<IntentReport, GatewayError> {
        let Some(entry) = self.intent(intent) else {
            let nothing = Money::zero(Currency::USD);
            return Ok(IntentReport {
                status: IntentStatus::Gone,
                amount: nothing,
                refunded: nothing,
            });
        };
        match entry.status {
            IntentStatus::Captured | IntentStatus::Gone => Ok(entry.report()),
            IntentStatus::NeedsMethod { .. }
            | IntentStatus::NeedsAction
            | IntentStatus::Processing
            | IntentStatus::Authorized => self.change(intent, IntentStatus::Gone, "void", now),
        }
    }

    /// Intents created at or after `since`, oldest first, after `after`.
    pub(super) fn page(
        &self,
        since: Timestamp,
        after: Option<&IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        let intents = &self.ledger.intents;
        let start = match after {
            Some(after) => {
                let last = place_of(PREFIX, after.as_str());
                last.ok_or_else(|| unknown("list"))?.saturating_add(1)
            }
            None => 0,
        };
        let wanted = intents.iter().skip(start);
        let mut wanted = wanted.filter(|entry| entry.created_at >= since);
        let page: Vec<&LedgerIntent> = wanted.by_ref().take(MemoryGateway::PAGE).collect();
        let more = wanted.next().is_some();
        let last = page.last().filter(|_| more);
        Ok(IntentPage {
            next: last.map(|entry| entry.intent.clone()),
            intents: page.into_iter().map(LedgerIntent::found).collect(),
        })
    }

    pub(super) fn intent(&self, intent: &IntentRef) -> Option<&LedgerIntent> {
        let place = place_of(PREFIX, intent.as_str())?;
        self.ledger.intents.get(place)
    }

    pub(super) fn intent_mut(&mut self, intent: &IntentRef) -> Option<&mut LedgerIntent> {
        let place = place_of(PREFIX, intent.as_str())?;
        self.ledger.intents.get_mut(place)
    }

    /// Moves an intent on and posts a webhook about it.
    fn change(
        &mut self,
        intent: &IntentRef,
        status: IntentStatus,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<IntentReport, GatewayError> {
        let entry = self.intent_mut(intent).ok_or_else(|| unknown(operation))?;
        entry.status = status;
        if status == IntentStatus::Captured {
            entry.captured = entry.opened.amount;
        }
        let report = entry.report();
        self.mailbox.post(intent, NoticeAbout::Intent, now);
        Ok(report)
    }
}

pub(super) fn unknown(operation: &'static str) -> GatewayError {
    refused(operation, "there is no such intent")
}
