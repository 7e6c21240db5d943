//! What every program writes down for a reservation, whatever it writes it to.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use uuid::Uuid;

/// How many units each ticket has: more than a round sells.
pub(super) const UNITS: i64 = 10_000_000;
/// What each of them costs, in minor units.
pub(super) const PRICE: i64 = 2_000;
/// How long a reservation holds them, in microseconds.
const HOLD: i64 = 900_000_000;

/// One unit of a ticket, for a buyer, for a time.
pub(super) struct Sale {
    pub(super) id: Uuid,
    pub(super) ticket: i64,
    pub(super) buyer: String,
    /// Microseconds since 1970, like `expires_at`.
    pub(super) created_at: i64,
    pub(super) expires_at: i64,
}

impl Sale {
    pub(super) fn new(ticket: usize, buyer: usize) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let created_at = i64::try_from(now.as_micros())?;
        Ok(Self {
            id: Uuid::now_v7(),
            ticket: i64::try_from(ticket)?,
            buyer: format!("buyer-{}", buyer % 10_000),
            created_at,
            expires_at: created_at.checked_add(HOLD).context("time goes on for a while")?,
        })
    }

    /// What others are told, as JSON.
    pub(super) fn event(&self) -> String {
        serde_json::json!({
            "id": self.id, "version": 0, "buyerId": self.buyer, "status": "created",
            "expiresAt": self.expires_at,
            "lines": [{ "ticketId": self.ticket, "price": PRICE, "quantity": 1 }],
        })
        .to_string()
    }
}
