//! What is turned away, in which order, and what waits too long.

use super::*;

/// A lane with a queue for eight whose storage is held up, and one group in flight.
fn busy() -> (Fixture, Ticket) {
    let fixture = Fixture::with(1, |settings| settings.queue_max = 8);
    let ticket = fixture.list(a_new_ticket().quantity(100));
    fixture.storage.hold_up(HeldUp::All);
    drop(fixture.reserve(&fixture.reservation(&ticket, 1)));
    fixture.settle();
    (fixture, ticket)
}

#[test]
fn reservations_are_shed_at_half_a_queue_and_the_rest_when_it_is_full() {
    let (fixture, ticket) = busy();
    let admitted: Vec<Call<'_>> =
        (0..4).map(|_| fixture.reserve(&fixture.reservation(&ticket, 1))).collect();
    let shed = fixture.settled(fixture.reserve(&fixture.reservation(&ticket, 1)));
    assert!(is_overloaded(&shed), "{shed:?}");
    let settling: Vec<Call<'_>> = (0..4)
        .map(|_| fixture.submit(&fixture.reservation(&ticket, 1), Urgency::Settling))
        .collect();
    let urgent = fixture.submit(&fixture.reservation(&ticket, 1), Urgency::Settling);
    assert!(is_overloaded(&fixture.settled(urgent)));
    assert_eq!(shed.unwrap_err().code(), "overloaded");

    fixture.storage.hold_up(HeldUp::None);
    let outcomes = fixture.all(admitted.into_iter().chain(settling).collect());
    assert!(outcomes.iter().all(is_applied), "what was admitted is written");
    assert_eq!(fixture.books().orders.len(), 9, "what was shed is not");
    let again = fixture.reserve(&fixture.reservation(&ticket, 1));
    assert!(is_applied(&fixture.settled(again)), "there is room again");
}

#[test]
fn the_smallest_queue_has_room_for_a_payment_behind_a_reservation() {
    let fixture = Fixture::with(1, |settings| settings.queue_max = 2);
    let ticket = fixture.list(a_new_ticket());
    fixture.storage.hold_up(HeldUp::All);
    let in_flight = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    let waits = fixture.reserve(&fixture.reservation(&ticket, 1));
    let shed = fixture.reserve(&fixture.reservation(&ticket, 1));
    let settling = fixture.submit(&fixture.reservation(&ticket, 1), Urgency::Settling);
    fixture.storage.hold_up(HeldUp::None);
    let outcomes = fixture.all(vec![in_flight, waits, shed, settling]);
    let overloaded: Vec<bool> = outcomes.iter().map(is_overloaded).collect();
    assert_eq!(overloaded, [false, false, true, false]);
}

#[test]
fn a_full_outbox_sheds_reservations_and_nothing_else() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    fixture.writer.note_outbox(true);
    let reservation = fixture.reservation(&ticket, 1);
    assert!(is_overloaded(&fixture.settled(fixture.reserve(&reservation))));
    let settling = fixture.submit(&reservation, Urgency::Settling);
    assert!(is_applied(&fixture.settled(settling)));
    fixture.writer.note_outbox(false);
    let again = fixture.reserve(&fixture.reservation(&ticket, 1));
    assert!(is_applied(&fixture.settled(again)));
}

#[test]
fn a_queue_without_bounds_is_possible() {
    let fixture = Fixture::with(1, |settings| {
        settings.queue_max = usize::MAX;
        settings.group_max = usize::MAX;
    });
    let ticket = fixture.list(a_new_ticket());
    let call = fixture.reserve(&fixture.reservation(&ticket, 1));
    assert!(is_applied(&fixture.settled(call)));
}

/// The storage would refuse it for its age, after a round trip that others need.
#[test]
fn what_waited_too_long_is_decided_anew_without_asking_the_storage() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    fixture.storage.hold_up(HeldUp::All);
    let in_flight = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    let old: Vec<Call<'_>> =
        (0..3).map(|_| fixture.reserve(&fixture.reservation(&ticket, 1))).collect();
    fixture.world.run_for(SKEW_MAX, STEPS).unwrap();
    let at_the_limit = fixture.all(Vec::new());
    assert!(at_the_limit.is_empty());
    fixture.world.run_for(Duration::from_millis(1), STEPS).unwrap();
    let fresh = fixture.reservation(&ticket, 1);
    let fresh_call = fixture.reserve(&fresh);
    fixture.storage.take_groups();
    fixture.storage.hold_up(HeldUp::None);
    for outcome in fixture.all(old) {
        let Ok(Err(CommitError::OutOfTime { now })) = outcome else { panic!("{outcome:?}") };
        assert_eq!(now, fixture.writing.time.now());
    }
    assert!(is_applied(&fixture.settled(fresh_call)));
    assert_eq!(ids(&fixture.storage.take_groups()), [[fresh.id()]]);
    let first = fixture.settled(in_flight).unwrap();
    assert!(matches!(first, Err(CommitError::OutOfTime { .. })), "the storage's own word");
}
