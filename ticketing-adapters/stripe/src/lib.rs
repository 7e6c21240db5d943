#![doc = include_str!("../README.md")]

mod amounts;
mod answers;
mod calls;
mod config;
mod error;
mod events;
mod gateway;
mod keys;
mod listing;
mod port;
mod reports;
mod signature;
mod transport;

pub use config::StripeConfig;
pub use error::ConfigError;
pub use gateway::StripeGateway;
pub use keys::{PublishableKey, SecretKey, WebhookSecret};
