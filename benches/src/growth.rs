//! What the same questions cost as more and more is stored: listings of which most can't be bought
//! any more, and the orders of many buyers; and what ending and forgetting them costs.

mod overdue;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{ListingQuery, OrderDirection, Storage};
use ticketing_core::values::{Money, Page, PageLimit, Quantity, TicketId, UserId};
use ticketing_core::{Duties, NewTicket, Ticketing};
use ticketing_sqlite::SqliteStorage;
use tokio::task::JoinSet;

/// How many callers fill the storage at the same time.
const FILLERS: u32 = 512;
/// How often each question is asked; the median counts.
const ASKED: u32 = 200;

/// What is asked of a storage that grows.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Growth {
    /// How many listings and how many orders there are, one size after the other.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    sizes: Vec<u32>,
    /// Where files are kept while they are measured, instead of the system's temporary folder.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Fills a file to each size, asks, and prints a column for each.
pub(crate) async fn run(growth: &Growth) -> Result<()> {
    let mut rows: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for size in &growth.sizes {
        let folder = match &growth.dir {
            Some(dir) => tempfile::tempdir_in(dir)?,
            None => tempfile::tempdir()?,
        };
        let file = folder.path().join("growth.db");
        let stall = Stall::filled(*size, &file).await?;
        let (asked, listing) = (stall.ask().await?, stall.listing);
        stall.close().await?;
        for (question, taken) in asked.into_iter().chain(overdue::ask(&file, listing).await?) {
            rows.entry(question).or_default().push(taken);
        }
    }
    println!(
        "microseconds, in the middle of many tries, by how many listings and orders there are\n"
    );
    print_row("", &growth.sizes);
    for (question, taken) in rows {
        print_row(question, &taken.iter().map(Duration::as_micros).collect::<Vec<_>>());
    }
    Ok(())
}

fn print_row(head: &str, cells: &[impl fmt::Display]) {
    print!("{head:<42}");
    for cell in cells {
        print!("{cell:>12}");
    }
    println!();
}

struct Stall {
    engine: Ticketing,
    storage: Arc<SqliteStorage>,
    hot: TicketId,
    /// One of those that are sold out, by one order.
    listing: TicketId,
}

impl Stall {
    /// A storage with so many listings, of which nine in ten are sold out, and so many orders.
    async fn filled(size: u32, file: &Path) -> Result<Self> {
        let storage = SqliteStorage::open(file).await?;
        let engine = Ticketing::builder()
            .storage(storage.clone())
            .gateway(MemoryGateway::new())
            .duties(Duties::NONE)
            .settings(|settings| settings.outbox_max = usize::MAX)
            .start()
            .await?;
        let new = NewTicket::new("Hot ticket", Money::usd(20_00)).quantity(Quantity::MAX.get());
        let hot = engine.tickets().list_for_sale(UserId::new("seller")?, new).await?.id;
        let listing = fill(&engine, hot, 1).await?;
        let mut fillers = JoinSet::new();
        for filler in 0..FILLERS {
            let engine = engine.clone();
            fillers.spawn(async move {
                for number in (filler..size).step_by(usize::try_from(FILLERS)?) {
                    fill(&engine, hot, number).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(filled) = fillers.join_next().await {
            filled??;
        }
        Ok(Self { engine, storage: Arc::new(storage), hot, listing })
    }

    /// Lets the file go, so that it can be opened again.
    async fn close(self) -> Result<()> {
        self.engine.shutdown().await?;
        self.storage.close().await;
        Ok(())
    }

    async fn ask(&self) -> Result<Vec<(&'static str, Duration)>> {
        let page = Page { limit: PageLimit::new(20)?, after: None };
        let search = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            ListingQuery { words, page, ..ListingQuery::default() }
        };
        let storage = &self.storage;
        let (all, common, rare) = (search(&[]), search(&["evening"]), search(&["number77"]));
        let buyer = UserId::new("buyer-7")?;
        let newest = OrderDirection::NewestFirst;
        let reserve = async || {
            let lines = [(self.hot, 1)];
            Ok(self.engine.orders().reserve(buyer.clone(), lines).await?)
        };
        let own = async || Ok(storage.orders_of(&buyer, newest, page).await?);
        let due = async || Ok(storage.due_orders(256).await?);
        let find = async |query: &ListingQuery| Ok(storage.search(query).await?);
        Ok(vec![
            ("browse what can be bought", median(ASKED, async || find(&all).await).await?),
            ("search a word that all have", median(ASKED, async || find(&common).await).await?),
            ("search a word that few have", median(ASKED, async || find(&rare).await).await?),
            ("own orders, newest first", median(ASKED, own).await?),
            ("look for overdue orders", median(ASKED, due).await?),
            ("reserve, alone", median(ASKED, reserve).await?),
        ])
    }
}

/// One listing of one unit, and one order: of that unit in nine of ten cases.
async fn fill(engine: &Ticketing, hot: TicketId, number: u32) -> Result<TicketId> {
    let title = format!("Evening number{number} in the great hall");
    let new = NewTicket::new(title, Money::usd(20_00)).venue("Town hall");
    let seller = UserId::new(format!("seller-{}", number % 1_000))?;
    let listed = engine.tickets().list_for_sale(seller, new).await?.id;
    let wanted = if number.is_multiple_of(10) { hot } else { listed };
    let buyer = UserId::new(format!("buyer-{}", number % 10_000))?;
    engine.orders().reserve(buyer, [(wanted, 1)]).await.context("there are so many units")?;
    Ok(listed)
}

/// How long it takes, in the middle of so many tries.
async fn median<T>(tries: u32, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<Duration> {
    let mut taken = Vec::new();
    for _ in 0..tries {
        let asked = Instant::now();
        ask().await?;
        taken.push(asked.elapsed());
    }
    taken.sort_unstable();
    taken.get(taken.len() / 2).copied().context("it was asked")
}
