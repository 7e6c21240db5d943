//! What stands between the engines and the reference adapters, beside the faults of the core's
//! decorators: what a bus, timers and a gateway do of their own accord, and witnesses that see
//! every call.

mod bus;
mod gateway;
mod storage;
mod timers;

pub(crate) use bus::SimBus;
pub(crate) use gateway::SimGateway;
pub(crate) use storage::{Leases, WitnessStorage};
pub(crate) use timers::SimTimers;
