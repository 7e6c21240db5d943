#![doc = include_str!("../README.md")]

mod clients;
mod consumer;
pub mod exhaustive;
mod findings;
mod invariants;
mod linear;
pub mod models;
pub mod parallel;
pub mod plan;
pub mod planted;
mod ports;
pub mod run;
pub mod shrink;
mod tally;
mod trace;
mod world;

pub use plan::Plan;
pub use planted::Bug;
pub use run::{Run, replay, run};
pub use world::Made;
