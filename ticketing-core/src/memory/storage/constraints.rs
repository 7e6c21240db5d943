//! The last line: what is refused even when the engine is wrong, as a database would refuse it.
//!
//! On the optimistic path the same checks are the guards of the prediction: whatever the writer
//! did not know of shows as a version that moved on, or as a row that is there already.

use std::collections::BTreeMap;

use crate::domain::event::AggregateRef;
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::planted::{self, CoreBug};
use crate::ports::batch::{State, WriteBatch};
use crate::ports::resolve::{RowWrite, Writes};
use crate::values::{BatchId, IntentRef, OrderId, PaymentId, PoolId, Title, Version};

use super::tables::Tables;

/// A write that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    #[error("{0} is not at the version that it was decided on")]
    Moved(AggregateRef),
    #[error("{0} of {1} is written already")]
    VersionTwice(Version, AggregateRef),
    #[error("the allowance of a buyer in {0} is not at the version that it was decided on")]
    AllowanceMoved(PoolId),
    #[error("the batch {0} is written already")]
    BatchTwice(BatchId),
    #[error("the idempotency key is taken")]
    KeyTwice,
    #[error("{0} would have claimed more than its capacity")]
    OverCapacity(PoolId),
    #[error("two attempts might pay for the order {0}")]
    SecondPayment(OrderId),
    #[error("the intent {0} would belong to two payments")]
    SecondOwner(IntentRef),
    #[error("the title {0:?} is refused")]
    Poisoned(Title),
}

impl Tables {
    /// Whether all of this may be written.
    pub(super) fn check(&self, writes: &Writes<'_>) -> Result<(), Violation> {
        self.check_batches(writes)?;
        self.check_rows(writes)?;
        self.check_pools(writes)?;
        self.check_payments(writes)?;
        self.check_poison(writes)
    }

    fn check_batches(&self, writes: &Writes<'_>) -> Result<(), Violation> {
        for batch in &writes.accepted {
            if !batch.changes().is_empty() && self.receipts.contains(&batch.id()) {
                return Err(Violation::BatchTwice(batch.id()));
            }
            if let Some(record) = batch.key() {
                let key = (record.user.clone(), record.key.clone());
                if self.keys.contains_key(&key) {
                    return Err(Violation::KeyTwice);
                }
            }
            self.check_events(batch)?;
        }
        Ok(())
    }

    /// One event for each version. An aggregate that has no row yet has no events either, so
    /// those of fresh ones need no look.
    fn check_events(&self, batch: &WriteBatch) -> Result<(), Violation> {
        let later = batch.changes().iter().filter(|change| change.expected.is_some());
        for change in later {
            let key = change.event.key();
            if self.events.contains(key) {
                return Err(Violation::VersionTwice(key.version, key.aggregate));
            }
        }
        Ok(())
    }

    fn check_rows(&self, writes: &Writes<'_>) -> Result<(), Violation> {
        for row in &writes.rows {
            let aggregate = row.state.aggregate();
            if self.version_of(aggregate) != row.before {
                return Err(Violation::Moved(aggregate));
            }
        }
        Ok(())
    }

    fn check_pools(&self, writes: &Writes<'_>) -> Result<(), Violation> {
        for write in &writes.pools {
            let pool = write.pool;
            let stored = self.pools.get(&pool.id).map(|stored| stored.version);
            if stored != write.before {
                return Err(Violation::Moved(AggregateRef::pool(pool.id)));
            }
            let claimed = pool.held.checked_add(pool.sold);
            if claimed.is_none_or(|claimed| claimed > pool.terms.capacity)
                && !planted::is(CoreBug::CheckThenInsert)
            {
                return Err(Violation::OverCapacity(pool.id));
            }
            let key = write.event.key();
            if self.events.contains(key) {
                return Err(Violation::VersionTwice(key.version, key.aggregate));
            }
        }
        for write in &writes.allowances {
            let pool = write.allowance.pool;
            let key = (pool, write.allowance.buyer.clone());
            let stored = self.allowances.get(&key).map(|stored| stored.version);
            if stored != write.before {
                return Err(Violation::AllowanceMoved(pool));
            }
        }
        Ok(())
    }

    /// One live payment for each order, and one payment for each intent.
    fn check_payments(&self, writes: &Writes<'_>) -> Result<(), Violation> {
        let written: BTreeMap<PaymentId, &Payment> = writes
            .rows
            .iter()
            .filter_map(payment_of)
            .map(|payment| (payment.id, payment))
            .collect();
        for payment in written.values() {
            if let Some(order) = payment.order.filter(|_| payment.may_pay()) {
                self.check_rivals(order, &written)?;
            }
            if let Some(intent) = &payment.intent {
                self.check_owners(intent, &written)?;
            }
        }
        Ok(())
    }

    fn check_rivals(
        &self,
        order: OrderId,
        written: &BTreeMap<PaymentId, &Payment>,
    ) -> Result<(), Violation> {
        let stored = self.payments.of_order(order);
        let kept = stored.filter(|payment| !written.contains_key(&payment.id));
        let after = kept.chain(written.values().copied());
        let rivals = after.filter(|payment| payment.order == Some(order) && payment.may_pay());
        if rivals.count() > 1 {
            return Err(Violation::SecondPayment(order));
        }
        Ok(())
    }

    fn check_owners(
        &self,
        intent: &IntentRef,
        written: &BTreeMap<PaymentId, &Payment>,
    ) -> Result<(), Violation> {
        let stored = self.payments.by_intent(intent).into_iter();
        let kept = stored.filter(|payment| !written.contains_key(&payment.id));
        let after = kept.chain(written.values().copied());
        let owners = after.filter(|payment| payment.intent.as_ref() == Some(intent));
        if owners.count() > 1 {
            return Err(Violation::SecondOwner(intent.clone()));
        }
        Ok(())
    }

    fn check_poison(&self, writes: &Writes<'_>) -> Result<(), Violation> {
        if self.poisoned.is_empty() {
            return Ok(());
        }
        let mut titles = writes.rows.iter().flat_map(titles_of);
        match titles.find(|title| self.poisoned.contains(*title)) {
            Some(title) => Err(Violation::Poisoned(title.clone())),
            None => Ok(()),
        }
    }
}

fn payment_of<'a>(row: &RowWrite<'a>) -> Option<&'a Payment> {
    match row.state {
        State::Payment(payment) => Some(payment),
        State::Ticket(_) | State::Order(_) | State::Refund(_) => None,
    }
}

/// The titles that a row would write.
fn titles_of<'a>(row: &RowWrite<'a>) -> impl Iterator<Item = &'a Title> {
    let (ticket, order) = match row.state {
        State::Ticket(ticket) => (Some(&ticket.terms.title), None),
        State::Order(order) => (None, Some(lines_of(order))),
        State::Payment(_) | State::Refund(_) => (None, None),
    };
    ticket.into_iter().chain(order.into_iter().flatten())
}

fn lines_of(order: &Order) -> impl Iterator<Item = &Title> {
    order.lines.iter().map(|line| &line.title)
}
