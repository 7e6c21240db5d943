//! What goes wrong between an engine and its timers. Holds end all the same, sooner or later, and
//! never twice.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]
#![expect(clippy::indexing_slicing, reason = "and so must one that is wrong")]
#![expect(clippy::panic, reason = "what must not happen fails the test")]
#![expect(clippy::print_stdout, reason = "how long it took until all was well is worth reading")]

mod holds;
mod server;
mod workers;
