//! The liveness phase: faults end, everybody is up, and everything must come to an end. Then the
//! last judgement.

use std::time::Duration;

use ticketing_core::memory::Books;
use ticketing_core::ports::Storage as _;
use ticketing_core::testing::invariants::{against_ledger, at_rest, violations};

use crate::invariants::{Ending, at_the_end, what_is_free_can_be_bought};
use crate::linear;
use crate::plan::Order;

use super::{RECONCILE_EVERY, START, STEPS_MAX, World};

/// How long everything may take to come to rest, after the last fault: the longest hold, the
/// gateway's patience, a minute for an intent that nobody confirms, leases, and listings.
const REST_MAX: Duration = Duration::from_mins(6);
/// How often it is looked whether that is so.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Less time than this shows nothing: a whole listing of the gateway must have begun and ended.
const REST_MIN: Duration = RECONCILE_EVERY.saturating_mul(2).saturating_add(LOOK_EVERY);
/// How long it takes until what was published is consumed.
const A_MOMENT: Duration = Duration::from_secs(3);

impl World {
    /// Ends all faults, lets time pass until everything is settled, and judges what is left.
    pub(crate) fn come_to_rest(&mut self) {
        if !self.findings.is_clean() {
            return;
        }
        self.trace.line(None, || "faults end".to_owned());
        self.calm_down();
        let begun = self.runtime.elapsed();
        let least = self.plan.longest_delay.saturating_add(REST_MIN);
        loop {
            // A call that was late already may still take its process with it.
            self.restart_all();
            self.deliver_all(Order::First);
            self.end_refunds(true);
            self.pass(LOOK_EVERY);
            let rested = self.runtime.elapsed().saturating_sub(begun);
            let settled = rested >= least && self.is_settled();
            if settled || rested >= least.saturating_add(REST_MAX) || !self.findings.is_clean() {
                break;
            }
        }
        self.judge();
    }

    fn calm_down(&mut self) {
        self.calm = true;
        self.post_waits = false;
        self.faults.off();
        self.note_mischief_of_the_bus();
        self.memory_bus.set_mischief(None);
        self.bus.forget_next(0);
        self.timers.behave();
        self.gateway.keep_errors(0);
        self.restart_all();
    }

    fn note_mischief_of_the_bus(&self) {
        let done = self.memory_bus.mischief_done();
        self.tally.note_many("bus: event lost", done.lost);
        self.tally.note_many("bus: event repeated", done.repeated);
        self.tally.note_many("bus: event overtook others", done.reordered);
    }

    fn is_settled(&self) -> bool {
        let books = self.books();
        nobody_waits(&books)
            && at_rest(&books).is_empty()
            && self.letters.is_empty()
            && self.memory_gateway.notices().is_empty()
    }

    fn judge(&mut self) {
        if !self.findings.is_clean() {
            return;
        }
        let confirmed = self.bus.confirmed();
        self.publish_since(START);
        self.pass(A_MOMENT);
        let books = self.books();
        self.findings.extend(violations(&books));
        self.findings.extend(at_rest(&books));
        self.findings.check(nobody_waits(&books), "L1", || {
            let waiting = books.orders.iter().filter(|order| order.is_live());
            let waiting: Vec<_> = waiting.map(|order| (order.id, order.state)).collect();
            format!("orders are live after all that time: {waiting:?}")
        });
        self.judge_money(&books);
        let sent = self.clients.sent();
        let ending = Ending {
            books: &books,
            sent: &sent,
            confirmed: &confirmed,
            disputed: &self.disputed,
            restored: self.restored,
        };
        at_the_end(&ending, &self.findings);
        self.consumer.check(&books);
        if !self.restored {
            self.linear = linear::check(&books, &sent, &self.findings);
        }
        self.buy_what_is_free(&books);
    }

    fn judge_money(&self, books: &Books) {
        match self.runtime.block_on(self.storage.get().store_id(), STEPS_MAX) {
            Ok(Ok(store)) => {
                let ledger = self.memory_gateway.ledger();
                let mut wrong = against_ledger(books, &ledger, store);
                // A backup has no row of what was written down, and even ended, after it.
                wrong.retain(|violation| !(self.restored && violation.code == "M6"));
                self.findings.extend(wrong);
            }
            other => self.findings.add("L5", || format!("the storage has no id: {other:?}")),
        }
    }

    /// L4: every process sells what is free.
    fn buy_what_is_free(&mut self, books: &Books) {
        if !self.findings.is_clean() {
            return;
        }
        for process in &self.processes {
            let buying = what_is_free_can_be_bought(&process.engine, books, &self.findings);
            if let Err(stuck) = self.runtime.block_on(buying, STEPS_MAX) {
                self.findings.add("L5", || stuck.to_string());
            }
        }
    }
}

fn nobody_waits(books: &Books) -> bool {
    books.orders.iter().all(|order| !order.is_live())
}
