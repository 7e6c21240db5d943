//! The first line of a ledger: what it is, its name and its secret.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What every ledger file begins with, and no other file does.
pub(crate) const MARK: &str = r#"{"ticketing_sandbox_ledger":"#;

/// The format that this version writes and reads.
pub(crate) const FORMAT: u32 = 2;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    #[serde(rename = "ticketing_sandbox_ledger")]
    pub(crate) format: u32,
    /// Never. It stands there for whoever opens the file and wonders.
    pub(crate) real_money: bool,
    /// Part of the names of webhooks, so that those of two ledgers differ.
    pub(crate) ledger: Uuid,
    pub(crate) secret: Secret,
}

impl Header {
    /// A ledger that did not exist before, with this name.
    pub(crate) fn new(ledger: Uuid) -> Self {
        Self { format: FORMAT, real_money: false, ledger, secret: Secret::random() }
    }
}

/// What webhooks and client secrets are signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secret(#[serde(with = "hex::serde")] [u8; 32]);

impl Secret {
    /// Two random ids: 244 bits that nobody can guess.
    fn random() -> Self {
        let mut bytes = [0; 32];
        for half in bytes.chunks_exact_mut(16) {
            half.copy_from_slice(Uuid::new_v4().as_bytes());
        }
        Self(bytes)
    }

    /// As a key for HMAC-SHA-256, which fills its block with zeros.
    pub(crate) fn block(&self) -> [u8; 64] {
        let mut block = [0; 64];
        let (key, _) = block.split_at_mut(self.0.len());
        key.copy_from_slice(&self.0);
        block
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
