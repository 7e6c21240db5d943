//! Callers that go away, and engines that stop.

use super::*;

#[test]
fn the_batch_of_a_caller_that_went_away_is_written() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let batches: Vec<WriteBatch> = (0..3).map(|_| fixture.reservation(&ticket, 1)).collect();
    fixture.storage.hold_up(HeldUp::All);
    drop(fixture.reserve(&batches[0]));
    fixture.settle();
    drop(fixture.reserve(&batches[1]));
    let stays = fixture.reserve(&batches[2]);
    fixture.storage.hold_up(HeldUp::None);
    assert!(is_applied(&fixture.settled(stays)));
    assert!(batches.iter().all(|batch| fixture.holds_order_of(batch)));
    assert_eq!(fixture.books().pools[0].held, 3);
}

#[test]
fn a_lost_answer_is_asked_for_even_if_nobody_waits_for_it() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostBefore; 3]);
    drop(fixture.reserve(&batch));
    fixture.world.run_for(Duration::from_secs(1), STEPS).unwrap();
    assert!(fixture.holds_order_of(&batch));
}

#[test]
fn stopping_writes_what_waits_and_takes_nothing_new() {
    let mut fixture = Fixture::with(1, |settings| settings.group_max = 4);
    let ticket = fixture.list(a_new_ticket().quantity(100));
    let batches: Vec<WriteBatch> = (0..11).map(|_| fixture.reservation(&ticket, 1)).collect();
    fixture.storage.hold_up(HeldUp::All);
    let first = fixture.reserve(&batches[0]).now_or_never();
    assert!(first.is_none());
    fixture.settle();
    for batch in &batches[1..] {
        assert!(fixture.reserve(batch).now_or_never().is_none());
    }
    let mut stopper = std::mem::replace(&mut fixture.stopper, Stopper::new());
    let mut ending = Box::pin(stopper.stop());
    assert!(ending.as_mut().now_or_never().is_none(), "a commit is still in flight");
    fixture.settle();
    fixture.storage.hold_up(HeldUp::None);
    fixture.settled(ending);
    assert_eq!(sizes(&fixture.storage.take_groups()), [1, 4, 4, 2]);
    assert!(batches.iter().all(|batch| fixture.holds_order_of(batch)));
    let late = fixture.settled(fixture.reserve(&fixture.reservation(&ticket, 1)));
    assert!(is_closed(&late), "{late:?}");
    assert_eq!(late.unwrap_err().code(), "unavailable");
}

/// A queue that never runs empty must not hide that it is time to stop.
#[test]
fn stopping_ends_under_constant_traffic() {
    let mut fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket().quantity(1_000_000));
    let mut stopper = std::mem::replace(&mut fixture.stopper, Stopper::new());
    let traffic = join_all((0..8).map(|_| async {
        let mut written = 0;
        while is_applied(
            &fixture.writer.submit(fixture.reservation(&ticket, 1), Urgency::Settling).await,
        ) {
            written += 1;
            assert!(written < 1_000, "nobody noticed that it is time to stop");
        }
    }));
    fixture.settled(async { tokio::join!(traffic, stopper.stop()) });
}

#[test]
fn a_dropped_stopper_stops_as_well() {
    let mut fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let waits = fixture.reserve(&fixture.reservation(&ticket, 1)).now_or_never();
    assert!(waits.is_none());
    drop(std::mem::replace(&mut fixture.stopper, Stopper::new()));
    fixture.settle();
    assert_eq!(fixture.books().orders.len(), 1);
    assert!(is_closed(&fixture.settled(fixture.reserve(&fixture.reservation(&ticket, 1)))));
    assert_eq!(fixture.world.tasks(), 0, "its tasks are gone");
}
