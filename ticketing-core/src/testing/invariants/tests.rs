//! Healthy books have no violations, and each planted fault is found by its code.

mod at_the_gateway;
mod left_over;
mod planted;
mod world;

use std::collections::BTreeSet;

use super::*;
use world::healthy;

/// The codes of what is wrong.
fn codes(violations: &[Violation]) -> BTreeSet<&'static str> {
    violations.iter().map(|violation| violation.code).collect()
}

#[test]
fn healthy_books_have_no_violations() {
    let books = healthy();
    assert_eq!(violations(&books), []);
    assert_eq!(violations_with(&books, History::Pruned), []);
    assert!(books.orders.len() >= 9 && books.refunds.len() >= 3, "the books say something");
}

#[test]
fn a_violation_says_its_code_and_what_is_wrong() {
    let violation = Violation { code: "I1", what: "too much is held".to_owned() };
    assert_eq!(violation.to_string(), "I1: too much is held");
}

#[test]
fn pruned_books_may_lack_beginnings_but_not_ends() {
    let mut books = healthy();
    let aggregate = books.orders[0].id.into();
    let first = books.events.iter().position(|event| event.key().aggregate == aggregate);
    books.events.remove(first.unwrap());
    assert!(codes(&violations(&books)).contains("E1"));
    assert_eq!(violations_with(&books, History::Pruned), []);
    books.events.retain(|event| event.key().aggregate != aggregate);
    assert!(codes(&violations(&books)).contains("E3"));
    assert_eq!(violations_with(&books, History::Pruned), []);
}

#[test]
fn holds_are_measured_against_the_cap() {
    let mut books = healthy();
    let cap = crate::testing::builders::HOLD_POLICY.cap;
    assert_eq!(held_too_long(&books, cap), []);
    let longest = books.orders[0].created_at.plus(cap);
    books.orders[0].expires_at = longest;
    assert_eq!(held_too_long(&books, cap), []);
    books.orders[0].expires_at = longest.plus(Duration::from_millis(1));
    assert_eq!(codes(&held_too_long(&books, cap)), BTreeSet::from(["O4"]));
}
