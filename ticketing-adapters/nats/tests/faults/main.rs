//! What goes wrong between engines and their bus, under load: the server dies, forgets everything,
//! or stands still. Nothing that was confirmed is lost to a group, except by a server that forgot
//! it; and then it is published again.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]
#![expect(clippy::panic, reason = "what must not happen fails the test")]

mod restarts;
mod server;
mod shop;
