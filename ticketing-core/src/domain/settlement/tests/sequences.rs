//! Any words in any order, with people and time in between: the books agree after each, and in
//! the end.

use proptest::prelude::*;

use crate::domain::order::fixtures::{PATIENCE, minutes};
use crate::domain::order::{Canceller, OrderCommand, OrderState};
use crate::domain::payment::{ConfirmedBy, DeclineCode, PaymentState};
use crate::domain::settlement::IntentStatus;
use crate::domain::settlement::tests::books::Books;

#[derive(Debug, Clone)]
enum Step {
    /// The gateway says this of the attempt with this number, if there is one.
    Hear(usize, IntentStatus),
    /// The capture of that attempt failed for good, if it is owed.
    FailCapture(usize),
    Pay(ConfirmedBy),
    Cancel(Canceller),
    Expire,
    ReleaseUnpaid,
    Wait(u64),
}

fn any_word() -> impl Strategy<Value = IntentStatus> {
    use IntentStatus::{Authorized, Captured, Gone, NeedsAction, NeedsMethod, Processing};
    let declined = Some(DeclineCode::CardDeclined);
    prop::sample::select(vec![
        NeedsMethod { declined: None },
        NeedsMethod { declined },
        NeedsAction,
        Processing,
        Authorized,
        Captured,
        Gone,
    ])
}

fn any_step() -> impl Strategy<Value = Step> {
    let payer = prop::sample::select(vec![ConfirmedBy::Server, ConfirmedBy::Client]);
    prop_oneof![
        10 => (0..3_usize, any_word()).prop_map(|(attempt, word)| Step::Hear(attempt, word)),
        1 => (0..3_usize).prop_map(Step::FailCapture),
        4 => payer.prop_map(Step::Pay),
        1 => prop::sample::select(vec![Canceller::Buyer, Canceller::Seller]).prop_map(Step::Cancel),
        2 => Just(Step::Expire),
        1 => Just(Step::ReleaseUnpaid),
        2 => (0..12_u64).prop_map(Step::Wait),
    ]
}

/// Takes a step as far as it has a meaning; refusals leave the books as they are.
fn take(books: &mut Books, step: &Step) {
    match *step {
        Step::Hear(attempt, word) if attempt < books.attempts.len() => books.hear(attempt, word),
        Step::FailCapture(attempt) if attempt < books.attempts.len() => books.fail_capture(attempt),
        Step::Hear(..) | Step::FailCapture(_) => {}
        Step::Pay(by) => drop(books.pay(by)),
        Step::Cancel(by) => drop(books.cancel(by)),
        Step::Expire => drop(books.expire()),
        Step::ReleaseUnpaid => drop(books.end(OrderCommand::ReleaseUnpaid)),
        Step::Wait(minutes_more) => books.now = books.now.plus(minutes(minutes_more)),
    }
    books.check();
}

/// The gateway's last word about an attempt, which it keeps saying until nothing changes.
fn last_word(books: &mut Books, attempt: usize, captured: bool) {
    let taken = books.attempts[attempt].state == PaymentState::Captured;
    let word = if taken || captured { IntentStatus::Captured } else { IntentStatus::Gone };
    books.hear(attempt, word);
    let state = books.attempts[attempt].state;
    let settled = matches!(
        state,
        PaymentState::Captured | PaymentState::Voided | PaymentState::Declined { .. }
    );
    assert!(settled, "{word:?} leaves {state:?}");
    assert_eq!(state == PaymentState::Captured, word == IntentStatus::Captured);
}

proptest! {

    #[test]
    fn the_books_agree_whatever_is_said_and_done(
        steps in prop::collection::vec(any_step(), 0..40),
        captured in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut books = Books::open();
        for step in steps {
            take(&mut books, &step);
        }
        for (attempt, captured) in (0..books.attempts.len()).zip(captured) {
            last_word(&mut books, attempt, captured);
        }
        books.now = books.order.deadline().max(books.now);
        drop(books.expire());
        books.now = books.now.plus(PATIENCE);
        drop(books.end(OrderCommand::ReleaseUnpaid));
        books.check();

        let complete = matches!(books.order.state, OrderState::Complete { .. });
        prop_assert!(!books.order.is_live(), "an order that never ends: {:#?}", books.order);
        prop_assert_eq!(books.held, 0, "nothing is held for ever");
        let kept: Vec<_> = books.attempts.iter().filter(|attempt| {
            attempt.state == PaymentState::Captured && attempt.refunding.is_zero()
        }).collect();
        prop_assert_eq!(kept.len(), usize::from(complete), "one price for one sale");
        prop_assert!(kept.iter().all(|kept| books.order.attempt() == Some(kept.id)));
        prop_assert!(books.attempts.iter().all(|attempt| attempt.next_step(books.now).is_none()));
    }
}
