//! Events and keys that do not tell what happened.

use super::*;
use crate::values::EventId;

/// Where the events of an aggregate begin that has three versions at least.
fn place_of_long_history(books: &Books) -> usize {
    let is_long = |events: &[Event]| {
        let [first, _, third] = events else { return false };
        first.key().aggregate == third.key().aggregate && first.key().version == Version::FIRST
    };
    books.events.windows(3).position(is_long).unwrap()
}

#[test]
fn e1_versions_with_gaps_and_repeats() {
    assert_found(
        "E1",
        &[
            ("the first is missing", |books| {
                let place = place_of_long_history(books);
                books.events.remove(place);
            }),
            ("one in the middle is missing", |books| {
                let place = place_of_long_history(books);
                books.events.remove(place + 1);
            }),
            ("one is there twice", |books| {
                let mut again = books.events[0].clone();
                again.header.id = EventId::from_uuid(Uuid::from_u128(5));
                books.events.insert(0, again);
            }),
            ("two share an id", |books| {
                books.events[1].header.id = books.events[0].header.id;
            }),
            ("an aggregate in pieces", |books| {
                let place = place_of_long_history(books);
                let first = books.events.remove(place);
                books.events.push(first);
            }),
        ],
    );
}

#[test]
fn e2_another_state_than_was_told() {
    assert_found(
        "E2",
        &[
            ("a ticket", |books| books.tickets[0].seller = user("mallory")),
            ("a pool", |books| books.pools[0].held += 1),
            ("an order", |books| books.orders[0].total = Money::usd(1)),
            ("a payment", |books| books.payments[0].late_money = !books.payments[0].late_money),
            ("a refund", |books| books.refunds[0].amount = Money::usd(1)),
        ],
    );
}

#[test]
fn e3_a_state_without_its_event_and_the_reverse() {
    assert_found(
        "E3",
        &[
            ("a version that was never told", |books| {
                books.orders[0].version = books.orders[0].version.next();
            }),
            ("an event that was taken back", |books| {
                books.events.pop();
            }),
            ("a row that is gone", |books| {
                books.tickets.remove(0);
            }),
            ("a row that was never told of", |books| {
                let id = books.orders[0].id.into();
                books.events.retain(|event| event.key().aggregate != id);
            }),
        ],
    );
}

#[test]
fn e7_a_dead_letter_without_a_reason() {
    assert_found(
        "E7",
        &[("no reason", |books| {
            let event = books.events[0].key();
            books.dead_letters.push(DeadLetter { event, reason: " ".to_owned(), at: START });
        })],
    );
}

#[test]
fn e9_a_cause_that_is_no_batch() {
    assert_found(
        "E9",
        &[("no such batch", |books| {
            let cause = BatchId::from_uuid(Uuid::from_u128(3));
            books.events.last_mut().unwrap().header.causation = Some(cause);
        })],
    );
}

#[test]
fn a1_a_change_by_nobody() {
    assert_found(
        "A1",
        &[
            ("no batch", |books| books.events[0].header.causation = None),
            ("a pool in somebody's name", |books| {
                let of_pool =
                    |event: &&mut Event| event.key().aggregate.kind == AggregateKind::Pool;
                books.events.iter_mut().find(of_pool).unwrap().header.actor = Actor::Timer;
            }),
        ],
    );
}

#[test]
fn k1_a_key_with_two_answers_or_none() {
    assert_found(
        "K1",
        &[
            ("used twice", |books| books.keys.push(books.keys[0].clone())),
            ("answered by nothing", |books| {
                books.keys[0].answer.aggregate.id = Uuid::from_u128(4);
            }),
            ("answered by what was never written", |books| {
                books.keys[0].answer.version = Version::new(99);
            }),
        ],
    );
}
