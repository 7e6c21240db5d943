//! I8: an order freezes the title and the price that its listings have when it is committed.

use std::collections::BTreeSet;

use ticketing_core::memory::Books;
use ticketing_core::values::OrderId;

use crate::findings::Findings;

/// The orders that were looked at.
#[derive(Debug, Default)]
pub(super) struct Prices {
    seen: BTreeSet<OrderId>,
}

impl Prices {
    /// Takes the orders that are there as they are.
    pub(super) fn skip(&mut self, books: &Books) {
        self.seen.extend(books.orders.iter().map(|order| order.id));
    }

    pub(super) fn check(&mut self, books: &Books, findings: &Findings) {
        for order in &books.orders {
            if !self.seen.insert(order.id) {
                continue;
            }
            for line in order.lines.iter() {
                let mut tickets = books.tickets.iter();
                let same = tickets.any(|ticket| {
                    let terms = &ticket.terms;
                    ticket.id == line.ticket_id
                        && terms.price == line.price
                        && terms.title == line.title
                });
                findings.check(same, "I8", || {
                    format!("order {} was placed for another price than the listing's", order.id)
                });
            }
        }
    }
}
