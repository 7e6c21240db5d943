//! What is left of the tickets that streams show.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticketing_core::domain::view::InventoryView;
use ticketing_core::ports::{ListingQuery, chain};
use ticketing_core::values::{PageLimit, TicketId};
use ticketing_core::{Error, Ticketing};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};

use super::shown::Shown;
use crate::http::error::ApiError;

/// How many messages a stream may fall behind before it starts over.
const BACKLOG: usize = 16;

/// How long to wait before reading again what could not be read for a stream that waits for it.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What is left of the tickets that streams show, and who is told of it.
#[derive(Debug, Clone)]
pub(super) struct Tickets {
    engine: Ticketing,
    shown: Arc<Mutex<Shown>>,
    news: broadcast::Sender<Message>,
    /// A stream begins, and waits for what it shows.
    wanted: Arc<Notify>,
    /// Something was read.
    was_read: watch::Sender<()>,
}

/// What all streams are told.
#[derive(Debug, Clone)]
enum Message {
    /// These have changed.
    Units(Arc<[InventoryView]>),
    /// There are others on the shelf.
    Shelf,
}

/// What a stream is told.
#[derive(Debug)]
pub(in crate::http::live) enum TicketNews {
    /// These have changed; of others that it shows, nothing is new.
    Changed(Arc<[InventoryView]>),
    /// What is left now of all that it shows.
    All(Vec<InventoryView>),
}

/// The tickets that one stream shows, until this is dropped.
#[derive(Debug)]
pub(in crate::http::live) struct WatchedTickets {
    of: Tickets,
    news: broadcast::Receiver<Message>,
    was_read: watch::Receiver<()>,
    shows: Shows,
    /// Whether it was told of everything that it shows.
    has_begun: bool,
}

#[derive(Debug)]
enum Shows {
    /// Tickets by their names.
    Named(BTreeSet<TicketId>),
    /// What is on the shelf, of which it has shown these, since it asked with that number.
    Shelf { tickets: BTreeSet<TicketId>, asked: u64 },
}

impl Tickets {
    pub(super) fn new(engine: Ticketing) -> Self {
        Self {
            engine,
            shown: Arc::default(),
            news: broadcast::channel(BACKLOG).0,
            wanted: Arc::default(),
            was_read: watch::channel(()).0,
        }
    }

    pub(super) fn watch(
        &self,
        named: Option<BTreeSet<TicketId>>,
    ) -> Result<WatchedTickets, ApiError> {
        // Listened to before anything is read, so that nothing is missed in between.
        let (news, was_read) = (self.news.subscribe(), self.was_read.subscribe());
        let shows = match named {
            Some(named) => {
                let joined = self.shown().join(&named);
                joined.map_err(|_full| ApiError::unavailable(READ_AGAIN))?;
                Shows::Named(named)
            }
            None => Shows::Shelf { tickets: BTreeSet::new(), asked: self.shown().join_shelf() },
        };
        self.wanted.notify_one();
        Ok(WatchedTickets { of: self.clone(), news, was_read, shows, has_begun: false })
    }

    /// Tells streams what is left of tickets, as far as they show them and don't know it.
    pub(super) fn tell(&self, units: &[InventoryView]) {
        let news = self.shown().learn(units);
        self.send(news);
    }

    fn send(&self, news: Vec<InventoryView>) {
        if !news.is_empty() {
            // Nobody may be listening.
            self.news.send(Message::Units(news.into())).ok();
        }
    }

    /// Reads what streams wait for as soon as they do. Those that come while it reads are answered
    /// together by what is read next.
    pub(super) async fn read_what_is_new(self) {
        loop {
            self.wanted.notified().await;
            let read = self.read_wanted().await;
            self.was_read.send_replace(());
            if let Err(error) = read {
                tracing::debug!(error = chain(&error), "what a stream waits for was not read");
                tokio::time::sleep(READ_AGAIN).await;
                self.wanted.notify_one();
            }
        }
    }

    /// A search that fails keeps nobody waiting for tickets by their names.
    async fn read_wanted(&self) -> Result<(), Error> {
        let asked = self.shown().shelf_wanted();
        let searched = self.read_shelf(asked).await;
        let unread = self.shown().unread();
        let read = self.read(&unread).await;
        searched.and(read)
    }

    /// Reads everything once that any stream shows.
    pub(super) async fn read_again(&self) {
        if let Err(error) = self.read_all().await {
            tracing::debug!(error = chain(&error), "watched tickets were not read");
        }
    }

    async fn read_all(&self) -> Result<(), Error> {
        let asked = self.shown().shelf_shown();
        let searched = self.read_shelf(asked).await;
        self.was_read.send_replace(());
        let all = self.shown().all();
        let read = self.read(&all).await;
        searched.and(read)
    }

    /// Reads tickets page by page, and tells what was not known.
    async fn read(&self, tickets: &[TicketId]) -> Result<(), Error> {
        for some in tickets.chunks(PageLimit::MAX.get()) {
            let found = self.engine.tickets().find(some).await?;
            let units: Vec<InventoryView> = found.iter().map(|it| it.inventory).collect();
            let mut shown = self.shown();
            let news = shown.learn(&units);
            shown.miss(some);
            drop(shown);
            self.send(news);
        }
        Ok(())
    }

    /// Reads what is newest, for all who asked up to this number, if anybody did.
    async fn read_shelf(&self, asked: Option<u64>) -> Result<(), Error> {
        let Some(asked) = asked else { return Ok(()) };
        let newest = self.engine.tickets().search(&ListingQuery::default()).await?.items;
        let ids = newest.iter().map(|it| it.ticket.id).collect();
        let units: Vec<InventoryView> = newest.iter().map(|it| it.inventory).collect();
        let mut shown = self.shown();
        let is_new = shown.fill_shelf(ids, asked);
        let news = shown.learn(&units);
        drop(shown);
        self.send(news);
        if is_new {
            self.news.send(Message::Shelf).ok();
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.shown().count()
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WatchedTickets {
    /// What there is to tell next: first everything, as soon as it is read. The senders are there as
    /// long as this is.
    pub(in crate::http::live) async fn next(&mut self) -> TicketNews {
        if !self.has_begun {
            let all = self.begin().await;
            self.has_begun = true;
            return TicketNews::All(all);
        }
        match self.news.recv().await {
            Ok(Message::Units(units)) => TicketNews::Changed(units),
            Ok(Message::Shelf) | Err(RecvError::Lagged(_)) => TicketNews::All(self.all()),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    async fn begin(&mut self) -> Vec<InventoryView> {
        loop {
            self.was_read.mark_unchanged();
            if let Some(all) = self.first() {
                return all;
            }
            if self.was_read.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Everything, unless some of it is still to be read.
    fn first(&mut self) -> Option<Vec<InventoryView>> {
        let mut shown = self.of.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut self.shows {
            Shows::Named(tickets) => {
                let all = shown.units(&*tickets)?;
                // What does not exist is not watched for.
                let there: BTreeSet<TicketId> = all.iter().map(|it| it.ticket_id).collect();
                shown.leave(tickets.difference(&there));
                *tickets = there;
                Some(all)
            }
            Shows::Shelf { tickets, asked } => {
                let newest = shown.newest(*asked)?;
                let all = shown.units(newest)?;
                *tickets = newest.iter().copied().collect();
                Some(all)
            }
        }
    }

    /// What is known of everything that it shows now.
    fn all(&mut self) -> Vec<InventoryView> {
        let shown = self.of.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let tickets = match &mut self.shows {
            Shows::Named(tickets) => tickets,
            Shows::Shelf { tickets, asked } => {
                tickets.retain(|id| shown.is_on_shelf(*id));
                tickets.extend(shown.newest(*asked).unwrap_or_default());
                tickets
            }
        };
        shown.units(&*tickets).unwrap_or_default()
    }
}

impl Drop for WatchedTickets {
    fn drop(&mut self) {
        let mut shown = self.of.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.shows {
            Shows::Named(tickets) => shown.leave(tickets),
            Shows::Shelf { .. } => shown.leave_shelf(),
        }
    }
}
