//! How a listing looks.

use serde::Serialize;
use ticketing_core::ListingView;
use ticketing_core::domain::view::{InventoryView, TicketStatus, TicketView};
use ticketing_core::values::{
    Currency, Description, JsonAmount, Quantity, TicketId, Timestamp, Title, UserId, Venue, Version,
};
use utoipa::ToSchema;

/// A listing and what is left of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticket)]
pub(crate) struct TicketBody {
    #[schema(value_type = String, format = Uuid)]
    id: TicketId,
    #[schema(value_type = String)]
    title: Title,
    /// The price of one unit, in major units.
    #[schema(value_type = f64, example = 19.99)]
    price: JsonAmount,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// Who sells.
    #[schema(value_type = String)]
    user_id: UserId,
    /// Counts the listing's own changes, from 0.
    #[schema(value_type = u64)]
    version: Version,
    /// How many units there are in all.
    #[schema(value_type = u32)]
    quantity: Quantity,
    /// How many of them can be reserved.
    available: u32,
    /// How many are in unpaid orders.
    held: u32,
    /// How many are in paid orders.
    sold: u32,
    #[schema(inline)]
    status: StatusWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    description: Option<Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    venue: Option<Venue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    max_per_order: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    max_per_buyer: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_starts_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_ends_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    listed_at: Timestamp,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    OnSale,
    Withdrawn,
}

/// What is left of a listing.
#[derive(Debug, Clone, Copy)]
struct Left {
    available: u32,
    held: u32,
    sold: u32,
}

impl TicketBody {
    /// A listing of which nothing was ever claimed, such as a new one.
    pub(crate) fn unclaimed(ticket: TicketView) -> Self {
        let available = ticket.quantity.get();
        Self::of(ticket, Left { available, held: 0, sold: 0 })
    }

    /// The same listing with other units.
    pub(crate) fn with_units(ticket: TicketView, units: &InventoryView) -> Self {
        let InventoryView { available, held, sold, .. } = *units;
        Self::of(ticket, Left { available, held, sold })
    }

    fn of(ticket: TicketView, left: Left) -> Self {
        Self {
            id: ticket.id,
            title: ticket.title,
            price: ticket.price.as_json_number(),
            currency: ticket.price.currency(),
            user_id: ticket.seller_id,
            version: ticket.version,
            quantity: ticket.quantity,
            available: left.available,
            held: left.held,
            sold: left.sold,
            status: match ticket.status {
                TicketStatus::OnSale => StatusWord::OnSale,
                TicketStatus::Withdrawn => StatusWord::Withdrawn,
            },
            description: ticket.description,
            venue: ticket.venue,
            starts_at: ticket.starts_at,
            max_per_order: ticket.max_per_order,
            max_per_buyer: ticket.max_per_buyer,
            sale_starts_at: ticket.sale_starts_at,
            sale_ends_at: ticket.sale_ends_at,
            listed_at: ticket.listed_at,
        }
    }
}

impl From<ListingView> for TicketBody {
    fn from(listing: ListingView) -> Self {
        Self::with_units(listing.ticket, &listing.inventory)
    }
}
