//! Answers that are lost, wrong or late.

use super::*;

#[test]
fn a_lost_answer_is_asked_for_with_the_same_batch() {
    let fixture = Fixture::new();
    let ticket = fixture.list_known(a_new_ticket());
    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostAfter]);
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    let Err(CommitError::Duplicate(receipt)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(receipt, batch.receipt());
    let groups = fixture.storage.take_groups();
    assert_eq!(ids(&groups), [[batch.id()], [batch.id()]]);
    let predicted: Vec<bool> = groups.iter().map(|group| group.predicted.is_some()).collect();
    assert_eq!(predicted, [true, false], "what failed once is read, not believed");
    assert_eq!(fixture.books().pools[0].held, 1, "held once");
}

#[test]
fn what_was_never_applied_is_tried_until_it_is() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostBefore; 5]);
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    assert_eq!(outcome.unwrap(), batch.receipt());
    assert_eq!(ids(&fixture.storage.take_groups()), vec![vec![batch.id()]; 6]);
    let paused = Duration::from_millis(20 + 40 + 80 + 160 + 320);
    assert_eq!(fixture.world.elapsed(), paused, "each pause is twice the one before");
    assert_eq!(fixture.books().orders.len(), 1);
}

#[test]
fn what_is_applied_hours_ago_is_a_duplicate_however_late_it_is_asked() {
    let fixture = Fixture::with(1, |settings| settings.commit_patience = Duration::from_hours(9));
    let ticket = fixture.list(a_new_ticket());
    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostAfter]);
    fixture.storage.answer([Answer::LostBefore; 20]);
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    assert!(matches!(outcome, Err(CommitError::Duplicate(_))), "{outcome:?}");
    assert!(fixture.world.elapsed() > SKEW_MAX);
}

#[test]
fn what_could_not_be_applied_in_time_is_decided_anew() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostBefore; 8]);
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    assert!(matches!(outcome, Err(CommitError::OutOfTime { .. })), "{outcome:?}");
    assert!(fixture.books().orders.is_empty());
}

#[test]
fn only_what_has_no_outcome_is_tried_again() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    fixture.storage.hold_up(HeldUp::All);
    let blocker = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    let batches: Vec<WriteBatch> = (0..4).map(|_| fixture.reservation(&ticket, 1)).collect();
    let calls: Vec<Call<'_>> = batches.iter().map(|one| fixture.reserve(one)).collect();
    fixture.storage.answer([Answer::True, Answer::OneLost(2)]);
    fixture.storage.hold_up(HeldUp::None);
    let outcomes = fixture.all(calls);
    assert!(is_applied(&fixture.settled(blocker)));
    let applied: Vec<bool> = outcomes.iter().map(is_applied).collect();
    assert_eq!(applied, [true, true, false, true]);
    let Ok(Err(CommitError::Duplicate(receipt))) = outcomes[2] else { panic!("{outcomes:?}") };
    assert_eq!(receipt, batches[2].receipt());
    let groups = fixture.storage.take_groups();
    assert_eq!(sizes(&groups), [1, 4, 1]);
    assert_eq!(ids(&groups)[2], [batches[2].id()]);
}

#[test]
fn a_storage_that_answers_for_too_few_is_asked_again_about_the_rest() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    fixture.storage.hold_up(HeldUp::All);
    let blocker = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    let batches: Vec<WriteBatch> = (0..3).map(|_| fixture.reservation(&ticket, 1)).collect();
    let calls: Vec<Call<'_>> = batches.iter().map(|one| fixture.reserve(one)).collect();
    fixture.storage.answer([Answer::True, Answer::Short(1)]);
    fixture.storage.hold_up(HeldUp::None);
    let outcomes = fixture.all(calls);
    assert!(is_applied(&fixture.settled(blocker)));
    let groups = fixture.storage.take_groups();
    assert_eq!(ids(&groups)[2], [batches[1].id(), batches[2].id()]);
    assert!(is_applied(&outcomes[0]));
    for outcome in &outcomes[1..] {
        assert!(matches!(outcome, Ok(Err(CommitError::Duplicate(_)))), "{outcome:?}");
    }
    assert_eq!(fixture.books().pools[0].held, 4);
}

#[test]
fn patience_ends_and_everybody_is_told() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    fixture.storage.hold_up(HeldUp::All);
    let blocker = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    let batches: Vec<WriteBatch> = (0..3).map(|_| fixture.reservation(&ticket, 1)).collect();
    let calls: Vec<Call<'_>> = batches.iter().map(|one| fixture.reserve(one)).collect();
    fixture.storage.answer([Answer::True]);
    fixture.storage.answer([Answer::LostBefore; 16]);
    fixture.storage.hold_up(HeldUp::None);
    for outcome in fixture.all(calls) {
        let Ok(Err(CommitError::OutcomeUnknown(error))) = outcome else { panic!("{outcome:?}") };
        assert_eq!(Error::from(error).code(), "unavailable");
    }
    assert!(is_applied(&fixture.settled(blocker)));
    let patience = fixture.writing.settings.commit_patience;
    let waited = fixture.world.elapsed();
    assert!(waited >= patience && waited < patience + PAUSE_MAX, "{waited:?}");
    // Sixteen tries and the blocker; the lane then goes on with whatever comes.
    assert_eq!(fixture.storage.take_groups().len(), 17);
    let next = fixture.reservation(&ticket, 1);
    assert!(is_applied(&fixture.settled(fixture.reserve(&next))));
}

#[test]
fn a_certain_failure_is_not_tried_again() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    for failure in [Answer::NotReached, Answer::Refused] {
        let batch = fixture.reservation(&ticket, 1);
        fixture.storage.answer([failure]);
        let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
        assert!(matches!(outcome, Err(CommitError::NotApplied(_))), "{outcome:?}");
        assert_eq!(fixture.storage.take_groups().len(), 1, "{failure:?}");
    }
}

/// The first try was applied, and its answer was lost. The second one did nothing, for certain, and
/// that is no answer to whether the first one did.
#[test]
fn a_second_try_that_fails_says_nothing_of_the_first() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostAfter, Answer::NotReached]);
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    assert!(matches!(outcome, Err(CommitError::Duplicate(_))), "{outcome:?}");
    assert_eq!(fixture.storage.take_groups().len(), 3);

    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostAfter]);
    fixture.storage.answer([Answer::NotReached; 16]);
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    assert!(matches!(outcome, Err(CommitError::OutcomeUnknown(_))), "{outcome:?}");
}

#[test]
fn what_is_refused_at_the_second_try_was_not_applied_by_the_first() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let batch = fixture.reservation(&ticket, 1);
    fixture.storage.answer([Answer::LostBefore, Answer::Refused]);
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    assert!(matches!(outcome, Err(CommitError::NotApplied(_))), "{outcome:?}");
    assert_eq!(fixture.storage.take_groups().len(), 2);
}

#[test]
fn a_commit_tells_of_pools_time_and_events() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket().quantity(1));
    let rung = || fixture.writing.outbox_bell.notified().now_or_never().is_some();
    let batch = fixture.reservation(&ticket, 1);
    assert!(is_applied(&fixture.settled(fixture.reserve(&batch))));
    let seen = fixture.writing.pools.get(ticket.id).unwrap();
    assert_eq!((seen, seen.held), (fixture.books().pools[0], 1));
    assert!(rung(), "there is something to publish");

    let refused = fixture.reservation(&ticket, 1);
    let outcome = fixture.settled(fixture.reserve(&refused)).unwrap();
    assert!(matches!(outcome, Err(CommitError::ClaimRefused { .. })));
    assert!(!rung(), "there is nothing new to publish");
}

#[test]
fn the_process_clock_is_corrected_by_every_commit() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    let late = START.minus(Duration::from_hours(1));
    fixture.writing.time.observe(fixture.writing.time.ask(), late);
    let batch = fixture.make.at(late).reserve(&user("buyer"), &[(&ticket, 1)]).batch;
    let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
    assert!(matches!(outcome, Err(CommitError::OutOfTime { now: START })), "{outcome:?}");
    assert_eq!(fixture.writing.time.now(), START);
}

#[test]
fn a_storage_that_panics_does_not_take_its_lane_with_it() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    fixture.storage.answer([Answer::Panic]);
    let call = fixture.reserve(&fixture.reservation(&ticket, 1));
    assert!(matches!(fixture.settled(call), Ok(Ok(_))), "nobody knew, so it was sent again");
    let next = fixture.reserve(&fixture.reservation(&ticket, 1));
    assert!(matches!(fixture.settled(next), Ok(Ok(_))));
}
