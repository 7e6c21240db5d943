//! How a listing looks: its card, and what is left of it.

use ticketing_core::ListingView;
use ticketing_core::domain::view::{InventoryView, TicketStatus, TicketView};
use ticketing_core::values::{Money, Timestamp};

use super::format::{Moment, money};
use super::frame::Frame;
use super::texts::fill;

/// A listing, as pages show it.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) venue: Option<String>,
    pub(super) starts_at: Option<Moment>,
    pub(super) price: String,
    pub(super) left: Left,
}

/// What is left of a listing.
#[derive(Debug, Clone)]
pub(super) struct Left {
    /// In words.
    pub(super) words: String,
    /// Whether anything can be reserved now.
    pub(super) is_open: bool,
    /// Whether it is closed for its dates, whatever is left.
    pub(super) is_closed_by_date: bool,
    /// Whether it would be open if others had not taken it all.
    pub(super) is_taken: bool,
    pub(super) capacity: u32,
    pub(super) held: u32,
    pub(super) sold: u32,
    /// All three in words.
    pub(super) meter: String,
}

impl Card {
    pub(super) fn new(frame: &Frame, listing: &ListingView, now: Timestamp) -> Self {
        let ListingView { ticket, inventory } = listing;
        Self {
            id: ticket.id.to_string(),
            title: ticket.title.to_string(),
            venue: ticket.venue.as_ref().map(ToString::to_string),
            starts_at: ticket.starts_at.map(|at| Moment::of(frame.language, at)),
            price: money(frame.language, ticket.price),
            left: Left::new(frame, ticket, inventory, now),
        }
    }
}

/// What a listing has brought in, before anything was given back: whatever of it is sold was sold at
/// its price, which stays as it is for as long as anything is.
pub(super) fn takings(frame: &Frame, listing: &ListingView) -> String {
    let price = listing.ticket.price;
    let taken = price.times(listing.inventory.sold).unwrap_or(Money::zero(price.currency()));
    fill(frame.t.takings, "amount", money(frame.language, taken))
}

impl Left {
    pub(super) fn new(
        frame: &Frame,
        ticket: &TicketView,
        units: &InventoryView,
        now: Timestamp,
    ) -> Self {
        let t = frame.t;
        let InventoryView { capacity, held, sold, available, on_sale, .. } = *units;
        let is_withdrawn = ticket.status == TicketStatus::Withdrawn || !on_sale;
        let by_date = if ticket.sale_starts_at.is_some_and(|from| now < from) {
            Some(t.not_open_yet)
        } else if ticket.sale_ends_at.is_some_and(|until| now >= until) {
            Some(t.sale_over)
        } else {
            None
        };
        let closed = if is_withdrawn {
            Some(t.withdrawn)
        } else if by_date.is_some() {
            by_date
        } else if available > 0 {
            None
        } else if held > 0 {
            Some(t.all_held)
        } else {
            Some(t.sold_out)
        };
        let words = closed.map_or_else(|| t.left(available), str::to_owned);
        let free = if is_withdrawn { 0 } else { available };
        let meter = fill(&fill(&fill(t.meter, "sold", sold), "held", held), "free", free);
        let is_closed_by_date = by_date.is_some();
        let is_taken = !is_withdrawn && !is_closed_by_date && available == 0;
        let is_open = closed.is_none();
        Self { words, is_open, is_closed_by_date, is_taken, capacity, held, sold, meter }
    }

    /// The part of all units that is sold, in hundredths.
    pub(super) fn share_sold(&self) -> u32 {
        share(self.sold, self.capacity)
    }

    /// The same of those that are sold or held.
    pub(super) fn share_taken(&self) -> u32 {
        share(self.sold.saturating_add(self.held), self.capacity)
    }
}

fn share(part: u32, whole: u32) -> u32 {
    let share = u64::from(part).saturating_mul(100).checked_div(u64::from(whole));
    share.and_then(|share| u32::try_from(share).ok()).unwrap_or(0)
}
