//! Everything that a storage keeps, copied at one instant, for whoever audits it.

use crate::domain::envelope::Event;
use crate::domain::inventory::{Allowance, Pool};
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::domain::ticket::Ticket;
use crate::ports::batch::KeyRecord;
use crate::ports::storage::DeadLetter;
use crate::values::Timestamp;

/// The books of a storage: one consistent copy of all it keeps.
///
/// Invariants are checked on this, so that a checker needs neither locks nor queries: what holds
/// of the books held of the storage at that instant. Every list is sorted by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Books {
    /// The storage's time at which they were copied.
    pub now: Timestamp,
    /// The listings.
    pub tickets: Vec<Ticket>,
    /// Their units.
    pub pools: Vec<Pool>,
    /// What buyers have of pools with a limit.
    pub allowances: Vec<Allowance>,
    /// The orders.
    pub orders: Vec<Order>,
    /// The payments.
    pub payments: Vec<Payment>,
    /// The refunds.
    pub refunds: Vec<Refund>,
    /// The events that are kept, by aggregate and version.
    pub events: Vec<Event>,
    /// The idempotency keys that are kept.
    pub keys: Vec<KeyRecord>,
    /// The events that were given up.
    pub dead_letters: Vec<DeadLetter>,
    /// How many outbox rows wait to be published.
    pub unpublished: usize,
    /// How many webhooks no batch has closed.
    pub open_webhooks: usize,
}
