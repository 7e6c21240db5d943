//! Reference adapters: every port, in memory, in this process.
//!
//! They keep the ports' contracts to the letter and are what other adapters are compared with.
//! Nothing in them outlives the process, so they suit tests, examples and sales that may be lost.
//!
//! | adapter | port | what it adds for tests |
//! |---|---|---|
//! | [`MemoryStorage`] | [`Storage`](crate::ports::Storage) | [`Books`], titles that it refuses, counts of its commit paths |
//! | [`MemoryBus`] | [`EventBus`](crate::ports::EventBus) | [`Mischief`]: it loses, repeats and reorders by a seed |
//! | [`MemoryTimers`] | [`Timers`](crate::ports::Timers) | |
//! | [`MemoryGateway`] | [`PaymentGateway`](crate::ports::PaymentGateway) | test cards, its [`Ledger`], webhooks to deliver |

pub mod books;
pub mod bus;
pub mod gateway;
pub mod storage;
pub mod timers;

pub use books::Books;
pub use bus::{MemoryBus, Mischief, MischiefDone};
pub use gateway::{Ledger, LedgerIntent, LedgerRefund, MemoryGateway};
pub use storage::{CommitCounts, MemoryStorage};
pub use timers::MemoryTimers;
