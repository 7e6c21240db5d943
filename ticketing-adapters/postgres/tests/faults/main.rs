//! What goes wrong between an engine and its database, under load: connections, the server, and
//! whole processes. Afterwards the books must agree, with themselves and with what buyers were told.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "and so must one that is wrong")]
#![expect(clippy::panic, reason = "what must not happen fails the test")]
#![expect(clippy::print_stdout, reason = "how long it took until all was well is worth reading")]

mod begin;
mod books;
mod buyers;
mod cluster;
mod connections;
#[path = "../database/mod.rs"]
mod database;
mod lost_replies;
mod network;
mod proxy;
mod server;
mod stopped;
