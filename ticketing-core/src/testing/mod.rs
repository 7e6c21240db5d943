//! Tools for tests that replay: time, ids, chance and tasks in the hands of a seed.
//!
//! Published under the feature `testing`, for whoever writes an adapter or embeds the engine. The
//! same seed gives the same run, for ever: what is drawn from a seed is part of the contract of
//! this module, because seeds are written down when they find something.
//!
//! | room | what it is for |
//! |---|---|
//! | [`rng`] | chance out of a seed |
//! | [`clock`], [`ids`] | time that stands still until it is told to move; ids that repeat |
//! | [`step_runtime`] | several processes on one thread, in an order that a seed chooses |
//! | [`faulty`] | ports that fail when they are told to |
//! | [`builders`] | valid values and batches, made by the real rules |
//! | [`invariants`] | what must always hold of a storage, whatever failed |
//! | [`conformance`] | the suites that whoever writes an adapter runs |
//! | [`servers`] | where the servers are that an adapter's tests talk to |
//! | [`races`] | engines of several processes over one store, whose buyers want the same |

pub mod builders;
pub mod clock;
pub mod conformance;
pub mod faulty;
pub mod ids;
pub mod invariants;
pub mod races;
pub mod rng;
pub mod servers;
pub mod step_runtime;
pub mod traffic;

pub use builders::{BatchFactory, Planned, Purchase};
pub use clock::{ManualClock, SkewedClock};
pub use faulty::{
    FaultKind, Faults, FaultyBus, FaultyGateway, FaultyStorage, FaultyTimers, Operation,
};
pub use ids::SeededIds;
pub use invariants::{Violation, violations};
pub use rng::SeededRng;
pub use servers::server_url;
pub use step_runtime::{NodeRuntime, Step, StepRuntime, Stuck};
