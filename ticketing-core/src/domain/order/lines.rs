//! What an order is made of, and how a new one is placed.

use std::sync::Arc;

use crate::domain::decision::{Decision, Units};
use crate::domain::event::DomainEvent;
use crate::domain::inventory::{Refusal, sale_is_open};
use crate::domain::order::{HoldPolicy, Order, OrderState};
use crate::domain::rejection::{FieldError, Reason, Rejection};
use crate::domain::ticket::{Ticket, TicketState};
use crate::values::{
    Money, MoneyError, OrderId, Quantity, TicketId, TimeWindow, Timestamp, Title, UserId, Version,
};

/// One ticket of an order, with what was frozen of its listing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who sells it.
    pub seller_id: UserId,
    /// The version of the listing that was bought.
    pub listing_version: Version,
    /// Its title then.
    pub title: Title,
    /// Its price then, for one unit.
    pub price: Money,
    /// How many units.
    pub quantity: Quantity,
    /// How many of them came back with a refund.
    pub returned: u32,
    /// How many of those went back on sale.
    pub restocked: u32,
}

/// Units of one line that a refund takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ReturnedLine {
    /// The line's ticket.
    pub ticket: TicketId,
    /// How many.
    pub quantity: Quantity,
}

/// A reservation to be: who wants how many units of which listings.
#[derive(Debug, Clone, Copy)]
pub struct NewOrder<'a> {
    /// Its id.
    pub id: OrderId,
    /// Who buys.
    pub buyer: &'a UserId,
    /// The listings as the caller read them, with the units of each.
    pub lines: &'a [(&'a Ticket, Quantity)],
    /// How long units are held.
    pub policy: HoldPolicy,
}

impl Line {
    fn of(ticket: &Ticket, quantity: Quantity) -> Self {
        Self {
            ticket_id: ticket.id,
            seller_id: ticket.seller.clone(),
            listing_version: ticket.version,
            title: ticket.terms.title.clone(),
            price: ticket.terms.price,
            quantity,
            returned: 0,
            restocked: 0,
        }
    }

    /// Units that the buyer still has.
    pub fn kept(&self) -> u32 {
        self.quantity.get().saturating_sub(self.returned)
    }

    /// Units that count as sold while the order is complete or refunded.
    pub fn counted_as_sold(&self) -> u32 {
        self.quantity.get().saturating_sub(self.restocked)
    }
}

impl Order {
    /// The most lines of one order.
    pub const MAX_LINES: usize = 20;

    /// Holds units of one listing or of several, all of them or none.
    ///
    /// The second value is when the sale of every line is open; the commit must happen then.
    ///
    /// # Errors
    /// A [`Rejection`] for no lines, too many, one ticket twice, a listing that is not on sale
    /// now, mixed currencies, or a sum that is too large.
    pub fn place(
        new: NewOrder<'_>,
        now: Timestamp,
    ) -> Result<(Decision<Self>, TimeWindow), Rejection> {
        let refused = |reason| Rejection::new("reserve", "new", reason);
        check_lines(new.lines, now).map_err(refused)?;
        let total = total_of(new.lines).map_err(refused)?;
        let open = new
            .lines
            .iter()
            .fold(TimeWindow::always(), |open, (ticket, _)| open.intersect(ticket.terms.sale));
        let lines: Arc<[Line]> =
            new.lines.iter().map(|(ticket, quantity)| Line::of(ticket, *quantity)).collect();
        let order = Self {
            id: new.id,
            buyer: new.buyer.clone(),
            version: Version::FIRST,
            lines,
            total,
            refunded: Money::zero(total.currency()),
            created_at: now,
            expires_at: now.plus(new.policy.hold),
            pay_deadline: None,
            extended: false,
            state: OrderState::Created,
        };
        let event = DomainEvent::OrderCreated(order.view());
        Ok((Decision::changed(order, event).moving(Units::Hold), open))
    }
}

fn check_lines(lines: &[(&Ticket, Quantity)], now: Timestamp) -> Result<(), Reason> {
    let wrong =
        |code, message: String| Reason::Invalid(vec![FieldError::new("lines", code, message)]);
    if lines.is_empty() {
        return Err(wrong("no_lines", "An order needs a ticket".to_owned()));
    }
    if lines.len() > Order::MAX_LINES {
        let max = Order::MAX_LINES;
        return Err(wrong("too_many_lines", format!("An order has {max} tickets at most")));
    }
    for (index, (ticket, _)) in lines.iter().enumerate() {
        if lines.iter().skip(index + 1).any(|(other, _)| other.id == ticket.id) {
            return Err(wrong("ticket_twice", format!("Ticket {} is there twice", ticket.id)));
        }
        let claimed = |refusal| Reason::Claim { ticket: ticket.id, refusal };
        if ticket.state == TicketState::Withdrawn {
            return Err(claimed(Refusal::NotOnSale));
        }
        sale_is_open(ticket.terms.sale, now).map_err(claimed)?;
    }
    Ok(())
}

fn total_of(lines: &[(&Ticket, Quantity)]) -> Result<Money, Reason> {
    let mut total: Option<Money> = None;
    for (ticket, quantity) in lines {
        let line = ticket.terms.price.times(quantity.get()).map_err(too_large)?;
        let sum = match total {
            None => line,
            Some(sum) if sum.currency() != line.currency() => return Err(Reason::MixedCurrencies),
            Some(sum) => sum.checked_add(line).map_err(too_large)?,
        };
        total = Some(sum);
    }
    total.ok_or(Reason::NoSuchStep)
}

fn too_large(error: MoneyError) -> Reason {
    Reason::Invalid(vec![FieldError::new("lines", error.code(), error.to_string())])
}
