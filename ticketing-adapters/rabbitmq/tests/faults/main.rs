//! What goes wrong between engines and their bus: the server dies, or what was declared is deleted
//! under load.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]
#![expect(clippy::panic, reason = "what must not happen fails the test")]

mod restarts;
mod server;
mod shop;
