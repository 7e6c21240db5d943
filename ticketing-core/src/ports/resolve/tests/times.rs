//! When a batch may be applied, to the microsecond.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::inventory::Refusal;
use crate::ports::batch::{BatchBuilder, WriteBatch};
use crate::ports::error::CommitError;
use crate::ports::resolve::tests::cases::{
    NOW, Scene, cancel, key_record, listing, ticket_id, world,
};
use crate::ports::resolve::tests::store::Store;
use crate::ports::resolve::tests::story::{later, stories, tell};
use crate::ports::resolve::{SKEW_MAX, resolve};
use crate::ports::snapshot::Snapshot;
use crate::values::{TimeWindow, Timestamp};

/// Whether a batch is applied that was decided at `decided` and meets the storage at `now`.
fn is_in_time(decided: Timestamp, window: TimeWindow, now: Timestamp) -> bool {
    let scene = world([]);
    let batch = scene.at(decided).within(window).build();
    let outcome = &resolve(Snapshot::empty(now), &[batch]).outcomes[0];
    match outcome {
        Ok(_) => true,
        Err(CommitError::OutOfTime { now: told }) => {
            assert_eq!(*told, now);
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_decision_may_be_two_seconds_off_and_no_more() {
    assert_eq!(SKEW_MAX, Duration::from_secs(2));
    let cases = [
        (-2_000_001, false),
        (-2_000_000, true),
        (-1, true),
        (0, true),
        (1, true),
        (2_000_000, true),
        (2_000_001, false),
    ];
    for (offset, expected) in cases {
        for now in [NOW, Timestamp::EPOCH] {
            let decided = later(now, offset);
            assert_eq!(is_in_time(decided, TimeWindow::always(), now), expected, "{offset}");
        }
    }
    for (decided, now) in [(Timestamp::MIN, Timestamp::MAX), (Timestamp::MAX, Timestamp::MIN)] {
        assert!(!is_in_time(decided, TimeWindow::always(), now));
    }
    assert!(is_in_time(Timestamp::MIN, TimeWindow::always(), Timestamp::MIN));
}

#[test]
fn the_window_begins_with_its_first_instant_and_ends_before_its_last() {
    let window = TimeWindow::new(Some(NOW), Some(later(NOW, 10))).unwrap();
    for (offset, expected) in [(-1, false), (0, true), (1, true), (9, true), (10, false)] {
        let now = later(NOW, offset);
        assert_eq!(is_in_time(NOW, window, now), expected, "{offset}");
    }
    let empty = TimeWindow::starting(NOW).intersect(TimeWindow::ending(NOW));
    assert!(!is_in_time(NOW, empty, NOW));
}

/// A sale from 10 to 20 microseconds after `NOW`, without bounds on the batches that claim.
fn sale() -> Scene {
    world([listing(9).sale_starts_at(later(NOW, 10)).sale_ends_at(later(NOW, 20))])
}

#[test]
fn a_pool_is_claimed_while_its_sale_is_open() {
    let opens = later(NOW, 10);
    let cases = [
        (9, Some(Refusal::SaleNotOpen { opens })),
        (10, None),
        (19, None),
        (20, Some(Refusal::SaleOver)),
    ];
    for (offset, expected) in cases {
        let mut scene = Scene { clock: later(NOW, 10), ..sale() };
        scene.store.now = later(NOW, offset);
        let outcome = &scene.store.commit(&[scene.place(1, 0, &[(0, 1)])])[0];
        let refusal = match outcome {
            Ok(_) => None,
            Err(CommitError::ClaimRefused { pool, refusal }) if *pool == ticket_id(0) => {
                Some(*refusal)
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(refusal, expected, "{offset}");
    }
}

fn bounded(scene: &Scene, from: i64, until: i64) -> BatchBuilder<'_> {
    let window = TimeWindow::new(Some(later(NOW, from)), Some(later(NOW, until)));
    scene.batch().within(window.unwrap())
}

#[test]
fn what_is_written_is_bounded_by_what_all_accepted_batches_have_in_common() {
    let scene = world([listing(9)]);
    let group = [
        bounded(&scene, -30, 50).build(),
        bounded(&scene, -20, 60).build(),
        bounded(&scene, 1, 2).build(),
    ];
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    assert_eq!(writes.accepted.len(), 2);
    let common = TimeWindow::new(Some(later(NOW, -20)), Some(later(NOW, 50)));
    assert_eq!(writes.window, common.unwrap());
}

#[test]
fn what_is_written_is_bounded_by_how_old_decisions_may_get() {
    let scene = world([]);
    let noted = |number, offset| {
        let batch = scene.at(later(NOW, offset));
        batch.keyed(Some(key_record(number, 1))).build()
    };
    let group = [noted(1, -1_000_000), noted(2, 500_000), noted(3, 2_000_001)];
    let writes = resolve(scene.store.snapshot(&group), &group).writes;
    assert_eq!(writes.accepted.len(), 2);
    let common = TimeWindow::new(Some(later(NOW, -1_500_000)), Some(later(NOW, 1_000_001)));
    assert_eq!(writes.window, common.unwrap());
}

#[test]
fn what_is_written_is_bounded_by_the_sales_that_are_claimed_from() {
    let mut scene = Scene { clock: later(NOW, 15), ..sale() };
    scene.store.now = scene.clock;
    let open = TimeWindow::new(Some(later(NOW, 10)), Some(later(NOW, 20))).unwrap();
    let claiming = [scene.place(1, 0, &[(0, 1)])];
    let writes = resolve(scene.store.snapshot(&claiming), &claiming).writes;
    assert_eq!(writes.window, open);
    scene.store.commit(&claiming);
    let releasing = [scene.batch().order(scene.told(1, cancel())).build()];
    let writes = resolve(scene.store.snapshot(&releasing), &releasing).writes;
    assert!(writes.window.contains(later(NOW, 20)));
    let refused = [scene.place(2, 0, &[(0, 10)]), scene.batch().build()];
    let writes = resolve(scene.store.snapshot(&refused), &refused).writes;
    assert!(writes.window.contains(later(NOW, 20)));
}

/// The ends of a window, with the instants beside them; far away where it has none.
fn edges(window: TimeWindow) -> [Timestamp; 4] {
    let from = window.from().unwrap_or(Timestamp::MIN);
    let until = window.until().unwrap_or(Timestamp::MAX);
    [later(from, -1), from, later(until, -1), until]
}

/// Whether all of `batches` are accepted at `now`.
fn all_accepted(store: &Store, batches: &[WriteBatch], now: Timestamp) -> bool {
    let snapshot = Snapshot { now, ..store.snapshot(batches) };
    resolve(snapshot, batches).outcomes.iter().all(Result::is_ok)
}

proptest! {
    /// A storage that writes what was resolved at another time relies on this.
    #[test]
    fn the_window_of_what_is_written_is_when_it_may_be_written(story in stories()) {
        tell(&story, |store, batches| {
            let writes = resolve(store.snapshot(batches), batches).writes;
            let accepted: Vec<_> = writes.accepted.iter().map(|batch| (*batch).clone()).collect();
            for now in edges(writes.window) {
                let expected = writes.window.contains(now) || accepted.is_empty();
                assert_eq!(all_accepted(store, &accepted, now), expected, "at {now}");
            }
        });
    }
}
