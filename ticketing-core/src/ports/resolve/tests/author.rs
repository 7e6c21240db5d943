//! Turns the acts of a story into batches, with the machines' own decisions.

use std::sync::Arc;

use crate::domain::event::Actor;
use crate::domain::order::{NewOrder, Order};
use crate::domain::ticket::{NewTicket, Ticket, TicketCommand, TicketEdit};
use crate::ports::batch::{BatchBuilder, WriteBatch};
use crate::ports::resolve::tests::cases::{
    Ids, NOW, POLICY, buyer, key_record, list, listing, of, order_id, units,
};
use crate::ports::resolve::tests::naive::commit_one;
use crate::ports::resolve::tests::store::Store;
use crate::ports::resolve::tests::story::{Act, Cart, Deed, Reads, later};
use crate::ports::resolve::tests::talk;
use crate::values::{Quantity, TimeWindow, Timestamp};

/// Remembers what it wrote, to write it again.
pub(super) struct Author {
    ids: Ids,
    written: Vec<WriteBatch>,
}

/// A batch in the making, with the time bounds that belong to it.
pub(super) type Draft<'a> = (BatchBuilder<'a>, TimeWindow);

impl Author {
    pub(super) fn with(ids: Ids) -> Self {
        let written = Vec::new();
        Self { ids, written }
    }

    /// A group. What a machine refuses is not written.
    pub(super) fn write(&mut self, acts: &[Act], stale: &Store, stored: &Store) -> Vec<WriteBatch> {
        let mut ahead = stored.clone();
        let mut group = Vec::new();
        for act in acts {
            let world = match act.reads {
                Reads::Stale => stale,
                Reads::Stored => stored,
                Reads::Ahead => &ahead,
            };
            let Some(batch) = self.batch(act, world, stored.now) else {
                continue;
            };
            if let Ok(next) = commit_one(&ahead, &batch) {
                ahead = next;
            }
            self.written.push(batch.clone());
            group.push(batch);
        }
        group
    }

    fn batch(&self, act: &Act, world: &Store, now: Timestamp) -> Option<WriteBatch> {
        if let Deed::Again(index) = &act.deed {
            let known = !self.written.is_empty();
            return known.then(|| index.get(&self.written).clone());
        }
        let at = later(now, act.ahead);
        let empty = BatchBuilder::new(of(Actor::Engine), &self.ids, at);
        let (batch, window) = draft(empty, &act.deed, world, at)?;
        let batch = if act.bounded { batch.within(window) } else { batch };
        let record = act.key.map(|key| key_record(key, u64::try_from(self.written.len()).unwrap()));
        let batch = batch.keyed(record).build();
        (!batch.is_empty()).then_some(batch)
    }
}

fn draft<'a>(
    batch: BatchBuilder<'a>,
    deed: &Deed,
    world: &Store,
    at: Timestamp,
) -> Option<Draft<'a>> {
    let always = TimeWindow::always();
    match deed {
        Deed::List(ticket, offer) => Some((batch.ticket(list(*ticket, offer.terms(), at)), always)),
        Deed::Edit(ticket, offer) => Some((edit(batch, *ticket, offer.terms(), world)?, always)),
        Deed::Shrink(ticket) => {
            let terms = shrunk(world, *ticket)?;
            Some((edit(batch, *ticket, terms, world)?, always))
        }
        Deed::Withdraw { ticket, cancel_holds } => {
            let ticket = world.ticket(*ticket)?;
            let command = TicketCommand::Withdraw {
                pool: *world.pools.get(&ticket.id)?,
                cancel_holds: *cancel_holds,
            };
            let decision = ticket.as_ref().clone().decide(command).ok()?;
            Some((batch.ticket(decision), always))
        }
        Deed::Clear(ticket) => Some((batch.cleared(known(world, *ticket).id), always)),
        Deed::Place(carts) => {
            carts.iter().try_fold((batch, always), |draft, cart| place(draft, cart, world, at))
        }
        Deed::Tell(index, what) => talk::tell(batch, *index, what, world, at),
        Deed::Again(_) => None,
        Deed::Nothing => Some((batch, always)),
    }
}

fn edit<'a>(
    batch: BatchBuilder<'a>,
    ticket: u8,
    terms: NewTicket,
    world: &Store,
) -> Option<BatchBuilder<'a>> {
    let ticket = world.ticket(ticket)?;
    let edit = TicketEdit { terms, seen: None, pool: *world.pools.get(&ticket.id)? };
    let decision = ticket.as_ref().clone().decide(TicketCommand::Edit(edit));
    Some(batch.ticket(decision.ok()?))
}

/// The same terms for as few units as there may be.
fn shrunk(world: &Store, ticket: u8) -> Option<NewTicket> {
    let ticket = world.ticket(ticket)?;
    let terms = &ticket.terms;
    let mut new = NewTicket::new(terms.title.as_str(), terms.price);
    new.quantity = world.pools.get(&ticket.id)?.claimed().max(1);
    new.max_per_order = terms.max_per_order.map(Quantity::get);
    new.max_per_buyer = terms.max_per_buyer.map(Quantity::get);
    new.sale_starts_at = terms.sale.from();
    new.sale_ends_at = terms.sale.until();
    Some(new)
}

/// The listing, or what a caller might take for one that does not exist.
fn known(world: &Store, ticket: u8) -> Arc<Ticket> {
    let invented = || Arc::new(list(ticket, listing(5), NOW).ticket.into_next());
    world.ticket(ticket).unwrap_or_else(invented)
}

/// An order that is placed without a look at the sales; the window knows them.
fn place<'a>(
    (batch, window): Draft<'a>,
    cart: &Cart,
    world: &Store,
    at: Timestamp,
) -> Option<Draft<'a>> {
    let mut tickets: Vec<Ticket> =
        cart.lines.iter().map(|(ticket, _)| known(world, *ticket).as_ref().clone()).collect();
    let mut open = window;
    for ticket in &mut tickets {
        open = open.intersect(ticket.terms.sale);
        ticket.terms.sale = TimeWindow::always();
    }
    let counts = cart.lines.iter().map(|(_, count)| units(*count));
    let lines: Vec<(&Ticket, Quantity)> = tickets.iter().zip(counts).collect();
    let new = NewOrder {
        id: order_id(cart.order),
        buyer: &buyer(cart.buyer),
        lines: &lines,
        policy: POLICY,
    };
    let (decision, _) = Order::place(new, at).ok()?;
    Some((batch.order(decision), open))
}
