//! What people do at Stripe beside our calls: the buyer's browser, and whoever has the account.

use std::fmt;

use crate::answer::Failure;
use crate::cards;
use crate::form::Form;
use crate::intents::Asked;
use crate::ledger::{Dispute, DisputeStatus, IntentStatus, RefundStatus};
use crate::shown;
use crate::stand_in::StandIn;

/// It can't be done.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure.answer.body.to_string())
    }
}

impl StandIn {
    /// The buyer's browser confirms with a card, a token or a payment method. A decline is no error.
    ///
    /// # Errors
    /// The intent can't be confirmed, or there is no such card.
    pub fn confirm_as_client(&self, intent: &str, card: &str) -> Result<(), Refused> {
        let now = self.now();
        let mut state = self.state();
        let behaviour = match cards::of_token(card) {
            Some(behaviour) => behaviour,
            None => state.behaviour(card)?,
        };
        match state.confirm_with(intent, card.to_owned(), behaviour, now) {
            Ok(()) => Ok(()),
            Err(declined) if declined.answer.status == 402 => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The buyer does, or fails to do, what the bank asked for.
    ///
    /// # Errors
    /// The intent does not need the buyer.
    pub fn authenticate(&self, intent: &str, ok: bool) -> Result<(), Refused> {
        let now = self.now();
        let mut state = self.state();
        let waits = state.ledger.intent(intent).map(|intent| intent.status);
        if waits != Some(IntentStatus::RequiresAction) {
            return Err(Refused("it does not wait for the buyer".to_owned()));
        }
        if ok {
            state.charge(intent, now)?;
        } else {
            state.fail(intent, ("payment_intent_authentication_failure", None), now)?;
        }
        Ok(())
    }

    /// Another program opens an intent on the same account. Answers with its name.
    ///
    /// # Errors
    /// There is no such sum.
    pub fn create_by_hand(&self, amount: i64, currency: &str) -> Result<String, Refused> {
        let form = Form::read(&format!("amount={amount}&currency={currency}"))?;
        let now = self.now();
        let mut state = self.state();
        state.create(Asked { form: &form, key: None, now })?;
        let created = state.ledger.intents.last().map(|intent| intent.id.clone());
        created.ok_or_else(|| Refused("it was not created".to_owned()))
    }

    /// Somebody refunds by hand: that much, or all that is left. Answers with the refund's name.
    ///
    /// # Errors
    /// Not so much was taken.
    pub fn refund_by_hand(&self, intent: &str, amount: Option<i64>) -> Result<String, Refused> {
        let now = self.now();
        Ok(self.state().give_back(intent, amount, None, now)?)
    }

    /// Somebody captures by hand: that much, or all.
    ///
    /// # Errors
    /// No so much is reserved.
    pub fn capture_by_hand(&self, intent: &str, amount: Option<i64>) -> Result<(), Refused> {
        let now = self.now();
        Ok(self.state().take(intent, amount, now)?)
    }

    /// Somebody cancels by hand, or an authorization runs out.
    pub fn cancel_by_hand(&self, intent: &str) {
        let now = self.now();
        self.state().end(intent, now);
    }

    /// The next refund begins like this.
    pub fn next_refund(&self, status: RefundStatus) {
        self.state().next_refund = Some(status);
    }

    /// A refund turns out otherwise than it was told.
    pub fn settle_refund(&self, refund: &str, status: RefundStatus) {
        let now = self.now();
        self.state().settle_refund(refund, status, now);
    }

    /// The intent has another sum than it was created with, which Stripe itself never does.
    pub fn misstate(&self, intent: &str, amount: i64, currency: &str) {
        let mut state = self.state();
        if let Some(intent) = state.ledger.intent_mut(intent) {
            intent.amount = amount;
            currency.clone_into(&mut intent.currency);
        }
        if let Some(charge) = state.ledger.charges.iter_mut().find(|charge| charge.intent == intent)
        {
            charge.amount = amount;
            charge.captured = charge.captured.min(amount);
        }
    }

    /// Something happened that is told by an event alone.
    pub fn tell(&self, kind: &str, object: serde_json::Value) {
        let now = self.now();
        self.state().tell(kind, now, object);
    }

    /// The buyer disputes a charge.
    ///
    /// # Errors
    /// There is none.
    pub fn dispute(&self, intent: &str) -> Result<(), Refused> {
        self.open_dispute(intent, DisputeStatus::NeedsResponse)
    }

    /// The buyer's bank asks about a charge, and takes no money back so far.
    ///
    /// # Errors
    /// There is none.
    pub fn inquire(&self, intent: &str) -> Result<(), Refused> {
        self.open_dispute(intent, DisputeStatus::InquiryNeedsResponse)
    }

    fn open_dispute(&self, intent: &str, status: DisputeStatus) -> Result<(), Refused> {
        let now = self.now();
        let mut state = self.state();
        let id = state.ledger.name("dp");
        let charge = state.ledger.charges.iter_mut().find(|charge| charge.intent == intent);
        let charge = charge.ok_or_else(|| Refused("there is no charge".to_owned()))?;
        charge.disputed = true;
        let (charge, amount) = (charge.id.clone(), charge.amount);
        let currency = state.ledger.intent(intent).map(|intent| intent.currency.clone());
        let dispute = Dispute {
            id,
            intent: intent.to_owned(),
            status,
            charge,
            amount,
            currency: currency.unwrap_or_default(),
        };
        let shown = shown::dispute(&dispute);
        state.ledger.disputes.push(dispute);
        state.tell("charge.dispute.created", now, shown);
        Ok(())
    }

    /// A dispute, or the inquiry before it, goes on at the bank.
    pub fn decide_dispute(&self, intent: &str, status: DisputeStatus) {
        let now = self.now();
        let mut state = self.state();
        let mut disputes = state.ledger.disputes.iter_mut();
        if let Some(dispute) = disputes.find(|dispute| dispute.intent == intent) {
            dispute.status = status;
            let shown = shown::dispute(dispute);
            let kind = if status.is_closed() { "closed" } else { "updated" };
            state.tell(&format!("charge.dispute.{kind}"), now, shown);
        }
    }
}
