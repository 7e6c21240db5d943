#![doc = include_str!("../README.md")]

mod backoff;
mod bus;
mod config;
mod error;
mod link;
mod publisher;
mod receipt;
mod subscriber;
mod topology;

pub use bus::RabbitBus;
pub use config::RabbitConfig;
pub use error::OpenError;
