//! Suites that an adapter runs to show that it keeps the contract of its port.
//!
//! Whoever writes an adapter writes a harness, which opens a fresh, isolated instance for each
//! case, and one line that turns the suite into tests:
//!
//! ```
//! mod storage {
//!     use ticketing_core::testing::conformance::memory::MemoryHarness;
//!
//!     ticketing_core::storage_conformance!(MemoryHarness);
//! }
//! # fn main() {}
//! ```
//!
//! Every case becomes a `#[tokio::test]` of its own, under its own name, so that one failure
//! hides no other. The package needs `tokio` with `macros` and `rt-multi-thread` among its
//! development dependencies, and this crate with the feature `testing`. The harness is any
//! expression; one that needs a server says so by failing when it is opened, not by passing.
//!
//! | suite | port | harness |
//! |---|---|---|
//! | [`storage_conformance!`](crate::storage_conformance) | [`Storage`](crate::ports::Storage) | [`StorageHarness`](storage::StorageHarness) |
//! | [`bus_conformance!`](crate::bus_conformance) | [`EventBus`](crate::ports::EventBus) | [`BusHarness`](bus::BusHarness) |
//! | [`timers_conformance!`](crate::timers_conformance) | [`Timers`](crate::ports::Timers) | [`TimersHarness`](timers::TimersHarness) |
//! | [`gateway_conformance!`](crate::gateway_conformance) | [`PaymentGateway`](crate::ports::PaymentGateway) | [`GatewayHarness`](gateway::GatewayHarness) |
//!
//! [`memory`] is the harness of the reference adapters, and the example to start from.
//!
//! # What a harness decides
//! *Isolation.* A case sees nothing that another one did: a file, a schema, a prefix of its own.
//! Cases run at the same time.
//!
//! *Time.* Cases ask the storage for its time and let it pass with `pass`, in ticks. A harness
//! whose adapter takes a clock moves that. One whose server has a clock of its own can put a
//! function of the same name before it, shift stored times, or really wait; then it says that
//! time does not stand still, and wants short ticks. A tick is between one second and ten.
//!
//! *What an adapter lacks.* Methods with a default are for what not every adapter has: a second
//! process, a restart, a row to be spoilt. The default skips that part of a case, so it is
//! overridden wherever it can be.
//!
//! # What a case leaves
//! When a storage case is over, everything it committed must get published, every version must
//! have been told once, no webhook may be open, and the held and sold units of every pool must be
//! those of its orders. A case fails here for what it did not look at itself.

#![expect(clippy::missing_panics_doc, reason = "every case panics when the adapter fails it")]

pub mod bus;
pub mod gateway;
pub mod memory;
pub mod parallel;
pub mod storage;
pub mod timers;
pub mod unordered_ids;
pub mod verdict;

#[cfg(test)]
mod tests;

/// Writes a test for each case of a suite; each opens a scene of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($harness:expr; $suite:ident $($theme:ident { $($case:ident)+ })+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let harness = $harness;
                let mut scene = $crate::testing::conformance::$suite::Scene::open(&harness).await;
                $crate::testing::conformance::$suite::$theme::$case(&mut scene).await;
                scene.close().await;
            }
        )+)+
    };
}
