//! Listings: put on sale, edited, withdrawn, found.

use std::sync::Arc;

use tracing::instrument;

use crate::domain::event::EventKey;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::ticket::{
    NewTicket, Ticket, TicketChanges, TicketCommand, TicketDecision, TicketEdit,
};
use crate::domain::view::{InventoryView, TicketView};
use crate::ports::storage::{Listing, ListingQuery};
use crate::service::caller::Caller;
use crate::service::engine::{Engine, Missed, Rounds};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::idempotency::{Halt, KeyUse};
use crate::values::{Paged, TicketId, Timestamp, UserId, Version};

/// What can be done with listings.
#[derive(Debug, Clone)]
pub struct Tickets {
    engine: Arc<Engine>,
    caller: Caller,
}

/// A listing and its units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingView {
    /// The listing.
    pub ticket: TicketView,
    /// Its units.
    pub inventory: InventoryView,
}

impl From<Listing> for ListingView {
    fn from(listing: Listing) -> Self {
        Self { ticket: listing.ticket.view(), inventory: listing.pool.view() }
    }
}

const LIST: &str = "list the ticket";
const CHANGE: &str = "change the ticket";

impl Tickets {
    pub(crate) fn new(engine: Arc<Engine>, caller: Caller) -> Self {
        Self { engine, caller }
    }

    /// Puts a ticket on sale.
    ///
    /// # Errors
    /// [`Reason::Invalid`] with every wrong field; or the engine is unavailable.
    #[instrument(skip_all)]
    pub async fn list_for_sale(&self, seller: UserId, new: NewTicket) -> Result<TicketView, Error> {
        let key = KeyUse::of(&self.caller, &seller, "list", &new)?;
        let fresh = self.list_fresh(seller, new, key.clone());
        self.engine.once(key, Box::pin(fresh)).await
    }

    async fn list_fresh(
        &self,
        seller: UserId,
        new: NewTicket,
        key: Option<KeyUse>,
    ) -> Result<TicketView, Halt> {
        let id = TicketId::from_uuid(self.engine.ids.next());
        let mut rounds = Rounds::default();
        while rounds.another() {
            let now = self.engine.now();
            let decision = Ticket::list(id, seller.clone(), new.clone(), now)?;
            match self.commit(&seller, decision, key.as_ref(), now).await {
                Ok(view) => return Ok(view),
                Err(missed) => rounds.again_or_halt(missed, LIST)?,
            }
        }
        Err(rounds.over().into())
    }

    /// Changes the terms, or puts new ones in place of all of them. `seen` is the version that the
    /// seller saw.
    ///
    /// # Errors
    /// The listing does not exist or is another's; it was withdrawn; units are held or sold and
    /// the edit touches what that fixes; the version is stale; a field is wrong.
    #[instrument(skip_all, fields(ticket.id = %id))]
    pub async fn edit(
        &self,
        seller: &UserId,
        id: TicketId,
        changes: impl Into<TicketChanges> + Send,
        seen: Option<Version>,
    ) -> Result<TicketView, Error> {
        let changes = changes.into();
        let key = KeyUse::of(&self.caller, seller, "edit", &(id, &changes, seen))?;
        let fresh = self.change_fresh(seller, id, key.clone(), move |listing: &Listing| {
            let terms = changes.over(&listing.ticket.terms);
            TicketCommand::Edit(TicketEdit { terms, seen, pool: listing.pool })
        });
        self.engine.once(key, Box::pin(fresh)).await
    }

    /// Takes a listing off sale. Sold units stay sold; live holds refuse it, unless they are to
    /// be cancelled too.
    ///
    /// # Errors
    /// The listing does not exist or is another's; units are held.
    #[instrument(skip_all, fields(ticket.id = %id))]
    pub async fn withdraw(
        &self,
        seller: &UserId,
        id: TicketId,
        cancel_holds: bool,
    ) -> Result<TicketView, Error> {
        let key = KeyUse::of(&self.caller, seller, "withdraw", &(id, cancel_holds))?;
        let fresh = self.change_fresh(seller, id, key.clone(), move |listing: &Listing| {
            TicketCommand::Withdraw { pool: listing.pool, cancel_holds }
        });
        self.engine.once(key, Box::pin(fresh)).await
    }

    async fn change_fresh(
        &self,
        seller: &UserId,
        id: TicketId,
        key: Option<KeyUse>,
        command: impl Fn(&Listing) -> TicketCommand + Send,
    ) -> Result<TicketView, Halt> {
        let mut rounds = Rounds::default();
        while rounds.another() {
            let listing = self.read(id).await?;
            let now = self.engine.now();
            let command = command(&listing);
            if listing.ticket.seller != *seller {
                let refused = Rejection::new(CHANGE, "another's", Reason::NotOwner);
                return Err(refused.into());
            }
            let decision = listing.ticket.decide(command)?;
            match self.commit(seller, decision, key.as_ref(), now).await {
                Ok(view) => return Ok(view),
                Err(missed) => rounds.again_or_halt(missed, CHANGE)?,
            }
        }
        Err(rounds.over().into())
    }

    /// Commits what was decided.
    async fn commit(
        &self,
        seller: &UserId,
        decision: TicketDecision,
        key: Option<&KeyUse>,
        now: Timestamp,
    ) -> Result<TicketView, Missed> {
        let ticket = decision.ticket.next();
        let view = ticket.view();
        let answer = EventKey { aggregate: ticket.id.into(), version: ticket.version };
        let batch = self
            .engine
            .batch(self.caller.cause(seller), now)
            .ticket(decision)
            .keyed(key.map(|key| key.record(answer, now)))
            .build();
        self.engine.listings.forget(view.id);
        let committed = self.engine.commit(batch, Urgency::Settling).await;
        self.engine.listings.forget(view.id);
        committed.map(|()| view)
    }

    /// A listing with its units.
    ///
    /// # Errors
    /// There is none; or the engine is unavailable.
    pub async fn get(&self, id: TicketId) -> Result<ListingView, Error> {
        self.read(id).await.map(ListingView::from)
    }

    /// Those of the listings that exist, with their units, in the order asked for.
    ///
    /// # Errors
    /// The engine is unavailable.
    pub async fn find(&self, ids: &[TicketId]) -> Result<Vec<ListingView>, Error> {
        let found = self.engine.storage.listings(ids).await?;
        Ok(found.into_iter().map(ListingView::from).collect())
    }

    /// Listings, newest first: those that can be bought now, unless all are asked for.
    ///
    /// # Errors
    /// The engine is unavailable.
    pub async fn search(&self, query: &ListingQuery) -> Result<Paged<ListingView>, Error> {
        Ok(self.engine.storage.search(query).await?.map(ListingView::from))
    }

    async fn read(&self, id: TicketId) -> Result<Listing, Error> {
        let listings = self.engine.storage.listings(&[id]).await?;
        listings.into_iter().next().ok_or(Error::NotFound("ticket"))
    }
}
