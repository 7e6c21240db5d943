//! What the gateway knows: lines of what happened, and the state that follows from them.
//!
//! A call is decided on the state ([`rules`]), which gives at most one line ([`entry`]); the state
//! changes by lines alone ([`accounts`]). So a ledger that is read back from a file is the ledger
//! that was written, and one in memory runs the same code without the file.

pub(crate) mod accounts;
pub(crate) mod call;
pub(crate) mod entry;
pub(crate) mod header;
pub(crate) mod mailbox;
pub(crate) mod rules;

#[cfg(test)]
mod tests;
