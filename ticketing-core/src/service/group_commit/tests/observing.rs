//! What the writer tells of itself.

use super::*;
use crate::service::observer::UnitsMoved;

#[test]
fn a_group_is_told_of_with_its_size_its_wait_and_its_outcomes() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket().quantity(3));
    fixture.storage.hold_up(HeldUp::All);
    let first = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    let behind: Vec<Call<'_>> =
        (0..3).map(|_| fixture.reserve(&fixture.reservation(&ticket, 1))).collect();
    let second = Duration::from_secs(1);
    fixture.world.run_for(second, STEPS).unwrap();
    fixture.storage.hold_up(HeldUp::None);
    fixture.all(std::iter::once(first).chain(behind).collect());

    let report = |batches, applied, refused, waited, took| GroupReport {
        batches,
        applied,
        refused,
        failed: 0,
        waited,
        took,
        units: UnitsMoved { held: applied.try_into().unwrap(), ..UnitsMoved::default() },
    };
    let expected =
        [report(1, 1, 0, Duration::ZERO, second), report(3, 2, 1, second, Duration::ZERO)];
    assert_eq!(*fixture.noted.reports.lock().unwrap(), expected);
}

#[test]
fn what_is_turned_away_is_told_of() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    fixture.writer.note_outbox(true);
    assert!(is_overloaded(&fixture.settled(fixture.reserve(&fixture.reservation(&ticket, 1)))));
    assert_eq!(fixture.noted.overloaded.load(Ordering::Relaxed), 1);
}

#[test]
fn batches_without_an_outcome_failed() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let batches = vec![fixture.reservation(&ticket, 1); 3];
    let report = GroupReport::of(&batches, &[no_outcome()], Duration::ZERO, Duration::ZERO);
    assert_eq!((report.applied, report.refused, report.failed), (0, 0, 3));
    assert_eq!(report.units, UnitsMoved::default());
}
