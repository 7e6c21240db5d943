//! A mock of every port, made by [`mockall`], for unit tests of programs that embed the engine.
//!
//! A mock answers what a test tells it to, and panics at a call that nobody expected: it suits a
//! test in which one call matters, such as a card that is declined. Where a test needs a port
//! that behaves, the adapters of [`memory`](crate::memory) do.

pub use super::clock::MockClock;
pub use super::event_bus::{MockAcknowledge, MockEventBus, MockEventStream};
pub use super::ids::MockIdSource;
pub use super::payment_gateway::MockPaymentGateway;
pub use super::runtime::MockRuntime;
pub use super::storage::MockStorage;
pub use super::timers::MockTimers;
