//! So many units of one ticket, as a client names them.

use serde::Deserialize;
use ticketing_core::values::TicketId;
use utoipa::ToSchema;

use crate::http::extract::Problems;
use crate::http::given::{Given, UNITS};

/// One ticket and how many units of it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TicketUnits)]
pub(super) struct UnitsBody {
    #[serde(default)]
    #[schema(value_type = String, format = Uuid, required)]
    pub(super) ticket_id: Given<String>,
    /// 1 unless named.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4_294_967_295_u32)]
    pub(super) quantity: Given<u32>,
}

impl UnitsBody {
    /// The ticket and the units; nothing for a ticket of a foreign shape, which does not exist. What
    /// is missing or wrong is a problem.
    pub(super) fn checked(self, problems: &mut Problems) -> Option<(TicketId, u32)> {
        const TICKET: &str = "TicketId must be provided";
        let ticket = self.ticket_id.required_text("ticketId", TICKET, problems);
        let quantity = self.quantity.optional("quantity", UNITS, problems).unwrap_or(1);
        Some((ticket?.parse().ok()?, quantity))
    }
}
