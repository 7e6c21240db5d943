#![doc = include_str!("../README.md")]

mod bank;
mod cards;
mod config;
mod error;
mod gateway;
mod journal;
mod ledger;
mod port;
mod webhooks;

pub use config::SandboxBuilder;
pub use error::{NoRuntime, OpenError};
pub use gateway::SandboxGateway;
pub use webhooks::delivery::Deliveries;
pub use webhooks::sink::{SinkError, WebhookSink};
