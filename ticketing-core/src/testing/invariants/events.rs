//! Events and idempotency keys: complete, in order, with a cause.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::envelope::Event;
use crate::domain::event::{Actor, AggregateKind, AggregateRef, DomainEvent, EventKey};
use crate::testing::invariants::indexed::Indexed;
use crate::testing::invariants::{Found, History};
use crate::values::{BatchId, EventId, OrderId, PaymentId, RefundId, TicketId, Version};

/// E1: the versions of an aggregate are 0 to n, each told once. Old ones may be pruned.
pub(super) fn versions_have_no_gaps_and_no_repeats(world: &Indexed<'_>, found: &mut Found) {
    let mut seen = BTreeSet::new();
    for (aggregate, events) in world.histories() {
        found.check(seen.insert(aggregate), "E1", || format!("{aggregate} is told in pieces"));
        let first = events.first().map(|event| event.key().version);
        let whole = world.history == History::Pruned || first == Some(Version::FIRST);
        found.check(whole, "E1", || format!("{aggregate} begins with {first:?}"));
        for pair in events.windows(2) {
            let [before, after] = pair else { continue };
            let (before, after) = (before.key().version, after.key().version);
            found.check(after == before.next(), "E1", || {
                format!("{aggregate}: {before} is followed by {after}")
            });
        }
    }
    let mut ids: BTreeMap<EventId, EventKey> = BTreeMap::new();
    for event in &world.books.events {
        if let Some(other) = ids.insert(event.header.id, event.key()) {
            let aggregate = event.key().aggregate;
            found.add("E1", format!("{aggregate} and {} share an event id", other.aggregate));
        }
    }
}

/// E3: a state and its event are written together: the last version told is the one stored, and
/// nothing is told of what does not exist.
pub(super) fn the_last_event_tells_of_the_stored_version(world: &Indexed<'_>, found: &mut Found) {
    let mut stored = world.versions();
    for (aggregate, events) in world.histories() {
        let told = events.last().map(|event| event.key().version);
        let version = stored.remove(&aggregate);
        found.check(told == version, "E3", || {
            format!("{aggregate} is stored at {version:?}, and told at {told:?}")
        });
    }
    if world.history == History::Whole {
        for aggregate in stored.keys() {
            found.add("E3", format!("{aggregate} is stored, but never told of"));
        }
    }
}

/// E2: the last event of an aggregate shows its stored state.
pub(super) fn the_last_event_shows_the_stored_state(world: &Indexed<'_>, found: &mut Found) {
    let books = world.books;
    let refunds: BTreeMap<RefundId, _> = books.refunds.iter().map(|row| (row.id, row)).collect();
    for (aggregate, events) in world.histories() {
        let Some(event) = events.last() else { continue };
        let id = aggregate.id;
        let shown = match &event.data {
            DomainEvent::TicketCreated(view)
            | DomainEvent::TicketUpdated(view)
            | DomainEvent::TicketWithdrawn(view) => {
                let row = world.tickets.get(&TicketId::from_uuid(id));
                row.is_some_and(|row| row.view() == *view)
            }
            DomainEvent::InventoryChanged(view) => {
                let row = world.pools.get(&TicketId::from_uuid(id));
                row.is_some_and(|row| row.view() == *view)
            }
            DomainEvent::OrderCreated(view)
            | DomainEvent::OrderUpdated(view)
            | DomainEvent::OrderCancelled(view)
            | DomainEvent::OrderCompleted(view)
            | DomainEvent::OrderRefunded(view) => {
                let row = world.orders.get(&OrderId::from_uuid(id));
                row.is_some_and(|row| row.view() == *view)
            }
            DomainEvent::PaymentCreated(view)
            | DomainEvent::PaymentUpdated(view)
            | DomainEvent::PaymentFailed(view)
            | DomainEvent::PaymentRefunded(view) => {
                let row = world.payments.get(&PaymentId::from_uuid(id));
                row.is_some_and(|row| row.view() == *view)
            }
            DomainEvent::RefundUpdated(view) => {
                let row = refunds.get(&RefundId::from_uuid(id));
                row.is_some_and(|row| row.view() == *view)
            }
            // A hint for the bus, which is no version of anything and must not be stored.
            DomainEvent::ExpirationCompleted(_) => false,
        };
        found.check(shown, "E2", || format!("{aggregate} is not what its last event shows"));
    }
}

/// E7: each dead letter says why.
pub(super) fn dead_letters_have_a_reason(world: &Indexed<'_>, found: &mut Found) {
    for letter in &world.books.dead_letters {
        found.check(!letter.reason.trim().is_empty(), "E7", || {
            format!("{} at {} was given up", letter.event.aggregate, letter.event.version)
        });
    }
}

/// E9: events were caused by a batch, which is named after its first event: no chain of causes
/// is longer than one link.
pub(super) fn causes_are_first_events_of_batches(world: &Indexed<'_>, found: &mut Found) {
    if world.history == History::Pruned {
        return;
    }
    let first = |event: &&Event| cause_is_own(event);
    let events = world.books.events.iter();
    let batches: BTreeSet<BatchId> = events.filter(first).map(own_batch).collect();
    for event in &world.books.events {
        let known = event.header.causation.is_none_or(|batch| batches.contains(&batch));
        found.check(known, "E9", || format!("{} was caused by no batch", event.key().aggregate));
    }
}

fn own_batch(event: &Event) -> BatchId {
    event.header.id.into()
}

fn cause_is_own(event: &Event) -> bool {
    event.header.causation == Some(own_batch(event))
}

/// A1: every change names its batch, and with it who caused it. Only pools change in the name of
/// many, which is the engine's own.
pub(super) fn changes_have_an_actor(world: &Indexed<'_>, found: &mut Found) {
    for event in &world.books.events {
        let aggregate = event.key().aggregate;
        let attributed = match aggregate.kind {
            AggregateKind::Pool => event.header.actor == Actor::Engine,
            AggregateKind::Ticket
            | AggregateKind::Order
            | AggregateKind::Payment
            | AggregateKind::Refund => event.header.causation.is_some(),
        };
        found.check(attributed, "A1", || {
            format!("{aggregate} at {} names nobody", event.key().version)
        });
    }
}

/// K1: a user's key is used once, and its answer is a version that was written.
pub(super) fn keys_are_used_once_and_have_an_answer(world: &Indexed<'_>, found: &mut Found) {
    let stored: BTreeMap<AggregateRef, Version> = world.versions();
    let mut seen = BTreeSet::new();
    for record in &world.books.keys {
        let (user, key) = (&record.user, &record.key);
        found.check(seen.insert((user, key)), "K1", || format!("{user} used {key} twice"));
        let answer = record.answer;
        let written = stored.get(&answer.aggregate).is_some_and(|last| answer.version <= *last);
        found.check(written, "K1", || {
            format!("{user}'s {key} is answered by {} that is not there", answer.aggregate)
        });
    }
}
