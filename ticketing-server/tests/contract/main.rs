//! The HTTP contract, against the real server on `SQLite`: what existing clients of this kind of
//! application rely on, and what we add.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on must fail"
)]

mod accounts;
mod authorization;
mod browser;
mod cancelling;
mod crowd;
mod database;
mod description;
mod events;
mod expiry;
mod failures;
mod gate;
mod habits;
mod hang_up;
mod hasher;
mod idempotency;
mod keyed_routes;
mod keys_in_flight;
mod killed;
mod live;
mod malformed;
mod orders;
mod pages;
mod payments;
mod people;
mod processes;
mod program;
mod races;
mod refunds;
mod roles;
mod secrets;
mod shared_accounts;
mod shared_database;
mod shop;
mod stepped;
mod stepped_hasher;
mod stripe;
mod tickets;
mod unsafe_routes;
mod upstream;
mod walk_through;
mod webhooks;
