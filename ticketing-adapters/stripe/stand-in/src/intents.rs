//! Payment intents.

use serde_json::Value;

use crate::amounts::check_charge;
use crate::answer::Failure;
use crate::cards::{self, Behaviour};
use crate::form::Form;
use crate::ledger::{Charge, Intent, IntentStatus};
use crate::shown;
use crate::stand_in::State;

/// A call about an intent: what is asked, under which key, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) form: &'a Form,
    pub(crate) key: Option<&'a str>,
    pub(crate) now: i64,
}

impl State {
    pub(crate) fn create(&mut self, asked: Asked<'_>) -> Result<Value, Failure> {
        let form = asked.form;
        form.knows_only(&[
            "amount",
            "currency",
            "capture_method",
            "automatic_payment_methods",
            "metadata",
            "description",
            "expand",
        ])?;
        form.required("amount")?;
        let amount = form.integer("amount")?.unwrap_or_default();
        let currency = form.required("currency")?.to_ascii_lowercase();
        check_charge(amount, &currency)?;
        let manual_capture = match form.get("capture_method") {
            Some("manual") => true,
            None | Some("automatic" | "automatic_async") => false,
            Some(_) => return Err(Failure::invalid("Invalid capture_method", "capture_method")),
        };
        let id = self.ledger.name("pi");
        let intent = Intent {
            client_secret: format!("{id}_secret_standin"),
            id,
            amount,
            currency,
            status: IntentStatus::RequiresPaymentMethod,
            metadata: form.below("metadata"),
            created: asked.now,
            key: asked.key.map(str::to_owned),
            charge: None,
            manual_capture,
            method: None,
            failure: None,
        };
        let id = intent.id.clone();
        self.ledger.intents.push(intent);
        self.tell_of_intent("payment_intent.created", &id, asked.now);
        self.show(&id, form)
    }

    pub(crate) fn retrieve(&self, id: &str, form: &Form) -> Result<Value, Failure> {
        form.knows_only(&["expand", "client_secret"])?;
        self.show(id, form)
    }

    pub(crate) fn confirm(&mut self, id: &str, asked: Asked<'_>) -> Result<Value, Failure> {
        let form = asked.form;
        form.knows_only(&["payment_method", "return_url", "use_stripe_sdk", "expand"])?;
        let method = form.required("payment_method")?.to_owned();
        let behaviour = self.behaviour(&method)?;
        self.confirm_with(id, method, behaviour, asked.now)?;
        self.show(id, form)
    }

    /// Confirms with a card.
    pub(crate) fn confirm_with(
        &mut self,
        id: &str,
        method: String,
        behaviour: Behaviour,
        now: i64,
    ) -> Result<(), Failure> {
        self.in_state(id, "confirm", |status| {
            matches!(
                status,
                IntentStatus::RequiresPaymentMethod
                    | IntentStatus::RequiresConfirmation
                    | IntentStatus::RequiresAction
            )
        })?;
        let intent = self.ledger.intent_mut(id).ok_or_else(|| no_intent(id))?;
        intent.failure = None;
        match behaviour {
            Behaviour::AsksTheBuyer => {
                intent.method = Some(method);
                intent.status = IntentStatus::RequiresAction;
                self.tell_of_intent("payment_intent.requires_action", id, now);
                Ok(())
            }
            Behaviour::Declines(code, decline_code) => {
                self.fail(id, (code, decline_code), now)?;
                let shown = self.show(id, &Form::default())?;
                Err(Failure::declined(code, decline_code, &shown))
            }
            Behaviour::Authorizes | Behaviour::RefundsSlowly | Behaviour::RefundsNever => {
                intent.method = Some(method);
                self.charge(id, now)
            }
        }
    }

    /// The card agrees.
    pub(crate) fn charge(&mut self, id: &str, now: i64) -> Result<(), Failure> {
        let charge = self.ledger.name("ch");
        let intent = self.ledger.intent_mut(id).ok_or_else(|| no_intent(id))?;
        let (amount, manual) = (intent.amount, intent.manual_capture);
        intent.charge = Some(charge.clone());
        intent.status =
            if manual { IntentStatus::RequiresCapture } else { IntentStatus::Succeeded };
        let captured = if manual { 0 } else { amount };
        let intent = id.to_owned();
        self.ledger.charges.push(Charge {
            id: charge,
            intent,
            amount,
            captured,
            refunded: 0,
            disputed: false,
            authorized_at: now,
            ended_at: (!manual).then_some(now),
        });
        let kind = if manual {
            "payment_intent.amount_capturable_updated"
        } else {
            "payment_intent.succeeded"
        };
        self.tell_of_intent(kind, id, now);
        Ok(())
    }

    /// The card does not agree.
    pub(crate) fn fail(
        &mut self,
        id: &str,
        why: (&'static str, Option<&'static str>),
        now: i64,
    ) -> Result<(), Failure> {
        let intent = self.ledger.intent_mut(id).ok_or_else(|| no_intent(id))?;
        intent.status = IntentStatus::RequiresPaymentMethod;
        intent.failure = Some(why);
        intent.method = None;
        self.tell_of_intent("payment_intent.payment_failed", id, now);
        Ok(())
    }

    pub(crate) fn capture(&mut self, id: &str, asked: Asked<'_>) -> Result<Value, Failure> {
        let form = asked.form;
        form.knows_only(&["amount_to_capture", "expand"])?;
        let wanted = form.integer("amount_to_capture")?;
        self.in_state(id, "capture", |status| status == IntentStatus::RequiresCapture)?;
        self.take(id, wanted, asked.now)?;
        self.show(id, form)
    }

    /// Takes reserved money: all of it, or less.
    pub(crate) fn take(&mut self, id: &str, wanted: Option<i64>, now: i64) -> Result<(), Failure> {
        let intent = self.ledger.intent(id).ok_or_else(|| no_intent(id))?;
        let charge = intent.charge.clone().unwrap_or_default();
        let amount = wanted.unwrap_or(intent.amount);
        if amount < 1 || amount > intent.amount {
            let message = "This amount can't be captured";
            return Err(Failure::coded("amount_too_large", message, "amount_to_capture"));
        }
        if let Some(charge) = self.ledger.charge_mut(&charge) {
            charge.captured = amount;
            charge.ended_at = Some(now);
        }
        if let Some(intent) = self.ledger.intent_mut(id) {
            intent.status = IntentStatus::Succeeded;
        }
        self.tell_of_intent("payment_intent.succeeded", id, now);
        Ok(())
    }

    pub(crate) fn cancel(&mut self, id: &str, asked: Asked<'_>) -> Result<Value, Failure> {
        let form = asked.form;
        form.knows_only(&["cancellation_reason", "expand"])?;
        self.in_state(id, "cancel", |status| {
            !matches!(status, IntentStatus::Succeeded | IntentStatus::Canceled)
        })?;
        self.end(id, asked.now);
        self.show(id, form)
    }

    /// Ends an intent; what was reserved is free again.
    pub(crate) fn end(&mut self, id: &str, now: i64) {
        let charge = self.ledger.intent_mut(id).and_then(|intent| {
            intent.status = IntentStatus::Canceled;
            intent.charge.clone()
        });
        if let Some(charge) = charge.and_then(|charge| self.ledger.charge_mut(&charge)) {
            charge.ended_at = Some(now);
        }
        self.tell_of_intent("payment_intent.canceled", id, now);
    }

    pub(crate) fn method(&mut self, asked: Asked<'_>) -> Result<Value, Failure> {
        asked.form.knows_only(&["type", "card"])?;
        if asked.form.required("type")? != "card" {
            return Err(Failure::invalid("Invalid type", "type"));
        }
        let token = asked.form.required("card[token]")?;
        let no_token = || Failure::coded("resource_missing", "No such token", "card[token]");
        let behaviour = cards::of_token(token).ok_or_else(no_token)?;
        let id = self.ledger.name("pm");
        self.ledger.methods.insert(id.clone(), behaviour);
        Ok(serde_json::json!({
            "id": id, "object": "payment_method", "type": "card", "livemode": false,
            "card": { "brand": "visa", "last4": "4242" }, "created": asked.now,
        }))
    }

    /// What the card behind a payment method does.
    pub(crate) fn behaviour(&self, method: &str) -> Result<Behaviour, Failure> {
        let known = self.ledger.methods.get(method).copied();
        let no_method =
            || Failure::coded("resource_missing", "No such PaymentMethod", "payment_method");
        known.or_else(|| cards::of_method(method)).ok_or_else(no_method)
    }

    /// Shows an intent.
    pub(crate) fn show(&self, id: &str, form: &Form) -> Result<Value, Failure> {
        let intent = self.ledger.intent(id).ok_or_else(|| no_intent(id))?;
        let expanded = expands(form, "latest_charge")?;
        Ok(shown::intent(&self.ledger, intent, expanded))
    }

    fn in_state(
        &self,
        id: &str,
        what: &str,
        allowed: impl Fn(IntentStatus) -> bool,
    ) -> Result<(), Failure> {
        let intent = self.ledger.intent(id).ok_or_else(|| no_intent(id))?;
        if allowed(intent.status) {
            return Ok(());
        }
        let message = format!(
            "You cannot {what} this PaymentIntent because it has a status of {}.",
            intent.status.word()
        );
        let shown = shown::intent(&self.ledger, intent, false);
        Err(Failure::unexpected_state(&message, &shown))
    }

    pub(crate) fn tell_of_intent(&mut self, kind: &str, id: &str, now: i64) {
        if let Ok(shown) = self.show(id, &Form::default()) {
            self.tell(kind, now, shown);
        }
    }
}

/// Whether that is to be shown whole; nothing else may be.
pub(crate) fn expands(form: &Form, known: &str) -> Result<bool, Failure> {
    let wanted = form.list("expand");
    match wanted.iter().find(|wanted| *wanted != known) {
        Some(other) => {
            Err(Failure::invalid(&format!("This property cannot be expanded ({other})"), "expand"))
        }
        None => Ok(!wanted.is_empty()),
    }
}

fn no_intent(id: &str) -> Failure {
    Failure::no_such("payment_intent", id)
}
