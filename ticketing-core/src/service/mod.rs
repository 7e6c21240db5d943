//! The use cases, one room for each noun, and the engine's background work.
//!
//! A use case reads versioned aggregates, lets the machines of [`domain`](crate::domain) decide,
//! and hands the storage one [`WriteBatch`](crate::ports::WriteBatch). When somebody was
//! quicker it reads and decides again. It is the only caller of the ports.
//!
//! | room | what it does |
//! |---|---|
//! | [`tickets`], [`orders`], [`payments`], [`refunds`] | what callers can do |
//! | [`outbox_relay`], [`expiry_sweeper`], [`payment_reconciler`], [`expiration`] | what goes on by itself, each a [`Duty`] |
//! | `group_commit` | the writer: many batches, one commit |
//! | [`observer`] | who is told how the writer is doing |
//! | `order_endings` | how orders end, whoever ends them |
//! | `payment_driver`, `found_intents` | what must be done at the gateway, and what it tells of |
//! | `payment_receipt` | what a buyer hears of an attempt |
//! | `idempotency` | commands under a key |
//! | `known_pools`, `listing_cache`, `recent`, `prediction` | what a process remembers, never the truth |

pub mod caller;
pub mod duty;
pub(crate) mod engine;
pub mod error;
pub mod expiration;
pub mod expiry_sweeper;
mod found_intents;
pub(crate) mod group_commit;
mod idempotency;
pub(crate) mod known_pools;
pub(crate) mod listing_cache;
pub mod observer;
pub mod operator;
mod order_endings;
pub mod orders;
pub mod outbox_relay;
mod payment_driver;
mod payment_receipt;
pub mod payment_reconciler;
pub mod payments;
mod prediction;
mod put_off;
mod recent;
mod refund_driver;
mod refund_terms;
pub mod refunds;
pub mod settings;
pub mod shutdown;
pub(crate) mod single_flight;
pub(crate) mod storage_time;
pub mod tickets;
#[cfg(test)]
mod use_cases;

pub use caller::Caller;
pub use duty::{Duty, Progress};
pub use error::Error;
pub use observer::{ExpiryFound, GroupReport, Observer, UnitsMoved};
pub use operator::{Operator, Stuck};
pub use orders::Orders;
pub use payment_receipt::{PaymentEntry, PaymentOutcome, PaymentReceipt};
pub use payments::{Payments, WebhookFailure};
pub use refund_terms::{RefundAmount, RefundRequest, Refunder, Viewer};
pub use refunds::Refunds;
pub use settings::{InvalidSettings, Settings};
pub use tickets::{ListingView, Tickets};

#[cfg(test)]
mod tests;
