//! Ports that fail when they are told to.
//!
//! [`FaultyStorage`], [`FaultyBus`], [`FaultyTimers`] and [`FaultyGateway`] stand before the real
//! ones. What goes wrong is decided by one plan, [`Faults`], that all of them share: at random
//! out of a seed, or at a call that a test names. The same seed and the same calls give the same
//! faults.
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use ticketing_core::ports::Timers;
//! # use ticketing_core::testing::builders::{START, an_order};
//! # use ticketing_core::testing::{StepRuntime, Stuck};
//! use ticketing_core::testing::faulty::{FaultKind, Faults, FaultyTimers, Operation};
//! # fn timers() -> Arc<dyn Timers> {
//! #     Arc::new(FaultyTimers::new(timers_that_work(), &Faults::new(1, StepRuntime::new(1).node())))
//! # }
//! # #[derive(Debug)]
//! # struct Working;
//! # #[async_trait::async_trait]
//! # impl Timers for Working {
//! #     async fn arm(&self, _: ticketing_core::ports::Wakeup) -> Result<(), ticketing_core::ports::PortError> { Ok(()) }
//! #     async fn claim(&self, _: usize, _: Duration) -> Result<Vec<ticketing_core::ports::ClaimedWakeup>, ticketing_core::ports::PortError> { Ok(Vec::new()) }
//! #     async fn done(&self, _: ticketing_core::ports::ClaimedWakeup) -> Result<(), ticketing_core::ports::PortError> { Ok(()) }
//! # }
//! # fn timers_that_work() -> Arc<dyn Timers> { Arc::new(Working) }
//!
//! let world = StepRuntime::new(7);
//! let faults = Faults::new(7, world.node());
//! let timers = FaultyTimers::new(timers(), &faults);
//! faults.next(Operation::ClaimTimers, FaultKind::Before);
//! let minute = Duration::from_mins(1);
//! assert!(world.block_on(timers.claim(10, minute), 100)?.is_err());
//! assert!(world.block_on(timers.claim(10, minute), 100)?.is_ok());
//! # Ok::<(), Stuck>(())
//! ```

mod bus;
mod gateway;
mod operation;
mod plan;
mod storage;
#[cfg(test)]
mod tests;
mod timers;

pub use bus::FaultyBus;
pub use gateway::FaultyGateway;
pub use operation::Operation;
pub use plan::{Call, FaultKind, Faults};
pub use storage::FaultyStorage;
pub use timers::FaultyTimers;

use crate::ports::PortError;

/// What the caller of a failed call is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It certainly had no effect.
    NoEffect,
    /// Nothing: it may have had one.
    Nothing,
    /// The other side failed: it may have had one.
    ServerError,
}

/// One call of a port, with whatever goes wrong with it. Every method of every decorator that may
/// fail comes through here.
impl Faults {
    async fn around<T, F>(
        &self,
        operation: Operation,
        mut call: impl FnMut() -> F + Send,
        failed: impl FnOnce(Told) -> T + Send,
    ) -> T
    where
        T: Send,
        F: Future<Output = T> + Send,
    {
        let begun = self.begin(operation);
        if let Some(delay) = begun.delay {
            self.sleep(delay).await;
        }
        match begun.fault {
            None | Some(FaultKind::Delay) => call().await,
            Some(FaultKind::Before) => failed(Told::NoEffect),
            Some(FaultKind::RequestLost) => failed(Told::Nothing),
            Some(FaultKind::ServerErrorBefore) => failed(Told::ServerError),
            Some(FaultKind::ReplyLost) => {
                drop(call().await);
                failed(Told::Nothing)
            }
            Some(FaultKind::ServerErrorAfter) => {
                drop(call().await);
                failed(Told::ServerError)
            }
            Some(FaultKind::Duplicate) => {
                drop(call().await);
                call().await
            }
            Some(FaultKind::CrashBefore) => self.crash().await,
            Some(FaultKind::CrashAfter) => {
                drop(call().await);
                self.crash().await
            }
        }
    }

    /// The same for ports whose errors don't say whether there was an effect.
    async fn around_port<T, F>(
        &self,
        operation: Operation,
        call: impl FnMut() -> F + Send,
    ) -> Result<T, PortError>
    where
        T: Send,
        F: Future<Output = Result<T, PortError>> + Send,
    {
        let failed = |_told| Err(unavailable(operation));
        self.around(operation, call, failed).await
    }
}

fn unavailable(operation: Operation) -> PortError {
    PortError::unavailable(operation.name())
}
