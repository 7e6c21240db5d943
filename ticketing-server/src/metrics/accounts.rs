//! Accounts: what could not be written down yet.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is told of accounts. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct AccountMetrics {
    sign_outs_owed: Gauge,
}

impl AccountMetrics {
    /// Makes the numbers part of a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "accounts_sign_outs_owed",
            "Sign-outs that this process could not write down yet, and other processes don't know of",
            self.sign_outs_owed.clone(),
        );
    }

    /// How many sign-outs are owed now.
    pub(crate) fn note_owed(&self, sign_outs: usize) {
        self.sign_outs_owed.set(i64::try_from(sign_outs).unwrap_or(i64::MAX));
    }
}
