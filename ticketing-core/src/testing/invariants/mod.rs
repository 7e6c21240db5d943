//! What must always hold of a storage, whatever was done to it and whatever failed.
//!
//! [`violations`] checks one copy of the [`Books`]; it is meant to be called after every step of
//! a simulation, and takes time in proportion to the books. [`at_rest`] checks what holds only
//! when everybody had the time to finish, and [`against_ledger`] what a gateway must agree to.
//!
//! | codes | about | room |
//! |---|---|---|
//! | I1 I2 I6 I7 I8 | units: claimed once, by somebody, within limits | `inventory` |
//! | O2 O4 O6 | orders: sums, holds, and what was paid for them | `orders` |
//! | I8 O1 O3 O5 T2 | what happened to orders, version by version | `histories` |
//! | M1 M2 M3 M4 M5 | money: every sum has one owner | `payments` |
//! | A1 E1 E2 E3 E7 E9 K1 | events and idempotency keys: complete, in order, with a cause | `events` |
//! | M2 M5 M6 M7 M9 | our books and the gateway's ledger | `ledger` |
//! | E4 L1 L2 L3 M8 | what must not be left over | `rest` |
//!
//! That a unit leaves `sold` only by a refund (I4), and that no order frees another's unit (I5),
//! follow from I2 holding after every step.

mod events;
mod histories;
mod indexed;
mod inventory;
mod ledger;
mod orders;
mod payments;
mod rest;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::memory::Books;
use crate::testing::invariants::indexed::Indexed;

pub use ledger::against_ledger;
pub use rest::at_rest;

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The code of the invariant, such as `I2`.
    pub code: &'static str,
    /// What is wrong, with what.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.what)
    }
}

/// How much of what happened the books still tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// All of it: nothing was ever pruned.
    Whole,
    /// Perhaps not the beginnings: old events were pruned.
    Pruned,
}

/// Everything that is wrong with books from which nothing was pruned.
pub fn violations(books: &Books) -> Vec<Violation> {
    violations_with(books, History::Whole)
}

/// Everything that is wrong with the books.
pub fn violations_with(books: &Books, history: History) -> Vec<Violation> {
    let world = Indexed::of(books, history);
    let mut found = Found::default();
    for invariant in ALWAYS {
        invariant(&world, &mut found);
    }
    found.violations
}

/// O4: the holds that last longer than the longest hold that was ever in force.
pub fn held_too_long(books: &Books, cap: Duration) -> Vec<Violation> {
    let mut found = Found::default();
    orders::no_hold_beyond_the_cap(books, cap, &mut found);
    found.violations
}

type Invariant = fn(&Indexed<'_>, &mut Found);

/// What holds at every instant.
const ALWAYS: &[Invariant] = &[
    inventory::claims_fit_the_capacity,
    inventory::claims_are_those_of_the_orders,
    inventory::lines_name_different_pools,
    inventory::allowances_count_the_buyers_units,
    inventory::limits_held_when_the_order_was_placed,
    inventory::pools_repeat_their_listings,
    orders::totals_are_the_sums_of_their_lines,
    orders::paid_orders_have_their_payment,
    histories::orders_take_known_steps,
    histories::orders_keep_their_buyer_and_payments_their_order,
    histories::placed_orders_keep_what_they_froze,
    histories::nothing_is_begun_after_the_deadline,
    histories::nothing_expires_before_the_deadline,
    payments::captured_money_is_retained_or_goes_back,
    payments::captured_charges_have_one_owner,
    payments::orders_have_one_live_attempt,
    payments::intents_belong_to_one_payment,
    payments::refunds_stay_within_what_was_captured,
    payments::payments_ask_for_the_orders_total,
    events::versions_have_no_gaps_and_no_repeats,
    events::the_last_event_tells_of_the_stored_version,
    events::the_last_event_shows_the_stored_state,
    events::dead_letters_have_a_reason,
    events::causes_are_first_events_of_batches,
    events::changes_have_an_actor,
    events::keys_are_used_once_and_have_an_answer,
];

/// What was found so far.
#[derive(Debug, Default)]
struct Found {
    violations: Vec<Violation>,
}

impl Found {
    fn add(&mut self, code: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.violations.push(Violation { code, what });
    }

    /// Notes what is wrong unless `holds`.
    fn check(&mut self, holds: bool, code: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.add(code, what());
        }
    }
}
