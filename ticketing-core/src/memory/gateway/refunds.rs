//! What may happen to a refund.

use crate::ports::payment_gateway::{GatewayError, NoticeAbout, RefundReport, RefundStatus};
use crate::values::{IntentRef, Money, RefundRef, Timestamp};

use super::accounts::{Accounts, place_of, refused};
use super::intents::unknown;
use super::ledger::LedgerRefund;

const OPERATION: &str = "refund";

/// Refunds are named by their place in the ledger, counted from 1.
const PREFIX: &str = "re_mem_";

impl Accounts {
    /// Gives back captured money, as far as any is left.
    pub(super) fn refund(
        &mut self,
        intent: &IntentRef,
        amount: Money,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<RefundReport, GatewayError> {
        let entry = self.intent(intent).ok_or_else(|| unknown(OPERATION))?;
        let refunded = entry.refunded.checked_add(amount);
        let left = refunded.and_then(|refunded| entry.captured.checked_sub(refunded));
        if left.is_err() {
            return Err(refused(OPERATION, "not so much is captured and left"));
        }
        let number = self.ledger.refunds.len().saturating_add(1);
        let reference = RefundRef::new(format!("{PREFIX}{number}"))
            .map_err(|_invalid| refused(OPERATION, "the refund can't be named"))?;
        let status = std::mem::replace(&mut self.next_refund, RefundStatus::Succeeded);
        self.ledger.refunds.push(LedgerRefund {
            reference: reference.clone(),
            intent: intent.clone(),
            amount,
            key,
            status,
        });
        self.count(intent, amount, (RefundStatus::Failed, status));
        let about = NoticeAbout::Refund(reference.clone());
        self.mailbox.post(intent, about, now);
        Ok(RefundReport { reference, status })
    }

    /// A refund turns out like this.
    pub(super) fn settle_refund(
        &mut self,
        reference: &RefundRef,
        status: RefundStatus,
        now: Timestamp,
    ) -> Result<(), GatewayError> {
        let place = place_of(PREFIX, reference.as_str());
        let refund = place.and_then(|place| self.ledger.refunds.get_mut(place));
        let refund = refund.ok_or_else(unknown_refund)?;
        let before = std::mem::replace(&mut refund.status, status);
        let (intent, amount) = (refund.intent.clone(), refund.amount);
        self.count(&intent, amount, (before, status));
        let about = NoticeAbout::Refund(reference.clone());
        self.mailbox.post(&intent, about, now);
        Ok(())
    }

    pub(super) fn refund_report(
        &self,
        reference: &RefundRef,
    ) -> Result<RefundReport, GatewayError> {
        let place = place_of(PREFIX, reference.as_str());
        let refund = place.and_then(|place| self.ledger.refunds.get(place));
        refund
            .map(|refund| RefundReport {
                reference: refund.reference.clone(),
                status: refund.status,
            })
            .ok_or_else(unknown_refund)
    }

    /// Counts a refund that is, or is no more, on its way: one that failed is not.
    fn count(
        &mut self,
        intent: &IntentRef,
        amount: Money,
        (before, after): (RefundStatus, RefundStatus),
    ) {
        let Some(entry) = self.intent_mut(intent) else {
            return;
        };
        let counted = before != RefundStatus::Failed;
        let counts = after != RefundStatus::Failed;
        let refunded = match (counted, counts) {
            (false, true) => entry.refunded.checked_add(amount),
            (true, false) => entry.refunded.checked_sub(amount),
            (false, false) | (true, true) => Ok(entry.refunded),
        };
        entry.refunded = refunded.unwrap_or(entry.refunded);
    }
}

fn unknown_refund() -> GatewayError {
    refused(OPERATION, "there is no such refund")
}
