//! The listing: what is for sale, on which terms, and whether it still is.
//!
//! ```text
//!            edit
//!           .----.
//!           v    |
//! list --> on sale --withdraw--> withdrawn
//! ```
//!
//! | command | on sale | withdrawn |
//! |---|---|---|
//! | edit | on sale | `ticket_withdrawn` |
//! | edit to the terms it has | same | `ticket_withdrawn` |
//! | edit with wrong fields | `invalid` | `ticket_withdrawn` |
//! | edit of a version that has moved on | `stale_version` | `ticket_withdrawn` |
//! | edit of what claimed units fix | `ticket_reserved` | `ticket_withdrawn` |
//! | edit of the capacity, below what is claimed | `capacity_too_low` | `ticket_withdrawn` |
//! | withdraw | withdrawn | same |
//! | withdraw while units are held | `ticket_reserved` | same |
//! | withdraw and cancel the holds | withdrawn | same |
//!
//! *Same* is an unchanged listing: a repeated command is no error. Claimed is what is held or
//! sold: it fixes the title, the price, the currency and whether there is a limit per buyer; the
//! capacity may fall to what is claimed, not below. The listing refuses what it can see; the
//! [pool](crate::domain::inventory) refuses the same once more under its lock, where no
//! reservation can slip in between.

use std::time::Duration;

pub use changes::TicketChanges;

use crate::domain::decision::Decision;
use crate::domain::event::DomainEvent;
use crate::domain::inventory::{Pool, PoolCommand, PoolTerms};
use crate::domain::rejection::{FieldError, Reason, Rejection};
use crate::values::{
    Description, Money, Quantity, TicketId, TimeWindow, Timestamp, Title, UserId, Venue, Version,
};

mod changes;

/// A listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its id, shared with its pool.
    pub id: TicketId,
    /// Who sells.
    pub seller: UserId,
    /// Counts the listing's own changes; reservations don't touch it.
    pub version: Version,
    /// Whether it is on sale.
    pub state: TicketState,
    /// What is sold, and how.
    pub terms: Terms,
    /// When it was listed.
    pub listed_at: Timestamp,
}

/// Whether a listing is on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketState {
    /// It can be bought, as far as units are left and its sale is open.
    OnSale,
    /// Its seller took it back.
    Withdrawn,
}

/// What is sold, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What it is called.
    pub title: Title,
    /// What else there is to say.
    pub description: Option<Description>,
    /// Where.
    pub venue: Option<Venue>,
    /// When the event starts.
    pub starts_at: Option<Timestamp>,
    /// The price of one unit.
    pub price: Money,
    /// How many units there are in all.
    pub capacity: Quantity,
    /// The most units of one order.
    pub max_per_order: Option<Quantity>,
    /// The most units of one buyer, over all orders.
    pub max_per_buyer: Option<Quantity>,
    /// When it can be bought.
    pub sale: TimeWindow,
}

/// A listing to be: plain input, checked when it is listed.
///
/// ```
/// use ticketing_core::values::Money;
/// use ticketing_core::domain::NewTicket;
///
/// let ticket = NewTicket::new("Front row", Money::usd(20_00)).quantity(50).max_per_buyer(4);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct NewTicket {
    /// What it is called.
    pub title: String,
    /// The price of one unit; must be above zero.
    pub price: Money,
    /// How many units there are.
    pub quantity: u32,
    /// What else there is to say.
    pub description: Option<String>,
    /// Where.
    pub venue: Option<String>,
    /// When the event starts.
    pub starts_at: Option<Timestamp>,
    /// The most units of one order.
    pub max_per_order: Option<u32>,
    /// The most units of one buyer.
    pub max_per_buyer: Option<u32>,
    /// When the sale opens.
    pub sale_starts_at: Option<Timestamp>,
    /// When the sale closes.
    pub sale_ends_at: Option<Timestamp>,
}

impl NewTicket {
    /// One unit with a title and a price.
    pub fn new(title: impl Into<String>, price: Money) -> Self {
        Self {
            title: title.into(),
            price,
            quantity: 1,
            description: None,
            venue: None,
            starts_at: None,
            max_per_order: None,
            max_per_buyer: None,
            sale_starts_at: None,
            sale_ends_at: None,
        }
    }

    /// With this many units.
    #[must_use]
    pub fn quantity(self, quantity: u32) -> Self {
        Self { quantity, ..self }
    }

    /// With a longer text.
    #[must_use]
    pub fn description(self, text: impl Into<String>) -> Self {
        Self { description: Some(text.into()), ..self }
    }

    /// At a venue.
    #[must_use]
    pub fn venue(self, venue: impl Into<String>) -> Self {
        Self { venue: Some(venue.into()), ..self }
    }

    /// For an event that starts then.
    #[must_use]
    pub fn starts_at(self, at: Timestamp) -> Self {
        Self { starts_at: Some(at), ..self }
    }

    /// With at most this many units in one order.
    #[must_use]
    pub fn max_per_order(self, units: u32) -> Self {
        Self { max_per_order: Some(units), ..self }
    }

    /// With at most this many units for one buyer.
    #[must_use]
    pub fn max_per_buyer(self, units: u32) -> Self {
        Self { max_per_buyer: Some(units), ..self }
    }

    /// With a sale that opens then.
    #[must_use]
    pub fn sale_starts_at(self, at: Timestamp) -> Self {
        Self { sale_starts_at: Some(at), ..self }
    }

    /// With a sale that closes then.
    #[must_use]
    pub fn sale_ends_at(self, at: Timestamp) -> Self {
        Self { sale_ends_at: Some(at), ..self }
    }

    /// Whether it could be listed, asked before anything is done.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        self.clone().into_terms().map(drop)
    }

    /// The checked terms, or every field that is wrong.
    fn into_terms(self) -> Result<Terms, Vec<FieldError>> {
        let mut check = Check::default();
        let title = check.field("title", "Title is required", Title::new(&self.title));
        let description = check.optional("description", self.description, Description::new);
        let venue = check.optional("venue", self.venue, Venue::new);
        let capacity = check.quantity("quantity", self.quantity);
        let max_per_order = self.max_per_order.map(|n| check.quantity("maxPerOrder", n));
        let max_per_buyer = self.max_per_buyer.map(|n| check.quantity("maxPerBuyer", n));
        let sale = check.sale(self.sale_starts_at, self.sale_ends_at);
        check.price(self.price);
        match (title, capacity, check.errors) {
            (Some(title), Some(capacity), errors) if errors.is_empty() => Ok(Terms {
                title,
                description,
                venue,
                starts_at: self.starts_at,
                price: self.price,
                capacity,
                max_per_order: max_per_order.flatten(),
                max_per_buyer: max_per_buyer.flatten(),
                sale,
            }),
            (_, _, errors) => Err(errors),
        }
    }
}

/// Gathers what is wrong with an input, field by field.
#[derive(Default)]
struct Check {
    errors: Vec<FieldError>,
}

impl Check {
    fn field<T>(
        &mut self,
        field: &'static str,
        message: &str,
        checked: Result<T, crate::values::InvalidText>,
    ) -> Option<T> {
        checked
            .map_err(|error| {
                self.errors.push(FieldError::new(field, error.code(), message));
            })
            .ok()
    }

    fn optional<T>(
        &mut self,
        field: &'static str,
        text: Option<String>,
        make: impl Fn(&str) -> Result<T, crate::values::InvalidText>,
    ) -> Option<T> {
        let text = text?;
        let checked = make(&text);
        let message = checked.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.field(field, &message, checked)
    }

    fn quantity(&mut self, field: &'static str, units: u32) -> Option<Quantity> {
        let checked = Quantity::new(units);
        if let Err(error) = &checked {
            self.errors.push(FieldError::new(field, error.code(), error.to_string()));
        }
        checked.ok()
    }

    fn sale(&mut self, opens: Option<Timestamp>, closes: Option<Timestamp>) -> TimeWindow {
        TimeWindow::new(opens, closes).unwrap_or_else(|error| {
            self.errors.push(FieldError::new("saleEndsAt", error.code(), error.to_string()));
            TimeWindow::always()
        })
    }

    fn price(&mut self, price: Money) {
        if price.is_zero() {
            let message = "Price must be greater than 0";
            self.errors.push(FieldError::new("price", "price_not_positive", message));
        }
    }
}

/// What can be asked of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketCommand {
    /// Put these terms in place of the old ones.
    Edit(TicketEdit),
    /// Take it off sale.
    Withdraw {
        /// The pool as the caller read it.
        pool: Pool,
        /// Cancel the live holds too; without it, held units refuse the withdrawal.
        cancel_holds: bool,
    },
}

/// New terms for a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketEdit {
    /// The new terms, whole.
    pub terms: NewTicket,
    /// The version that the caller saw, if it cares.
    pub seen: Option<Version>,
    /// The pool as the caller read it.
    pub pool: Pool,
}

/// An accepted change of a listing: what becomes of it, and of its pool.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a decision that is not committed did not happen"]
pub struct TicketDecision {
    /// The listing's decision.
    pub ticket: Decision<Ticket>,
    /// What the pool is told in the same commit; nothing when the listing did not change.
    pub pool: Option<PoolCommand>,
}

impl Ticket {
    /// Puts a new ticket on sale.
    ///
    /// # Errors
    /// [`Reason::Invalid`] with every wrong field.
    pub fn list(
        id: TicketId,
        seller: UserId,
        new: NewTicket,
        now: Timestamp,
    ) -> Result<TicketDecision, Rejection> {
        let terms = new.into_terms().map_err(|fields| invalid("list the ticket", "new", fields))?;
        let version = Version::FIRST;
        let ticket =
            Self { id, seller, version, state: TicketState::OnSale, terms, listed_at: now };
        let pool = Pool::open(id, ticket.pool_terms());
        let event = DomainEvent::TicketCreated(ticket.view());
        let ticket = Decision::changed(ticket, event);
        Ok(TicketDecision { ticket, pool: Some(PoolCommand::Open(pool)) })
    }

    /// What becomes of the listing.
    ///
    /// # Errors
    /// A [`Rejection`] that names the state, the command and the reason.
    pub fn decide(self, command: TicketCommand) -> Result<TicketDecision, Rejection> {
        match (self.state, command) {
            (TicketState::OnSale, TicketCommand::Edit(edit)) => self.edit(edit),
            (TicketState::OnSale, TicketCommand::Withdraw { pool, cancel_holds }) => {
                self.withdraw(&pool, cancel_holds)
            }
            (TicketState::Withdrawn, TicketCommand::Edit(_)) => {
                Err(Rejection::new("edit the ticket", "withdrawn", Reason::TicketWithdrawn))
            }
            (TicketState::Withdrawn, TicketCommand::Withdraw { .. }) => {
                Ok(TicketDecision { ticket: Decision::unchanged(self), pool: None })
            }
        }
    }

    fn edit(self, edit: TicketEdit) -> Result<TicketDecision, Rejection> {
        const COMMAND: &str = "edit the ticket";
        const STATE: &str = "on sale";
        if edit.seen.is_some_and(|seen| seen != self.version) {
            return Err(Rejection::new(COMMAND, STATE, Reason::StaleVersion));
        }
        let terms = edit.terms.into_terms().map_err(|fields| invalid(COMMAND, STATE, fields))?;
        let claimed = edit.pool.claimed();
        let fixed = self.terms.fixed_once_claimed(&terms);
        if fixed && claimed > 0 {
            return Err(Rejection::new(COMMAND, STATE, Reason::TicketReserved));
        }
        if terms.capacity.get() < claimed {
            return Err(Rejection::new(COMMAND, STATE, Reason::CapacityTooLow { claimed }));
        }
        if terms == self.terms {
            return Ok(TicketDecision { ticket: Decision::unchanged(self), pool: None });
        }
        let next = Self { terms, version: self.version.next(), ..self };
        let pool = PoolCommand::Restate { terms: next.pool_terms(), needs_unclaimed: fixed };
        let event = DomainEvent::TicketUpdated(next.view());
        Ok(TicketDecision { ticket: Decision::changed(next, event), pool: Some(pool) })
    }

    fn withdraw(self, pool: &Pool, cancel_holds: bool) -> Result<TicketDecision, Rejection> {
        if pool.held > 0 && !cancel_holds {
            let reason = Reason::TicketReserved;
            return Err(Rejection::new("withdraw the ticket", "on sale", reason));
        }
        let version = self.version.next();
        let next = Self { state: TicketState::Withdrawn, version, ..self };
        let pool = PoolCommand::Withdraw { listing: version, cancel_holds };
        let event = DomainEvent::TicketWithdrawn(next.view());
        Ok(TicketDecision { ticket: Decision::changed(next, event), pool: Some(pool) })
    }

    fn pool_terms(&self) -> PoolTerms {
        PoolTerms {
            listing: self.version,
            sale: self.terms.sale,
            capacity: self.terms.capacity.get(),
            max_per_order: self.terms.max_per_order,
            max_per_buyer: self.terms.max_per_buyer,
        }
    }

    /// How long until the sale opens, if it has still to open.
    pub fn opens_in(&self, now: Timestamp) -> Option<Duration> {
        self.terms.sale.from().filter(|opens| *opens > now).map(|opens| opens.since(now))
    }
}

impl Terms {
    /// Whether going to `next` touches what held or sold units fix.
    fn fixed_once_claimed(&self, next: &Self) -> bool {
        self.title != next.title
            || self.price != next.price
            || self.max_per_buyer.is_some() != next.max_per_buyer.is_some()
    }
}

fn invalid(command: &'static str, state: &'static str, fields: Vec<FieldError>) -> Rejection {
    Rejection::new(command, state, Reason::Invalid(fields))
}

#[cfg(test)]
mod tests;
