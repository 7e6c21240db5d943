//! Refunds.

use serde_json::Value;

use crate::amounts::check_digits;
use crate::answer::Failure;
use crate::cards::Behaviour;
use crate::form::Form;
use crate::intents::Asked;
use crate::ledger::{Charge, Intent, IntentStatus, Refund, RefundStatus};
use crate::shown;
use crate::stand_in::State;

impl State {
    pub(crate) fn refund(&mut self, asked: Asked<'_>) -> Result<Value, Failure> {
        let form = asked.form;
        form.knows_only(&["payment_intent", "amount", "reason", "metadata", "expand"])?;
        let intent = form.required("payment_intent")?.to_owned();
        let amount = form.integer("amount")?;
        let id = self.give_back(&intent, amount, asked.key, asked.now)?;
        self.show_refund(&id)
    }

    pub(crate) fn retrieve_refund(&self, id: &str, form: &Form) -> Result<Value, Failure> {
        form.knows_only(&["expand"])?;
        self.show_refund(id)
    }

    /// Gives money back: what was asked for, or all that is left.
    pub(crate) fn give_back(
        &mut self,
        intent: &str,
        amount: Option<i64>,
        key: Option<&str>,
        now: i64,
    ) -> Result<String, Failure> {
        let (intent, charge) = self.refundable(intent)?;
        let left = charge.captured.saturating_sub(charge.refunded);
        let amount = amount.unwrap_or(left);
        check_digits(amount, &intent.currency)?;
        if amount < 1 {
            return Err(Failure::invalid("Invalid positive integer", "amount"));
        }
        if amount > left {
            let message = format!(
                "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            );
            return Err(Failure::not_refundable(None, &message));
        }
        let status = self.status_of_refund(&intent);
        let id = self.ledger.name("re");
        self.ledger.refunds.push(Refund {
            id: id.clone(),
            intent: intent.id,
            amount,
            currency: intent.currency,
            status,
            key: key.map(str::to_owned),
            charge: charge.id.clone(),
            created: now,
        });
        if status != RefundStatus::Failed
            && let Some(charge) = self.ledger.charge_mut(&charge.id)
        {
            charge.refunded = charge.refunded.saturating_add(amount);
        }
        self.tell_of_refund("refund.created", &id, now);
        self.tell_of_charge("charge.refunded", &charge.id, now);
        Ok(id)
    }

    fn refundable(&self, id: &str) -> Result<(Intent, Charge), Failure> {
        let intent = self.ledger.intent(id);
        let intent = intent.ok_or_else(|| Failure::no_such("payment_intent", id))?;
        let charge = self.ledger.charge_of(id);
        let charge =
            charge.filter(|_| intent.status == IntentStatus::Succeeded).ok_or_else(|| {
                let message = "This PaymentIntent does not have a successful charge to refund.";
                Failure::not_refundable(None, message)
            })?;
        if charge.refunded == charge.captured {
            let message = "Charge has already been refunded.";
            return Err(Failure::not_refundable(Some("charge_already_refunded"), message));
        }
        let disputes = self.ledger.disputes.iter();
        let mut of_this = disputes.filter(|dispute| dispute.intent == id);
        if of_this.any(|dispute| dispute.status.takes_money()) {
            let message = "The charge has been disputed and can't be refunded.";
            return Err(Failure::not_refundable(Some("charge_disputed"), message));
        }
        Ok((intent.clone(), charge.clone()))
    }

    fn status_of_refund(&mut self, intent: &Intent) -> RefundStatus {
        if let Some(wanted) = self.next_refund.take() {
            return wanted;
        }
        let method = intent.method.as_deref().unwrap_or_default();
        match self.behaviour(method) {
            Ok(Behaviour::RefundsSlowly) => RefundStatus::Pending,
            Ok(
                Behaviour::Authorizes
                | Behaviour::AsksTheBuyer
                | Behaviour::Declines(..)
                | Behaviour::RefundsNever,
            )
            | Err(_) => RefundStatus::Succeeded,
        }
    }

    /// A refund turns out otherwise than it was told.
    pub(crate) fn settle_refund(&mut self, id: &str, status: RefundStatus, now: i64) {
        let Some(refund) = self.ledger.refunds.iter_mut().find(|refund| refund.id == id) else {
            return;
        };
        let was = refund.status;
        refund.status = status;
        let (charge, amount) = (refund.charge.clone(), refund.amount);
        let counts = |status| status != RefundStatus::Failed;
        if let Some(charge) = self.ledger.charge_mut(&charge) {
            if counts(was) && !counts(status) {
                charge.refunded = charge.refunded.saturating_sub(amount);
            } else if !counts(was) && counts(status) {
                charge.refunded = charge.refunded.saturating_add(amount);
            }
        }
        let kind = if status == RefundStatus::Failed { "refund.failed" } else { "refund.updated" };
        self.tell_of_refund(kind, id, now);
    }

    fn show_refund(&self, id: &str) -> Result<Value, Failure> {
        let refund = self.ledger.refund(id).ok_or_else(|| Failure::no_such("refund", id))?;
        Ok(shown::refund(refund))
    }

    fn tell_of_refund(&mut self, kind: &str, id: &str, now: i64) {
        if let Ok(shown) = self.show_refund(id) {
            self.tell(kind, now, shown);
        }
    }

    fn tell_of_charge(&mut self, kind: &str, id: &str, now: i64) {
        let Some(charge) = self.ledger.charges.iter().find(|charge| charge.id == id) else {
            return;
        };
        let currency = self.ledger.intent(&charge.intent).map(|intent| intent.currency.clone());
        let shown = shown::charge(charge, &currency.unwrap_or_default());
        self.tell(kind, now, shown);
    }
}
