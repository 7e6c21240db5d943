//! K1 and K2: commands under one key have one effect, and whoever is told of it is told the same.

use std::collections::{BTreeMap, BTreeSet};

use ticketing_core::domain::{AggregateRef, DomainEvent, Event};
use ticketing_core::values::{CorrelationId, IdempotencyKey};

use crate::clients::{Answer, Sent};
use crate::findings::Findings;
use crate::invariants::Ending;

pub(super) fn check(ending: &Ending<'_>, findings: &Findings) {
    let mut by_key: BTreeMap<&IdempotencyKey, Vec<&Sent>> = BTreeMap::new();
    for sent in ending.sent {
        if let Some(key) = &sent.key {
            by_key.entry(key).or_default().push(sent);
        }
    }
    let made = made_by(ending);
    for (key, sent) in by_key {
        let told: BTreeSet<AggregateRef> = sent.iter().filter_map(|sent| named(sent)).collect();
        findings.check(told.len() <= 1, "K1", || format!("{key} was answered by {told:?}"));
        let effects = sent.iter().filter_map(|sent| made.get(&sent.correlation));
        let effects: BTreeSet<_> = effects.flatten().collect();
        findings.check(effects.len() <= 1, "K1", || format!("{key} made {effects:?}"));
    }
}

/// What an answer is about.
fn named(sent: &Sent) -> Option<AggregateRef> {
    match &sent.answer.as_ref()?.answer {
        Answer::Order(order) => Some(order.id.into()),
        Answer::Ticket(ticket) => Some(ticket.id.into()),
        Answer::Refund(refund) => Some(refund.id.into()),
        Answer::Paid { order, .. } => order.map(Into::into),
        Answer::Refused { .. } | Answer::Unknown { .. } => None,
    }
}

/// What came to be in each affair.
fn made_by(ending: &Ending<'_>) -> BTreeMap<CorrelationId, Vec<AggregateRef>> {
    let mut made: BTreeMap<CorrelationId, Vec<AggregateRef>> = BTreeMap::new();
    for event in ending.books.events.iter().filter(|event| is_new(event)) {
        if let Some(correlation) = event.header.correlation {
            made.entry(correlation).or_default().push(event.key().aggregate);
        }
    }
    made
}

fn is_new(event: &Event) -> bool {
    let first = event.key().version == ticketing_core::values::Version::FIRST;
    first
        && matches!(
            event.data,
            DomainEvent::OrderCreated(_)
                | DomainEvent::TicketCreated(_)
                | DomainEvent::RefundUpdated(_)
        )
}
