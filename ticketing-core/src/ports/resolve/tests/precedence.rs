//! What is checked first, when a batch could be refused for several reasons.

use std::time::Duration;

use crate::domain::event::AggregateRef;
use crate::domain::inventory::Refusal;
use crate::domain::order::OrderCommand;
use crate::ports::batch::{Receipt, WriteBatch};
use crate::ports::error::CommitError;
use crate::ports::resolve::resolve;
use crate::ports::resolve::tests::cases::{
    NOW, POLICY, Scene, cancel, key_record, listing, order_id, ticket_id, world,
};
use crate::values::TimeWindow;

/// What can be wrong with a batch, first what is checked first.
const WRONGS: [&str; 6] = ["id", "key", "skew", "window", "guard", "claim"];

/// A placed order and the rest of a world in which exactly these things are wrong with it.
fn outcome_with(wrong: &[&str]) -> String {
    let is = |what| wrong.contains(&what);
    let mut scene = world([listing(2)]);
    let skew = if is("skew") { 3 } else { 0 };
    let batch = scene.at(NOW.minus(Duration::from_secs(skew)));
    let batch = scene.placing(batch, 1, 0, &[(0, 2)]);
    let batch = if is("window") {
        batch.within(TimeWindow::starting(NOW.plus(Duration::from_secs(1))))
    } else {
        batch
    };
    let batch = batch.keyed(Some(key_record(7, 7))).build();
    if is("guard") {
        scene.store.commit(&[scene.place(1, 1, &[(0, 1)])]);
    }
    if is("claim") {
        scene.store.commit(&[scene.place(2, 1, &[(0, 1)])]);
    }
    let mut snapshot = scene.store.snapshot(std::slice::from_ref(&batch));
    if is("id") {
        snapshot.receipts.insert(batch.id(), original(&batch));
    }
    if is("key") {
        let record = key_record(7, 8);
        let key = (record.user.clone(), record.key.clone());
        snapshot.keys.insert(key, record);
    }
    let outcome = &resolve(snapshot, std::slice::from_ref(&batch)).outcomes[0];
    match outcome {
        Ok(receipt) if *receipt == batch.receipt() => "applied".to_owned(),
        Err(CommitError::Duplicate(receipt)) if *receipt == original(&batch) => "id".to_owned(),
        Err(CommitError::KeyTaken(record)) if *record == key_record(7, 8) => "key".to_owned(),
        Err(CommitError::OutOfTime { now: NOW }) => "time".to_owned(),
        Err(CommitError::Conflict(id)) if *id == order_id(1).into() => "guard".to_owned(),
        Err(CommitError::ClaimRefused { pool, .. }) if *pool == ticket_id(0) => "claim".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The receipt of a first try, which was decided at another time.
fn original(batch: &WriteBatch) -> Receipt {
    Receipt { batch: batch.id(), decided_at: NOW.minus(Duration::from_mins(1)) }
}

#[test]
fn of_all_that_is_wrong_the_first_is_answered() {
    for mask in 0..1_u32 << WRONGS.len() {
        let wrong: Vec<_> = WRONGS
            .into_iter()
            .zip(0..)
            .filter_map(|(what, bit)| (mask >> bit & 1 == 1).then_some(what))
            .collect();
        let expected = match wrong.first() {
            None => "applied",
            Some(&("skew" | "window")) => "time",
            Some(first) => first,
        };
        assert_eq!(outcome_with(&wrong), expected, "{wrong:?}");
    }
}

#[test]
fn the_first_guard_that_fails_is_named() {
    for (stale, named) in [(vec![1, 2], 1), (vec![1], 1), (vec![2], 2)] {
        let mut scene = world([listing(9)]);
        let orders = [scene.place(1, 0, &[(0, 1)]), scene.place(2, 0, &[(0, 1)])];
        scene.store.commit(&orders);
        let extending = [1, 2].into_iter().fold(scene.batch(), |batch, number| {
            batch.order(scene.told(number, OrderCommand::Extend(POLICY)))
        });
        let both = extending.build();
        for number in stale {
            let cancelling = scene.told(number, cancel());
            let cancelling = scene.batch().order(cancelling).build();
            assert!(scene.store.commit(&[cancelling])[0].is_ok());
        }
        let outcome = &scene.store.commit(&[both])[0];
        let Err(CommitError::Conflict(id)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(*id, AggregateRef::from(order_id(named)));
    }
}

#[test]
fn the_first_line_that_is_refused_is_named() {
    let mut scene = world([listing(1), listing(2).max_per_order(1), listing(3)]);
    let order = scene.place(1, 0, &[(2, 3), (1, 2), (0, 2)]);
    let refused = [order];
    let outcome = &scene.store.commit(&refused)[0];
    let Err(CommitError::ClaimRefused { pool, refusal }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((*pool, *refusal), (ticket_id(1), Refusal::OverOrderLimit { limit: 1 }));
}

#[test]
fn a_batch_is_known_by_its_id_even_under_its_own_key_and_after_its_time() {
    let mut scene = world([listing(5)]);
    let keyed = scene
        .placing(scene.batch(), 1, 0, &[(0, 1)])
        .keyed(Some(key_record(1, 1)))
        .within(TimeWindow::ending(NOW.plus(Duration::from_secs(1))))
        .build();
    let group = [keyed.clone(), keyed.clone()];
    let outcomes = scene.store.commit(&group);
    assert_eq!(*outcomes[0].as_ref().unwrap(), keyed.receipt());
    scene.store.now = NOW.plus(Duration::from_mins(1));
    let later = scene.store.commit(&group);
    for again in [&outcomes[1], &later[0], &later[1]] {
        let Err(CommitError::Duplicate(receipt)) = again else {
            panic!("{again:?}");
        };
        assert_eq!(*receipt, keyed.receipt());
    }
    assert_eq!(scene.store.pool(0).held, 1);
}

#[test]
fn a_refused_batch_can_be_tried_again() {
    let mut scene = world([listing(1)]);
    let first = scene.place(1, 0, &[(0, 1)]);
    let second = scene.place(2, 1, &[(0, 1)]);
    scene.store.commit(&[first]);
    assert!(scene.store.commit(std::slice::from_ref(&second))[0].is_err());
    let cancelling = scene.told(1, cancel());
    let cancelling = scene.batch().order(cancelling).build();
    let outcomes = scene.store.commit(&[second.clone(), cancelling, second.clone(), second]);
    let applied: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(applied, [false, true, true, false]);
    assert!(matches!(outcomes[3], Err(CommitError::Duplicate(_))));
}

#[test]
fn a_key_that_a_refused_batch_wanted_is_free() {
    let mut scene = world([listing(1)]);
    let keyed = |scene: &Scene, order, count, print| {
        let batch = scene.placing(scene.batch(), order, 0, &[(0, count)]);
        batch.keyed(Some(key_record(3, print))).build()
    };
    let group = [keyed(&scene, 1, 2, 1), keyed(&scene, 2, 1, 2), keyed(&scene, 3, 1, 3)];
    let outcomes = scene.store.commit(&group);
    assert!(matches!(outcomes[0], Err(CommitError::ClaimRefused { .. })));
    assert!(outcomes[1].is_ok());
    let Err(CommitError::KeyTaken(record)) = &outcomes[2] else {
        panic!("{:?}", outcomes[2]);
    };
    assert_eq!(*record, key_record(3, 2));
}

#[test]
fn keys_are_told_apart_by_user_and_word() {
    let mut scene = world([]);
    let mut other_user = key_record(1, 1);
    other_user.user = key_record(2, 1).user;
    let mut other_word = key_record(1, 1);
    other_word.key = key_record(3, 1).key;
    let group = [key_record(1, 1), other_user, other_word, key_record(1, 2)]
        .map(|record| scene.batch().keyed(Some(record)).build());
    let outcomes = scene.store.commit(&group);
    let applied: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(applied, [true, true, true, false]);
}

#[test]
fn a_batch_without_events_is_known_by_its_key_alone() {
    let mut scene = world([]);
    let noted = scene.batch().keyed(Some(key_record(1, 1))).build();
    let outcomes = scene.store.commit(&[noted.clone(), noted]);
    assert!(outcomes[0].is_ok());
    assert!(matches!(&outcomes[1], Err(CommitError::KeyTaken(_))));
}
