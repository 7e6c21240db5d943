//! Valid values and batches, made by the real rules.
//!
//! The samples are for tests that need *a* ticket and don't care which: they are the same in
//! every run. [`BatchFactory`] makes the batches that the use cases make, for tests that talk to
//! a storage directly.

mod batches;
mod purchases;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

pub use batches::{BatchFactory, Planned};
pub use purchases::Purchase;

use crate::domain::envelope::Event;
use crate::domain::inventory::Pool;
use crate::domain::order::{HoldPolicy, Order};
use crate::domain::payment::{ConfirmedBy, Payment};
use crate::domain::refund::Refund;
use crate::domain::ticket::{NewTicket, Ticket};
use crate::ports::{Listing, WriteBatch};
use crate::testing::clock::ManualClock;
use crate::testing::ids::SeededIds;
use crate::values::{IntentRef, Money, RefundRef, Timestamp, UserId};

/// When the samples were made: the morning of 2026-01-02.
pub const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);

/// How long the samples are held: a quarter of an hour, and what follows from that by default.
pub const HOLD_POLICY: HoldPolicy = HoldPolicy {
    hold: Duration::from_mins(15),
    grace: Duration::from_mins(5),
    cap: Duration::from_mins(35),
};

/// The value, which the test knows to be valid.
///
/// # Panics
/// If it is not: then the test is wrong, and says where.
#[track_caller]
fn valid<T, E: Display>(made: Result<T, E>) -> T {
    match made {
        Ok(value) => value,
        Err(error) => unreachable!("a builder was given what can't be: {error}"),
    }
}

/// The user with that id.
///
/// # Panics
/// If it is empty, has control characters or is longer than 64 bytes.
#[track_caller]
pub fn user(id: &str) -> UserId {
    valid(UserId::new(id))
}

/// Somebody who buys.
pub fn a_buyer() -> UserId {
    user("buyer")
}

/// Somebody who sells.
pub fn a_seller() -> UserId {
    user("seller")
}

/// An intent of a gateway.
///
/// # Panics
/// If the name is empty, not of visible ASCII characters or longer than 255 bytes.
#[track_caller]
pub fn intent(name: &str) -> IntentRef {
    valid(IntentRef::new(name))
}

/// A refund's name at a gateway.
///
/// # Panics
/// As [`intent`].
#[track_caller]
pub fn refund_reference(name: &str) -> RefundRef {
    valid(RefundRef::new(name))
}

/// Ten seats for 20 dollars each, to be listed.
pub fn a_new_ticket() -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00)).quantity(10)
}

/// A listing of [ten seats](a_new_ticket), untouched, with its pool.
pub fn a_listing() -> Listing {
    samples().list(&a_seller(), a_new_ticket()).next
}

/// A ticket on sale.
pub fn a_ticket() -> Ticket {
    a_listing().ticket
}

/// The pool of [`a_ticket`].
pub fn a_pool() -> Pool {
    a_listing().pool
}

/// An order of two units of [`a_ticket`], which it holds.
pub fn an_order() -> Order {
    an_order_in(&samples())
}

/// A payment that was just started for [`an_order`].
pub fn a_payment() -> Payment {
    a_purchase_in(&samples()).payment
}

/// Half of [`an_order`]'s money, just requested back.
pub fn a_refund() -> Refund {
    let make = samples();
    let complete = make.complete(&a_purchase_in(&make)).next;
    let paid = make.capture(&complete).next;
    let refund = make.refund(&paid, Money::usd(20_00)).next.refund;
    valid(refund.ok_or("a refund is part of its batch"))
}

/// A batch that lists [`a_ticket`].
pub fn a_batch() -> WriteBatch {
    samples().list(&a_seller(), a_new_ticket()).batch
}

/// The event that tells of [`an_order`].
pub fn an_event() -> Event {
    let make = samples();
    let ticket = make.list(&a_seller(), a_new_ticket()).next.ticket;
    let placed = make.reserve(&a_buyer(), &[(&ticket, 2)]).batch;
    let change = placed.changes().first();
    Event::clone(&valid(change.ok_or("an order is a change")).event)
}

fn an_order_in(make: &BatchFactory) -> Order {
    let ticket = make.list(&a_seller(), a_new_ticket()).next.ticket;
    make.reserve(&a_buyer(), &[(&ticket, 2)]).next
}

fn a_purchase_in(make: &BatchFactory) -> Purchase {
    make.start_payment(&an_order_in(make), ConfirmedBy::Server).next
}

/// A factory that makes the same values every time.
fn samples() -> BatchFactory {
    let clock = Arc::new(ManualClock::new(START));
    BatchFactory::new(Arc::new(SeededIds::new(0, 0)), clock)
}

#[cfg(test)]
mod tests;
