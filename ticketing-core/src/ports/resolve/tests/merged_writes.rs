//! What is written for a group: every row once, every event once, versions without a gap.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::event::{Actor, AggregateRef, DomainEvent};
use crate::domain::inventory::Refusal;
use crate::domain::order::{OrderCommand, OrderState};
use crate::domain::ticket::TicketDecision;
use crate::ports::batch::WebhookKey;
use crate::ports::error::CommitError;
use crate::ports::resolve::tests::cases::{
    NOW, POLICY, Scene, buyer, cancel, key_record, list, listing, order_id, payment_id, ticket_id,
    world,
};
use crate::ports::resolve::tests::store::Store;
use crate::ports::resolve::tests::story::{spoilt_stories, tell};
use crate::ports::resolve::{Writes, resolve};
use crate::values::{EventId, GatewayName, Version, WebhookId};

fn version(number: u64) -> Version {
    Version::new(number)
}

#[test]
fn an_order_that_goes_on_within_a_group_is_written_once_as_it_ends() {
    let mut scene = world([listing(5)]);
    let placed = scene.place(1, 0, &[(0, 2)]);
    let ahead = {
        let mut store = scene.store.clone();
        store.commit(std::slice::from_ref(&placed));
        Scene { store, ..world([]) }
    };
    let extended = scene.batch().order(ahead.told(1, OrderCommand::Extend(POLICY)));
    let extended = extended.build();
    let conflicting = ahead.told(1, cancel());
    let conflicting = scene.batch().order(conflicting).build();
    let group = [placed, extended, conflicting];
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    assert_eq!(writes.accepted.len(), 2);
    assert_eq!(writes.rows.len(), 1);
    assert_eq!(writes.rows[0].before, None);
    assert_eq!(writes.rows[0].state.version(), version(1));
    let told: Vec<_> = writes.events().map(|event| event.key()).collect();
    let order = AggregateRef::from(order_id(1));
    let expected = [(order, 0), (order, 1), (AggregateRef::pool(ticket_id(0)), 1)];
    assert_eq!(told.len(), expected.len());
    for (key, (aggregate, number)) in told.iter().zip(expected) {
        assert_eq!((key.aggregate, key.version), (aggregate, version(number)));
    }
    scene.store.commit(&group);
    assert_eq!(scene.store.order(1).unwrap().state, OrderState::Created);
}

#[test]
fn several_versions_within_one_batch_are_one_row_and_all_events() {
    let mut scene = world([listing(5)]);
    scene.store.commit(&[scene.place(1, 0, &[(0, 1)])]);
    let longer = scene.told(1, OrderCommand::Extend(POLICY));
    let cancelled = longer.next().clone().decide(cancel(), NOW).unwrap();
    let group = [scene.batch().order(longer).order(cancelled).build()];
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    assert_eq!(writes.rows.len(), 1);
    assert_eq!(writes.rows[0].before, Some(version(0)));
    assert_eq!(writes.rows[0].state.version(), version(2));
    assert_eq!(writes.events().count(), 3);
}

#[test]
fn each_version_within_a_batch_follows_the_one_before_it() {
    let mut scene = world([listing(5)]);
    scene.store.commit(&[scene.place(1, 0, &[(0, 1)])]);
    let longer = scene.told(1, OrderCommand::Extend(POLICY));
    let pay = OrderCommand::StartPayment { attempt: payment_id(1, version(2)), policy: POLICY };
    let paying = longer.next().clone().decide(pay, NOW).unwrap();
    let ending = paying.next().clone().decide(cancel(), NOW).unwrap();
    let group = [
        scene.batch().order(longer.clone()).order(ending.clone()).build(),
        scene.batch().order(longer).order(paying).order(ending).build(),
    ];
    let resolution = resolve(scene.store.snapshot(&group), &group);
    let order = AggregateRef::from(order_id(1));
    let [left_out, whole] = &resolution.outcomes[..] else {
        panic!("{:?}", resolution.outcomes);
    };
    assert!(matches!(left_out, Err(CommitError::Conflict(id)) if *id == order), "{left_out:?}");
    assert!(whole.is_ok(), "{whole:?}");
    assert_eq!(resolution.writes.rows[0].state.version(), version(3));
}

#[test]
fn a_pool_counts_groups_and_its_event_has_an_id_of_its_own() {
    let mut scene = world([listing(9), listing(9)]);
    let group = [1, 2, 3].map(|order| scene.place(order, order, &[(0, 1)]));
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    assert_eq!(writes.pools.len(), 1);
    let write = &writes.pools[0];
    assert_eq!((write.before, write.pool.version), (Some(version(0)), version(1)));
    assert_eq!(write.pool.held, 3);
    assert_eq!(write.event.data, DomainEvent::InventoryChanged(write.pool.view()));
    let header = &write.event.header;
    let named = Uuid::new_v5(&ticket_id(0).as_uuid(), &1_u64.to_be_bytes());
    assert_eq!(header.id, EventId::from_uuid(named));
    assert_eq!((header.occurred_at, &header.actor), (NOW, &Actor::Engine));
    assert_eq!(writes.events().last(), Some(&write.event));
    scene.store.commit(&group);
    scene.store.commit(&[scene.place(4, 0, &[(0, 1), (1, 1)])]);
    let versions = [0, 1].map(|number| scene.store.pool(number).version);
    assert_eq!(versions, [version(2), version(1)]);
}

#[test]
fn the_same_change_has_the_same_event_whoever_made_it() {
    let scene = world([listing(9)]);
    let [one, another] = [1, 2].map(|order| {
        let group = [scene.place(order, order, &[(0, order.into())])];
        let writes = resolve(scene.store.snapshot(&group), &group).writes;
        writes.pools[0].event.header.id
    });
    assert_eq!(one, another);
}

#[test]
fn a_new_pool_is_at_its_first_version_even_if_it_is_claimed_at_once() {
    let mut scene = world([]);
    let ahead = world([listing(4).max_per_buyer(2)]);
    let opened = list(0, listing(4).max_per_buyer(2), NOW);
    let group = [
        scene.batch().ticket(opened).build(),
        ahead.placing(scene.batch(), 1, 0, &[(0, 2)]).build(),
    ];
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    let write = &writes.pools[0];
    assert_eq!((write.before, write.pool.version), (None, version(0)));
    assert_eq!(write.pool.held, 2);
    assert_eq!(writes.allowances[0].before, None);
    scene.store.commit(&group);
    assert_eq!(scene.store.pool(0).available(), 2);
}

#[test]
fn an_allowance_counts_groups_and_follows_its_buyer() {
    let mut scene = world([listing(9).max_per_buyer(5), listing(9)]);
    let taken = |scene: &Scene| {
        let key = (ticket_id(0), buyer(0));
        let allowance = &scene.store.allowances[&key];
        (allowance.version.get(), allowance.taken)
    };
    let group = [1, 2].map(|order| scene.place(order, 0, &[(0, 2), (1, 1)]));
    scene.store.commit(&group);
    assert_eq!(taken(&scene), (0, 4));
    assert_eq!(scene.store.allowances.len(), 1);
    let group = [1, 2].map(|order| {
        let cancelled = scene.told(order, cancel());
        scene.batch().order(cancelled).build()
    });
    scene.store.commit(&group[..1]);
    assert_eq!(taken(&scene), (1, 2));
    scene.store.commit(&group[1..]);
    assert_eq!(taken(&scene), (2, 0));
}

#[test]
fn keys_and_webhooks_come_with_the_accepted_batches() {
    let scene = world([listing(1)]);
    let webhook = WebhookKey {
        gateway: GatewayName::new("sandbox").unwrap(),
        id: WebhookId::new("evt_1").unwrap(),
    };
    let keyed = |order| {
        let batch = scene.placing(scene.batch(), order, 0, &[(0, 1)]);
        batch.keyed(Some(key_record(order, 1))).build()
    };
    let closing = scene.batch().closing(Some(webhook.clone())).build();
    let group = [keyed(1), keyed(2), closing];
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    let accepted = writes.accepted;
    assert_eq!(accepted.len(), 2);
    assert_eq!(accepted[0].key(), Some(&key_record(1, 1)));
    assert_eq!(accepted[1].closes(), Some(&webhook));
}

#[test]
fn a_pool_opens_under_its_own_id_only() {
    let mut scene = world([]);
    let mixed = TicketDecision {
        ticket: list(0, listing(1), NOW).ticket,
        pool: list(1, listing(1), NOW).pool,
    };
    let outcome = &scene.store.commit(&[scene.batch().ticket(mixed).build()])[0];
    let Err(CommitError::ClaimRefused { refusal, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(*refusal, Refusal::Missing);
    assert!(scene.store.pools.is_empty());
}

#[test]
fn rows_are_sorted_whatever_the_order_of_the_batches() {
    let scene = world([listing(9)]);
    let group = [3, 1, 4, 2].map(|order| scene.place(order, 0, &[(0, 1)]));
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    let rows: Vec<_> = writes.rows.iter().map(|row| row.state.aggregate()).collect();
    assert_eq!(rows, [1, 2, 3, 4].map(|order| order_id(order).into()));
    let events: Vec<_> = writes.events().map(|event| event.key().aggregate).collect();
    assert_eq!(events[..4], [3, 1, 4, 2].map(|order| order_id(order).into()));
}

/// Every row once, from the stored version to the last; every event once, in order, no gap.
fn check(store: &Store, writes: &Writes<'_>) {
    let mut last = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for event in writes.events() {
        let key = event.key();
        assert!(ids.insert(event.header.id), "an event id twice");
        let stored = store.events.keys().rfind(|stored| stored.aggregate == key.aggregate);
        let before = last.insert(key.aggregate, key.version);
        let before = before.or(stored.map(|stored| stored.version));
        assert_eq!(key.version, before.map_or(Version::FIRST, Version::next));
    }
    let rows = writes.rows.iter().map(|row| (row.state.aggregate(), row.state.version()));
    let pools = writes.pools.iter().map(|write| &write.pool);
    let pools = pools.map(|pool| (AggregateRef::pool(pool.id), pool.version));
    let written: Vec<_> = rows.chain(pools).collect();
    assert_eq!(written.len(), last.len());
    assert_eq!(written.into_iter().collect::<BTreeMap<_, _>>(), last);
    let events = writes.events().map(|event| &event.header.id);
    let changes = writes.accepted.iter().flat_map(|batch| batch.changes());
    let decided: Vec<_> = changes.map(|change| &change.event.header.id).collect();
    let in_order: Vec<_> = events.take(decided.len()).collect();
    assert_eq!(in_order, decided);
}

proptest! {
    #[test]
    fn every_row_and_every_event_is_written_once(story in spoilt_stories()) {
        tell(&story, |store, batches| {
            let resolution = resolve(store.snapshot(batches), batches);
            check(store, &resolution.writes);
        });
    }
}
