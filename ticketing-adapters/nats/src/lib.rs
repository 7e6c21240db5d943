#![doc = include_str!("../README.md")]

mod backoff;
mod bus;
mod config;
mod error;
mod everyone;
mod group;
mod link;
mod receipt;
mod topology;

pub use bus::NatsBus;
pub use config::NatsConfig;
pub use error::OpenError;
