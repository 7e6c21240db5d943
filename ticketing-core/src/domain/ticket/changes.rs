//! New terms, as far as a seller names them.

use super::{NewTicket, Terms};
use crate::values::{Money, Quantity, Timestamp};

/// What becomes other on a listing; what is not named stays as it is.
///
/// Where a term may be absent, `Some(None)` takes it away. The whole of new terms is
/// [made](From) of a [`NewTicket`].
///
/// ```
/// use ticketing_core::domain::TicketChanges;
/// use ticketing_core::values::Money;
///
/// let mut changes = TicketChanges::default();
/// changes.price = Some(Money::usd(25_00));
/// changes.venue = Some(None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TicketChanges {
    /// What it is called.
    pub title: Option<String>,
    /// The price of one unit.
    pub price: Option<Money>,
    /// How many units there are.
    pub quantity: Option<u32>,
    /// What else there is to say.
    pub description: Option<Option<String>>,
    /// Where.
    pub venue: Option<Option<String>>,
    /// When the event starts.
    pub starts_at: Option<Option<Timestamp>>,
    /// The most units of one order.
    pub max_per_order: Option<Option<u32>>,
    /// The most units of one buyer.
    pub max_per_buyer: Option<Option<u32>>,
    /// When the sale opens.
    pub sale_starts_at: Option<Option<Timestamp>>,
    /// When the sale closes.
    pub sale_ends_at: Option<Option<Timestamp>>,
}

impl From<NewTicket> for TicketChanges {
    fn from(new: NewTicket) -> Self {
        Self {
            title: Some(new.title),
            price: Some(new.price),
            quantity: Some(new.quantity),
            description: Some(new.description),
            venue: Some(new.venue),
            starts_at: Some(new.starts_at),
            max_per_order: Some(new.max_per_order),
            max_per_buyer: Some(new.max_per_buyer),
            sale_starts_at: Some(new.sale_starts_at),
            sale_ends_at: Some(new.sale_ends_at),
        }
    }
}

impl TicketChanges {
    /// The terms that come out, not checked yet.
    pub(crate) fn over(&self, old: &Terms) -> NewTicket {
        let changes = self.clone();
        let text = |text: &dyn ToString| text.to_string();
        NewTicket {
            title: changes.title.unwrap_or_else(|| text(&old.title)),
            price: changes.price.unwrap_or(old.price),
            quantity: changes.quantity.unwrap_or_else(|| old.capacity.get()),
            description: changes
                .description
                .unwrap_or_else(|| old.description.as_ref().map(|it| text(it))),
            venue: changes.venue.unwrap_or_else(|| old.venue.as_ref().map(|it| text(it))),
            starts_at: changes.starts_at.unwrap_or(old.starts_at),
            max_per_order: changes.max_per_order.unwrap_or(old.max_per_order.map(Quantity::get)),
            max_per_buyer: changes.max_per_buyer.unwrap_or(old.max_per_buyer.map(Quantity::get)),
            sale_starts_at: changes.sale_starts_at.unwrap_or(old.sale.from()),
            sale_ends_at: changes.sale_ends_at.unwrap_or(old.sale.until()),
        }
    }
}
