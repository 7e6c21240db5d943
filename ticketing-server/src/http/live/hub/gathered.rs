//! Changes of units, gathered for a moment before they are told.

use std::collections::BTreeMap;
use std::time::Duration;

use ticketing_core::domain::view::InventoryView;
use ticketing_core::values::TicketId;
use tokio::time::Instant;

/// How long changes of availability are gathered before they are told. A sale of a thousand units
/// a second is five messages a second to each page, not a thousand.
const GATHER: Duration = Duration::from_millis(200);

/// How many tickets are gathered; what comes beyond is told at once.
const TICKETS_MAX: usize = 10_000;

/// The last of each ticket's changes, until they are told.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    units: BTreeMap<TicketId, InventoryView>,
    due_at: Option<Instant>,
}

impl Gathered {
    pub(super) fn add(&mut self, units: InventoryView) {
        self.due_at.get_or_insert_with(|| Instant::now() + GATHER);
        let known = self.units.entry(units.ticket_id).or_insert(units);
        if known.version < units.version {
            *known = units;
        }
        if self.units.len() >= TICKETS_MAX {
            self.due_at = Some(Instant::now());
        }
    }

    /// Ends when something is to be told.
    pub(super) async fn due(&self) {
        match self.due_at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn take(&mut self) -> Vec<InventoryView> {
        self.due_at = None;
        std::mem::take(&mut self.units).into_values().collect()
    }
}
