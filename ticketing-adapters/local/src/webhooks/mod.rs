//! Webhooks: what they say, how they are signed, and how they get to whoever listens.

pub(crate) mod body;
pub(crate) mod delivery;
pub(crate) mod signature;
pub(crate) mod sink;

#[cfg(test)]
mod tests;
