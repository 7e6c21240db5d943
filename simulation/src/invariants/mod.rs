//! What must hold, beside what `ticketing_core::testing::invariants` checks of one copy of the
//! books: what takes two looks, or somebody's memory. One file for each.

mod acknowledged_is_kept;
mod disputes_are_noted;
mod every_event_is_published;
mod free_units_can_be_bought;
mod nobody_hears_of_a_bug;
mod nothing_waits_for_an_operator;
mod one_key_one_effect;
mod prices_are_the_listings;
mod refused_has_no_effect;
mod steps_keep_storage_time;

use std::collections::BTreeSet;

use ticketing_core::domain::EventKey;
use ticketing_core::memory::Books;
use ticketing_core::testing::invariants::{held_too_long, violations};
use ticketing_core::values::IntentRef;

use crate::clients::Sent;
use crate::findings::Findings;
use crate::world::CAP;

pub(crate) use free_units_can_be_bought::{LATE_BUYER, what_is_free_can_be_bought};

/// Looks at the books after every commit, and remembers what it saw.
pub(crate) struct Watch {
    prices: prices_are_the_listings::Prices,
    times: steps_keep_storage_time::Times,
    findings: Findings,
}

impl Watch {
    pub(crate) fn new(findings: &Findings) -> Self {
        let findings = findings.clone();
        let (prices, times) = Default::default();
        Self { prices, times, findings }
    }

    /// Begins to look at a backup: what is in it was looked at before.
    pub(crate) fn of_backup(findings: &Findings, books: &Books) -> Self {
        let mut watch = Self::new(findings);
        watch.prices.skip(books);
        watch
    }

    pub(crate) fn check(&mut self, books: &Books) {
        self.findings.extend(violations(books));
        self.findings.extend(held_too_long(books, CAP));
        self.prices.check(books, &self.findings);
        self.times.check(books, &self.findings);
    }
}

/// Everything that is known when all has come to rest.
pub(crate) struct Ending<'a> {
    pub(crate) books: &'a Books,
    pub(crate) sent: &'a [Sent],
    pub(crate) confirmed: &'a BTreeSet<EventKey>,
    pub(crate) disputed: &'a [IntentRef],
    /// Whether the database was put back from a backup, which forgets what was acknowledged.
    pub(crate) restored: bool,
}

/// What must hold at the end.
pub(crate) fn at_the_end(ending: &Ending<'_>, findings: &Findings) {
    nobody_hears_of_a_bug::check(ending, findings);
    nothing_waits_for_an_operator::check(ending, findings);
    if ending.restored {
        return;
    }
    acknowledged_is_kept::check(ending, findings);
    refused_has_no_effect::check(ending, findings);
    one_key_one_effect::check(ending, findings);
    every_event_is_published::check(ending, findings);
    disputes_are_noted::check(ending, findings);
}
