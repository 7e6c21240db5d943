//! Shows live availability by listening, while a small crowd buys.
//!
//! The bus of this example repeats events, mixes them up and loses some. A board that keeps the
//! highest version it saw of each pool shows what is true all the same, except for what was lost:
//! so it reads again now and then, as whoever shows hints must.
//!
//! Run it with `cargo run -p ticketing-examples --bin listen_to_events`.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ticketing_core::domain::view::InventoryView;
use ticketing_core::domain::{AggregateRef, DomainEvent, Event};
use ticketing_core::memory::{MemoryBus, MemoryGateway, MemoryStorage, Mischief};
use ticketing_core::ports::EventStream;
use ticketing_core::values::{Money, TicketId, UserId, Version};
use ticketing_core::{NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use tokio::task::JoinSet;
use tokio::time::timeout;

type Failure = Box<dyn Error + Send + Sync>;

/// Nothing here takes as long; a run that does hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the board waits for an event before it reads what it shows.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(200);
const TITLES: [&str; 2] = ["Stalls", "Gallery"];
const CAPACITY: u32 = 12;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let bus = MemoryBus::new();
    bus.set_mischief(Some(Mischief {
        seed: 7,
        repeat_per_1000: 300,
        reorder_per_1000: 300,
        lose_per_1000: 50,
    }));
    let builder = Ticketing::builder().storage(MemoryStorage::new()).gateway(MemoryGateway::new());
    let engine = builder.bus(Arc::new(bus)).start().await?;
    let mut tickets = Vec::new();
    for title in TITLES {
        let new = NewTicket::new(title, Money::usd(20_00)).quantity(CAPACITY);
        tickets.push(engine.tickets().list_for_sale(UserId::new("seller")?, new).await?.id);
    }

    println!("{}", TITLES.map(|title| format!("{title:<26}")).join("   |"));
    let events = engine.events().await?;
    let watching = tokio::spawn(watch(engine.clone(), events, tickets.clone()));
    buy_everything(&engine, &tickets).await?;
    let board = timeout(PATIENCE, watching).await???;
    engine.shutdown().await?;
    board.check()
}

/// What is shown, and how much of what came was worth showing.
#[derive(Debug, Default)]
struct Board {
    newest: BTreeMap<AggregateRef, Version>,
    shown: BTreeMap<TicketId, InventoryView>,
    stale: usize,
    read_again: usize,
}

/// Keeps a board until everything is sold.
async fn watch(
    engine: Ticketing,
    mut events: Box<dyn EventStream>,
    tickets: Vec<TicketId>,
) -> Result<Board, Failure> {
    let mut board = Board::default();
    while !board.is_sold_out(&tickets) {
        match timeout(READ_AGAIN_AFTER, events.next()).await {
            Ok(Some(delivery)) => board.hear(&delivery.event),
            Ok(None) => return Err("the bus ended first".into()),
            Err(_silence) => board.read_again(&engine, &tickets).await?,
        }
    }
    Ok(board)
}

impl Board {
    /// Shows what an event tells, if it is newer than what was heard of the same thing.
    fn hear(&mut self, event: &Event) {
        if !self.is_news(event.key().aggregate, event.key().version) {
            self.stale += 1;
            return;
        }
        if let DomainEvent::InventoryChanged(units) = &event.data {
            self.show(*units);
        }
    }

    /// Looks at what is stored, as some events may have been lost.
    async fn read_again(
        &mut self,
        engine: &Ticketing,
        tickets: &[TicketId],
    ) -> Result<(), Failure> {
        self.read_again += 1;
        for ticket in tickets {
            let units = engine.tickets().get(*ticket).await?.inventory;
            if self.is_news(AggregateRef::pool(units.ticket_id), units.version) {
                self.show(units);
            }
        }
        Ok(())
    }

    fn is_news(&mut self, aggregate: AggregateRef, version: Version) -> bool {
        let is_news = self.newest.get(&aggregate).is_none_or(|seen| *seen < version);
        if is_news {
            self.newest.insert(aggregate, version);
        }
        is_news
    }

    fn show(&mut self, units: InventoryView) {
        self.shown.insert(units.ticket_id, units);
        let rows = self.shown.values().map(|units| {
            let InventoryView { available, held, sold, .. } = units;
            format!("{available:>3} left {held:>3} held {sold:>3} sold")
        });
        println!("{}", rows.collect::<Vec<_>>().join("   |"));
    }

    fn is_sold_out(&self, tickets: &[TicketId]) -> bool {
        let sold = |ticket| self.shown.get(ticket).is_some_and(|units| units.sold == CAPACITY);
        tickets.iter().all(sold)
    }

    fn check(&self) -> Result<(), Failure> {
        let Self { stale, read_again, .. } = self;
        println!("\n{stale} events were late or repeated, {read_again} times the board read again");
        if *stale == 0 {
            return Err("a bus that repeats events repeated none".into());
        }
        Ok(())
    }
}

/// As many buyers as there are units, all at once.
async fn buy_everything(engine: &Ticketing, tickets: &[TicketId]) -> Result<(), Failure> {
    let mut crowd = JoinSet::new();
    for number in 0..CAPACITY {
        for ticket in tickets {
            let buyer = UserId::new(format!("buyer-{number}"))?;
            crowd.spawn(buy(engine.clone(), *ticket, buyer));
        }
    }
    crowd.join_all().await.into_iter().collect()
}

async fn buy(engine: Ticketing, ticket: TicketId, buyer: UserId) -> Result<(), Failure> {
    let order = engine.orders().reserve(buyer.clone(), [(ticket, 1)]).await?;
    let card = PaymentMethod::card_token("tok_visa");
    let receipt = engine.payments().pay(&buyer, order.id, card).await?;
    if receipt.outcome() == PaymentOutcome::Complete { Ok(()) } else { Err("not paid".into()) }
}
