//! Where the truth is kept.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::envelope::Event;
use crate::domain::event::EventKey;
use crate::domain::inventory::Pool;
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::domain::ticket::Ticket;
use crate::ports::batch::{Group, KeyRecord, Receipt, WebhookKey};
use crate::ports::error::{CommitError, PortError};
use crate::ports::payment_gateway::NoticeAbout;
use crate::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

/// The storage of tickets, inventory, orders and payments: one owner of all of them.
///
/// # Contract
/// **Commit.** [`commit`](Self::commit) decides a group with
/// [`resolve`](crate::ports::resolve::resolve()) on a consistent snapshot and writes all of what
/// comes out, or nothing, durably, before it answers. It never fails one batch for another's
/// sake; if the backend refuses a group, the culprit alone gets the error. An outcome that can't
/// be known is reported as [`CommitError::OutcomeUnknown`], never guessed. Committing a batch
/// again waits for the first try to end and answers [`CommitError::Duplicate`], or applies it.
///
/// **Time.** The storage has a clock of its own, monotonic as far as its backend's is; a
/// snapshot's `now` is read after its locks. Lists of due things carry that time.
///
/// **Lists** by age are by the time that their items carry, then by id: ids need not grow. A page
/// begins after the item that its cursor names, wherever that stands by then; a cursor that names
/// nothing begins at the beginning.
///
/// **Leases.** A leased row is not given out again until its lease ends. What is written under a
/// lease that was lost meanwhile is refused, by version or by epoch.
///
/// **Bounds.** Every call ends within a time of the adapter's own, some seconds, in an error if it
/// must. A `limit` of zero asks for nothing. A group has as many batches as its writer was told to
/// put into one, hundreds as a rule; an adapter that can't write so many at once cuts its own
/// statements, not the transaction.
///
/// **Work lists.** One row that can't be read must not keep the others from being worked on: a
/// list of what is due, unsettled, open or unpublished leaves it out and logs it as an error. So
/// does a page of a search; asked for by its id, the row is told as what it is.
///
/// **The last line.** What must never be is refused by the backend too, even when the engine is
/// wrong: more units of a pool held and sold than its capacity or less than none; two events of
/// one version; two batches of one id; one idempotency key twice; two payments that
/// [may pay](Payment::may_pay) for one order; one intent for two payments.
///
/// **Reads** see every commit that was acknowledged before they began. A row that can't be read
/// as what it should be is [`PortErrorKind::Corrupt`](crate::ports::PortErrorKind::Corrupt),
/// never a panic and never "not found".
///
/// **Dropped futures.** A dropped commit may have happened or not; nothing is left half done,
/// and no lock is left behind.
///
/// What a use case does with it: decide, commit, and, in doubt, commit the same again.
///
/// ```
/// use ticketing_core::domain::{Actor, NewTicket, Ticket};
/// use ticketing_core::memory::MemoryStorage;
/// use ticketing_core::ports::{
///     BatchBuilder, Cause, CommitError, Group, IdSource, RandomIds, Storage,
/// };
/// use ticketing_core::values::{Money, TicketId, UserId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let storage = MemoryStorage::new();
/// let (seller, now) = (UserId::new("ada")?, storage.now().await?);
/// let id = TicketId::from_uuid(RandomIds.next());
/// let new = NewTicket::new("Front row", Money::usd(20_00));
/// let decision = Ticket::list(id, seller.clone(), new, now)?;
///
/// let cause = Cause { actor: Actor::User(seller), correlation: None };
/// let batch = BatchBuilder::new(cause, &RandomIds, now).ticket(decision).build();
/// let group = Group::of(vec![batch]);
/// let first = storage.commit(group.clone()).await;
/// assert!(first.outcomes.iter().all(Result::is_ok));
/// assert_eq!(storage.listings(&[id]).await?.len(), 1);
///
/// let again = storage.commit(group).await;
/// assert!(matches!(again.outcomes[..], [Err(CommitError::Duplicate(_))]));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// How many groups may usefully be in flight at once; at least 1.
    fn lanes(&self) -> usize;

    /// Commits a group.
    async fn commit(&self, group: Group) -> Committed;

    /// The storage's time.
    async fn now(&self) -> Result<Timestamp, PortError>;

    /// The id that was written when this storage was made.
    async fn store_id(&self) -> Result<StoreId, PortError>;

    /// Those of the listings that exist, with their pools, in the order asked for; one that is asked
    /// for twice is there twice.
    async fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError>;

    /// Listings, newest first: by [`Ticket::listed_at`].
    async fn search(&self, query: &ListingQuery) -> Result<Paged<Listing>, PortError>;

    /// An order.
    async fn order(&self, id: OrderId) -> Result<Option<Order>, PortError>;

    /// A buyer's orders, by age: by [`Order::created_at`].
    async fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<Order>, PortError>;

    /// A payment.
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, PortError>;

    /// The payment with that intent.
    async fn payment_by_intent(&self, intent: &IntentRef) -> Result<Option<Payment>, PortError>;

    /// All payments of an order, oldest first.
    async fn payments_of(&self, order: OrderId) -> Result<Vec<Payment>, PortError>;

    /// A refund.
    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, PortError>;

    /// All refunds of a payment, oldest first.
    async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refund>, PortError>;

    /// What an idempotency key was used for.
    async fn key(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, PortError>;

    /// The event of one version, as long as it is kept.
    async fn event(&self, key: EventKey) -> Result<Option<Event>, PortError>;

    /// Orders whose time is up: [`Order::due_at`] is now or was before. The longest overdue
    /// first, then by id.
    async fn due_orders(&self, limit: usize) -> Result<Due<Order>, PortError>;

    /// The same, of one pool.
    async fn due_orders_of(&self, pool: PoolId, limit: usize) -> Result<Due<Order>, PortError>;

    /// Orders that hold units of a pool, those that end soonest first, then by id, after `after`.
    /// One that gets another deadline while they are walked may be seen twice, or left out.
    async fn live_orders(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Order>, PortError>;

    /// Withdrawn pools whose live orders are to be cancelled, by id.
    async fn clearing_pools(&self, limit: usize) -> Result<Vec<PoolId>, PortError>;

    /// Payments that somebody must look at: [`Payment::next_action_at`] is now or was before.
    /// The longest waiting first, then by id.
    ///
    /// Each is put off by `lease`: its `next_action_at` is set to then, at the same version, and
    /// that is how it is given out. So a commit that was decided before is not in its way, and one
    /// that sets another time ends the lease.
    async fn unsettled_payments(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Payment>, PortError>;

    /// Refunds that somebody must look at now, leased alike.
    async fn unsettled_refunds(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Refund>, PortError>;

    /// Payments that are with an operator, the oldest first.
    async fn parked_payments(&self, limit: usize) -> Result<Vec<Payment>, PortError>;

    /// Refunds that failed and are owed still, the oldest first.
    async fn failed_refunds(&self, limit: usize) -> Result<Vec<Refund>, PortError>;

    /// Keeps a webhook until a batch closes it. Durable before it answers. One that was closed is
    /// seen, as long as it is kept. Closing one that was never received, or was closed before, does
    /// nothing.
    async fn receive(&self, webhook: &Webhook) -> Result<Received, PortError>;

    /// Webhooks that no batch has closed yet, oldest first, leased to the caller.
    async fn claim_webhooks(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Webhook>, PortError>;

    /// Outbox rows that are not published yet, oldest first, leased to the caller.
    async fn claim_outbox(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError>;

    /// Every event of the row was published, or is a dead letter. `false`, and nothing happens,
    /// if the row was claimed anew since, or is not known. Said again under the same epoch, it
    /// changes nothing and is answered alike.
    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError>;

    /// Published rows that were committed at or after `since`, by id, after `after`. A row that
    /// commits while they are walked may be left out; no other is.
    async fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError>;

    /// What waits to be published.
    async fn outbox_depth(&self) -> Result<OutboxDepth, PortError>;

    /// What is held now, in all pools together.
    ///
    /// This default asks pool by pool. A storage that can count its live orders does so instead.
    async fn live_holds(&self) -> Result<LiveHolds, PortError> {
        live_holds_of(self).await
    }

    /// Dead letters, newest first. They are kept until somebody removes them by hand.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError>;

    /// Forgets up to `limit` of, in this order: published outbox rows that were committed before
    /// `before`, with their events and the receipts of their batches; idempotency keys that were
    /// used before it; closed webhooks that were received before it. Answers how many of these
    /// went, the oldest of each kind first; the events and receipts of a row are not counted.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError>;
}

/// What became of a group.
#[derive(Debug, Clone)]
pub struct Committed {
    /// One outcome for each batch, in their order.
    pub outcomes: Vec<Result<Receipt, CommitError>>,
    /// The pools that the group touched, as they are now. Those that only refused batches touched
    /// may be left out.
    pub pools: Vec<Pool>,
    /// The storage's time; nothing if it was not reached.
    pub now: Option<Timestamp>,
}

/// A listing with its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The listing.
    pub ticket: Ticket,
    /// Its units.
    pub pool: Pool,
}

/// Which listings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListingQuery {
    /// Only those whose title or venue has all of these words, as beginnings of words. What a
    /// word is, see [`words`].
    pub words: Vec<String>,
    /// Only this seller's.
    pub seller: Option<UserId>,
    /// Those that can't be bought now as well: withdrawn, sold out, sale not open or over.
    pub all: bool,
    /// Which page.
    pub page: Page,
}

impl ListingQuery {
    /// The beginnings of words that are asked for, as [`words`] would have them.
    pub fn prefixes(&self) -> Vec<String> {
        self.words.iter().flat_map(|text| words(text)).collect()
    }
}

/// The words of a text, as every storage must find them: letters and digits, as Unicode has them,
/// that stand together, in lower case. Accents stay: `Zoë` is the word `zoë`, and not `zoe`.
///
/// ```
/// use ticketing_core::ports::storage::words;
///
/// let found: Vec<String> = words("Front-row, BALCONY 2").collect();
/// assert_eq!(found, ["front", "row", "balcony", "2"]);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Whether each of the prefixes begins a word of the ticket's title or venue.
pub fn has_words(ticket: &Ticket, prefixes: &[String]) -> bool {
    if prefixes.is_empty() {
        return true;
    }
    let mut there: Vec<String> = words(ticket.terms.title.as_str()).collect();
    if let Some(venue) = &ticket.terms.venue {
        there.extend(words(venue.as_str()));
    }
    prefixes.iter().all(|prefix| there.iter().any(|word| word.starts_with(prefix.as_str())))
}

/// Which end of a list comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrderDirection {
    /// The oldest.
    #[default]
    OldestFirst,
    /// The newest.
    NewestFirst,
}

/// Where an order stands among those that hold units: the soonest to end first, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// When its hold ends: [`Order::due_at`].
    pub due_at: Timestamp,
    /// Which order.
    pub id: OrderId,
}

impl DuePlace {
    /// The place of an order; nothing if it holds no units.
    pub fn of(order: &Order) -> Option<Self> {
        Some(Self { due_at: order.due_at()?, id: order.id })
    }
}

/// Things that are due, and the storage's time at which they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due<T> {
    /// The storage's time.
    pub now: Timestamp,
    /// What is due.
    pub items: Vec<T>,
}

/// A webhook to be dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Which one.
    pub key: WebhookKey,
    /// The intent that it is about.
    pub intent: Option<IntentRef>,
    /// What about it.
    pub about: NoticeAbout,
    /// When it came, by the engine's clock.
    pub received_at: Timestamp,
}

/// Whether a webhook was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It was not.
    New,
    /// It was.
    Seen,
}

/// Which outbox row. Numbers grow with commits, roughly: of two at the same time, the later may
/// have the smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboxRowId(pub i64);

/// One group commit's events, to be published. A group without events has no row.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Which row.
    pub id: OutboxRowId,
    /// Counts the claims, so that a late claimer can't finish another's.
    pub epoch: u64,
    /// The events, in the order of the commit.
    pub events: Vec<Event>,
}

/// An event that will never be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which event.
    pub event: EventKey,
    /// Why.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

/// What waits to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxDepth {
    /// How many rows. A storage may stop counting at a hundred thousand.
    pub rows: usize,
    /// When the oldest was committed.
    pub oldest: Option<Timestamp>,
}

/// What is held now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveHolds {
    /// How many orders hold units. A storage may stop counting at a hundred thousand.
    pub orders: usize,
    /// How many units they hold; of as many orders as were counted.
    pub units: u64,
}

/// How many live orders of a pool are looked at with one question.
const LIVE_AT_ONCE: usize = 256;

async fn live_holds_of<S: Storage + ?Sized>(storage: &S) -> Result<LiveHolds, PortError> {
    let mut query = ListingQuery { all: true, ..ListingQuery::default() };
    let mut holds = LiveHolds::default();
    loop {
        let page = storage.search(&query).await?;
        for listing in page.items.iter().filter(|listing| listing.pool.held > 0) {
            add_holds_of(storage, listing.pool.id, &mut holds).await?;
        }
        query.page.after = page.next;
        if page.next.is_none() {
            return Ok(holds);
        }
    }
}

/// Adds the units of a pool's live orders, and those orders that have their first line there.
async fn add_holds_of<S: Storage + ?Sized>(
    storage: &S,
    pool: PoolId,
    holds: &mut LiveHolds,
) -> Result<(), PortError> {
    let mut after = None;
    loop {
        let orders = storage.live_orders(pool, after, LIVE_AT_ONCE).await?;
        for order in &orders {
            let units = order.lines.iter().filter(|line| line.ticket_id == pool);
            let units = units.map(|line| u64::from(line.quantity.get())).sum();
            holds.units = holds.units.saturating_add(units);
            let is_first = order.lines.first().is_some_and(|line| line.ticket_id == pool);
            holds.orders = holds.orders.saturating_add(usize::from(is_first));
        }
        after = orders.last().and_then(DuePlace::of);
        if orders.len() < LIVE_AT_ONCE {
            return Ok(());
        }
    }
}
