//! The state: a fold over the lines.

use std::collections::BTreeMap;

use ticketing_core::domain::settlement::{IntentReport, IntentStatus};
use ticketing_core::memory::{Ledger, LedgerIntent, LedgerRefund};
use ticketing_core::ports::{OpenIntent, RefundReport, RefundStatus};
use ticketing_core::values::{IntentRef, Money, RefundRef, Timestamp};
use uuid::Uuid;

use crate::ledger::entry::{Became, Effect, Entry, Key, Terms};
use crate::ledger::mailbox::{About, Mailbox, Posted};

/// Everything that the gateway knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    ledger: Ledger,
    mailbox: Mailbox,
    /// Where in the ledger a name is.
    intents: BTreeMap<IntentRef, usize>,
    refunds: BTreeMap<RefundRef, usize>,
    keys: BTreeMap<String, Remembered>,
    last: u64,
    last_at: Option<Timestamp>,
}

/// A call that was made under a key, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) call: Uuid,
    pub(crate) answer: Answer,
}

/// What the caller hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Intent(IntentRef, IntentReport),
    Refund(RefundReport),
    Nothing,
}

/// A line that contradicts the lines before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misfit(&'static str);

/// Lines.
impl Accounts {
    /// The line for an effect of now. The ledger's time never goes back, whatever the clock does.
    pub(crate) fn entry(&self, now: Timestamp, under: Option<Key>, what: Effect) -> Entry {
        // Lines are written in milliseconds.
        let now = now.truncated_to_millis();
        let at = self.last_at.map_or(now, |last| last.max(now));
        Entry { number: self.last.saturating_add(1), at, under, what }
    }

    /// Takes a line in, and answers what its caller hears. Nothing has changed if it does not fit.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<Answer, Misfit> {
        if entry.number != self.last.saturating_add(1) {
            return Err(Misfit("its number does not follow"));
        }
        if self.last_at.is_some_and(|last| entry.at < last) {
            return Err(Misfit("it is older than the line before"));
        }
        let used = entry.under.as_ref().and_then(|under| self.keys.get(&under.key));
        if used.is_some() {
            return Err(Misfit("its key was used before"));
        }
        let answer = self.take(entry)?;
        (self.last, self.last_at) = (entry.number, Some(entry.at));
        if let Some(Key { key, call }) = entry.under.clone() {
            self.keys.insert(key, Remembered { call, answer: answer.clone() });
        }
        Ok(answer)
    }

    fn take(&mut self, entry: &Entry) -> Result<Answer, Misfit> {
        match &entry.what {
            Effect::Opened { intent, terms } => self.opened(entry, intent, *terms),
            Effect::Changed { intent, became } => self.changed(entry, intent, *became),
            Effect::Unchanged { intent } => {
                let known = self.intent(intent).ok_or(UNKNOWN_INTENT)?;
                Ok(Answer::Intent(intent.clone(), report(known)))
            }
            Effect::Refunded { refund, intent, amount } => {
                self.refunded(entry, refund, (intent, *amount))
            }
            Effect::Delivered { webhooks } => {
                self.mailbox.delivered(webhooks);
                Ok(Answer::Nothing)
            }
        }
    }

    fn opened(&mut self, line: &Entry, name: &IntentRef, terms: Terms) -> Result<Answer, Misfit> {
        let key = line.under.as_ref().ok_or(Misfit("an intent is opened under a key"))?;
        if self.intents.contains_key(name) {
            return Err(Misfit("there is such an intent already"));
        }
        let Terms { attempt, order, store, amount, confirmed_by } = terms;
        let nothing = Money::zero(amount.currency());
        let key = key.key.clone();
        let intent = LedgerIntent {
            intent: name.clone(),
            opened: OpenIntent { attempt, order, store, amount, confirmed_by, key },
            status: IntentStatus::NeedsMethod { declined: None },
            captured: nothing,
            refunded: nothing,
            created_at: line.at,
        };
        let answer = Answer::Intent(name.clone(), report(&intent));
        self.intents.insert(name.clone(), self.ledger.intents.len());
        self.ledger.intents.push(intent);
        Ok(answer)
    }

    fn changed(&mut self, line: &Entry, name: &IntentRef, to: Became) -> Result<Answer, Misfit> {
        let intent = self.intent_mut(name).ok_or(UNKNOWN_INTENT)?;
        intent.status = to.status();
        if to == Became::Captured {
            intent.captured = intent.opened.amount;
        }
        let answer = Answer::Intent(name.clone(), report(intent));
        self.post(line, name, About::Intent);
        Ok(answer)
    }

    fn refunded(
        &mut self,
        line: &Entry,
        name: &RefundRef,
        (intent, amount): (&IntentRef, Money),
    ) -> Result<Answer, Misfit> {
        if self.refunds.contains_key(name) {
            return Err(Misfit("there is such a refund already"));
        }
        let known = self.intent_mut(intent).ok_or(UNKNOWN_INTENT)?;
        let sum = after_refund(known, amount).ok_or(Misfit("more goes back than was captured"))?;
        known.refunded = sum;
        self.refunds.insert(name.clone(), self.ledger.refunds.len());
        let refund = LedgerRefund {
            reference: name.clone(),
            intent: intent.clone(),
            amount,
            key: line.under.as_ref().map(|under| under.key.clone()),
            status: RefundStatus::Succeeded,
        };
        let answer = Answer::Refund(refund_report(&refund));
        self.ledger.refunds.push(refund);
        self.post(line, intent, About::Refund(name.clone()));
        Ok(answer)
    }

    fn post(&mut self, line: &Entry, intent: &IntentRef, about: About) {
        let (number, at, intent) = (line.number, line.at, intent.clone());
        self.mailbox.post(Posted { number, at, intent, about });
    }

    fn intent_mut(&mut self, name: &IntentRef) -> Option<&mut LedgerIntent> {
        self.intents.get(name).and_then(|place| self.ledger.intents.get_mut(*place))
    }
}

/// Looks.
impl Accounts {
    /// The number of the last line.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(crate) fn remembered(&self, key: &str) -> Option<&Remembered> {
        self.keys.get(key)
    }

    pub(crate) fn intent(&self, name: &IntentRef) -> Option<&LedgerIntent> {
        self.intents.get(name).and_then(|place| self.ledger.intents.get(*place))
    }

    pub(crate) fn refund(&self, name: &RefundRef) -> Option<RefundReport> {
        let place = self.refunds.get(name)?;
        self.ledger.refunds.get(*place).map(refund_report)
    }

    /// Intents created at or after `since` that come after `after`, oldest first; nothing if
    /// there is no such intent.
    pub(crate) fn listed(
        &self,
        since: Timestamp,
        after: Option<&IntentRef>,
    ) -> Option<&[LedgerIntent]> {
        let intents = &self.ledger.intents;
        // In the order of the ledger, which is that of time.
        let first = intents.partition_point(|intent| intent.created_at < since);
        let next = match after {
            Some(after) => self.intents.get(after)?.saturating_add(1),
            None => 0,
        };
        intents.get(first.max(next)..)
    }
}

const UNKNOWN_INTENT: Misfit = Misfit("there is no such intent");

/// How an intent stands.
pub(crate) fn report(intent: &LedgerIntent) -> IntentReport {
    let LedgerIntent { status, refunded, opened, .. } = intent;
    IntentReport { status: *status, amount: opened.amount, refunded: *refunded }
}

fn refund_report(refund: &LedgerRefund) -> RefundReport {
    RefundReport { reference: refund.reference.clone(), status: refund.status }
}

/// What will have gone back of an intent after one more refund; nothing if so much is not left.
pub(crate) fn after_refund(intent: &LedgerIntent, amount: Money) -> Option<Money> {
    let sum = intent.refunded.checked_add(amount).ok()?;
    intent.captured.checked_sub(sum).is_ok().then_some(sum)
}
