#![doc = include_str!("../README.md")]

mod apply;
mod commit;
mod config;
mod error;
mod fields;
mod inspector;
mod leases;
mod listings;
mod lock;
mod log;
mod many;
mod open;
mod orders;
mod outbox;
#[cfg(test)]
mod plans;
mod port;
mod reads;
mod rows;
mod schema;
mod snapshot;
mod storage;
mod webhooks;
mod work;

pub use config::SqliteConfig;
pub use error::OpenError;
pub use inspector::{CHECKS, Check, Finding, SqliteInspector};
pub use schema::migrations;
pub use storage::SqliteStorage;
