//! What clients do, as the plan says.

use ticketing_core::RefundRequest;
use ticketing_core::domain::{NewTicket, RefundState};
use ticketing_core::testing::builders::user;
use ticketing_core::values::{Money, TicketId, UserId};

use crate::clients::Command;
use crate::plan::{Manner, What};

use super::World;

impl World {
    pub(super) fn perform(&mut self, what: &What) {
        match what {
            What::Wait => {}
            What::World(event) => self.befall(*event),
            What::Again { command, process } => {
                self.tally.note("client: sent again later");
                self.again(*command, *process);
            }
            What::List { .. }
            | What::Reserve { .. }
            | What::Pay { .. }
            | What::PayInBrowser { .. }
            | What::Cancel { .. }
            | What::Extend { .. }
            | What::Edit { .. }
            | What::Withdraw { .. }
            | What::Refund { .. }
            | What::RetryRefund { .. } => {
                if let Some((command, manner)) = self.command(what) {
                    self.note_manner(manner);
                    self.send(&command, manner);
                }
            }
        }
    }

    fn note_manner(&self, manner: Manner) {
        self.tally.note_many("client: sent twice at once", u64::from(manner.twice));
        let hangs_up = manner.hangs_up_after.is_some();
        self.tally.note_many("client: hung up", u64::from(hangs_up));
    }

    /// The command that is meant, if what it is about is there by now.
    fn command(&mut self, what: &What) -> Option<(Command, Manner)> {
        let order = |world: &Self, place: u8| world.clients.recent_order(place);
        Some(match what {
            What::List { seller, units, per_buyer, manner } => {
                let new = NewTicket::new("A seat", Money::usd(1_000)).quantity(*units);
                let new =
                    per_buyer.map_or_else(|| new.clone(), |most| new.clone().max_per_buyer(most));
                (Command::List { seller: user(&format!("seller-{seller}")), new }, *manner)
            }
            What::Reserve { buyer, lines, manner } => {
                let lines = self.lines(lines)?;
                (Command::Reserve { buyer: user(&format!("buyer-{buyer}")), lines }, *manner)
            }
            What::Pay { order: place, card, manner } => {
                let (order, buyer) = order(self, *place)?;
                (Command::Pay { buyer, order, token: card.token() }, *manner)
            }
            What::PayInBrowser { order: place, card, manner } => {
                let (order, buyer) = order(self, *place)?;
                (Command::Open { buyer, order, token: card.token() }, *manner)
            }
            What::Cancel { order: place, manner } => {
                let (order, buyer) = order(self, *place)?;
                (Command::Cancel { buyer, order }, *manner)
            }
            What::Extend { order: place, manner } => {
                let (order, buyer) = order(self, *place)?;
                (Command::Extend { buyer, order }, *manner)
            }
            What::Edit { ticket, price, units, manner } => {
                let (ticket, seller) = self.clients.recent_ticket(*ticket)?;
                let new = self.edited(ticket, *price, *units)?;
                (Command::Edit { seller, ticket, new }, *manner)
            }
            What::Withdraw { ticket, cancel_holds, manner } => {
                let (ticket, seller) = self.clients.recent_ticket(*ticket)?;
                let cancel_holds = *cancel_holds;
                (Command::Withdraw { seller, ticket, cancel_holds }, *manner)
            }
            What::Refund { order: place, cents, restock, manner } => {
                let (order, _) = order(self, *place)?;
                (Command::Refund { order, request: request(*cents, *restock) }, *manner)
            }
            What::RetryRefund { manner } => (self.retry_refund()?, *manner),
            What::Wait | What::Again { .. } | What::World(_) => return None,
        })
    }

    fn lines(&self, wanted: &[(u8, u32)]) -> Option<Vec<(TicketId, u32)>> {
        let mut lines: Vec<(TicketId, u32)> = Vec::new();
        for (place, units) in wanted {
            let (ticket, _): (TicketId, UserId) = self.clients.recent_ticket(*place)?;
            if lines.iter().all(|(other, _)| *other != ticket) {
                lines.push((ticket, *units));
            }
        }
        Some(lines)
    }

    /// A listing's new terms; its price moves only together with units that nobody has.
    fn edited(&self, ticket: TicketId, price: u32, units: u32) -> Option<NewTicket> {
        let books = self.books();
        let stored = books.tickets.iter().find(|stored| stored.id == ticket)?;
        let terms = &stored.terms;
        let units = if units == 0 { terms.capacity.get() } else { units };
        let new = NewTicket::new("A better seat", Money::usd(price)).quantity(units);
        Some(match terms.max_per_buyer {
            Some(most) => new.max_per_buyer(most.get()),
            None => new,
        })
    }

    fn retry_refund(&mut self) -> Option<Command> {
        let refunds = self.books().refunds;
        let failed = refunds.iter().filter(|refund| refund.state == RefundState::Failed);
        let failed: Vec<_> = failed.map(|refund| refund.id).collect();
        self.rng.pick(&failed).map(|refund| Command::RetryRefund { refund: *refund })
    }

    fn again(&mut self, place: u8, process: u8) {
        if let Some(sent) = self.clients.recent_command(place) {
            let manner = Manner { process, ..Manner::default() };
            self.send_once(&sent.command, sent.key, manner);
        }
    }
}

fn request(cents: Option<u32>, restock: bool) -> RefundRequest {
    let request = RefundRequest::everything();
    let request = match cents {
        Some(cents) => request.amount(Money::usd(cents)),
        None => request,
    };
    if restock { request.restocking() } else { request }
}
