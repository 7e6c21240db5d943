#![doc = include_str!("../README.md")]

mod apply;
mod commit;
mod config;
mod error;
mod fields;
mod host;
mod inspector;
mod leases;
mod listings;
mod open;
mod orders;
mod outbox;
#[cfg(test)]
mod plans;
#[cfg(feature = "planted-bugs")]
pub mod planted;
#[cfg(not(feature = "planted-bugs"))]
mod planted;
mod port;
mod predicted;
mod reads;
mod rows;
mod schema;
mod snapshot;
mod storage;
mod table;
mod time;
mod webhooks;
mod work;

pub use config::PostgresConfig;
pub use error::OpenError;
pub use host::{HostReceipt, Pending};
pub use inspector::{CHECKS, Check, Finding, PostgresInspector};
pub use schema::migrations;
pub use storage::PostgresStorage;
