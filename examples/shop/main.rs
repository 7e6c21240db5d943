//! Sells to a crowd from the files of a folder, until it is killed: `shop FOLDER`.
//!
//! What a buyer is told is on disk, in a file of its own, before the buyer does anything more. So
//! whoever killed the shop knows what may not be lost. Started again, the shop lets in first who
//! was inside: these buyers repeat what they do not know the answer of, under the same keys.

#[path = "acknowledgements.rs"]
mod acknowledgements;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ticketing_core::values::{IdempotencyKey, Money, OrderId, TicketId, UserId};
use ticketing_core::{Caller, NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use ticketing_local::SandboxGateway;
use ticketing_sqlite::SqliteStorage;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::acknowledgements::Known;

type Failure = Box<dyn Error + Send + Sync>;

/// Short, so that many orders expire.
const HOLD: Duration = Duration::from_secs(1);
/// How many buyers are inside at once.
const INSIDE: usize = 8;
/// Who is not killed by then was forgotten, and ends.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);
/// Units that last.
const STALLS: (&str, u32) = ("Stalls", 1_000_000);
/// Units that are sold out soon.
const GALLERY: (&str, u32) = ("Gallery", 40);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: shop FOLDER")?);
    let known = acknowledgements::read(&folder)?;
    let storage = SqliteStorage::open(folder.join("tickets.db")).await?;
    let gateway = SandboxGateway::builder().late_by(Duration::from_millis(100));
    let gateway = gateway.open(folder.join("sandbox.ledger")).await?;
    let builder = Ticketing::builder().storage(storage).gateway(gateway.clone());
    let engine = builder.hold_for(HOLD).pay_grace(HOLD).start().await?;
    let _webhooks = gateway.deliver_to(engine.payments())?;

    let (stalls, gallery) = (listed(&engine, STALLS).await?, listed(&engine, GALLERY).await?);
    let shop = Shop { stalls, gallery, log: Log::open(&folder)?, engine };
    match timeout(FORGOTTEN_AFTER, shop.sell(known)).await {
        Ok(failed) => failed,
        Err(_forgotten) => Ok(()),
    }
}

/// A listing: made by the first start, found by the others under the same key.
async fn listed(engine: &Ticketing, (title, units): (&str, u32)) -> Result<TicketId, Failure> {
    let new = NewTicket::new(title, Money::usd(20_00)).quantity(units);
    let engine = engine.caller(under(format!("list-{title}"))?);
    Ok(engine.tickets().list_for_sale(UserId::new("seller")?, new).await?.id)
}

fn under(key: String) -> Result<Caller, Failure> {
    Ok(Caller::default().with_key(IdempotencyKey::new(key)?))
}

#[derive(Clone)]
struct Shop {
    engine: Ticketing,
    stalls: TicketId,
    gallery: TicketId,
    log: Log,
}

impl Shop {
    /// Lets buyers in, one for each that leaves. Ends only with a failure.
    async fn sell(self, known: BTreeMap<u32, Known>) -> Result<(), Failure> {
        let next = known.last_key_value().map_or(0, |(number, _)| number.saturating_add(1));
        let unfinished = known.into_iter().filter(|(_, known)| !known.over);
        let mut queue = unfinished.chain((next..).map(|number| (number, Known::default())));
        let mut inside = JoinSet::new();
        loop {
            while inside.len() < INSIDE
                && let Some((number, known)) = queue.next()
            {
                inside.spawn(self.clone().visit(number, known));
            }
            if let Some(left) = inside.join_next().await {
                left??;
            }
        }
    }

    async fn visit(self, number: u32, known: Known) -> Result<(), Failure> {
        let buyer = acknowledgements::buyer(number)?;
        let order = match known.order {
            Some(order) => Some(order),
            None => self.reserve(number, &buyer).await?,
        };
        let told = match order {
            Some(order) => self.check_out(number, &buyer, order).await?,
            None => Told::Left,
        };
        self.log.tell(number, told).await
    }

    async fn reserve(&self, number: u32, buyer: &UserId) -> Result<Option<OrderId>, Failure> {
        self.log.tell(number, Told::Asks).await?;
        let orders = self.engine.caller(under(format!("order-{number}"))?).orders();
        let ticket = if number.is_multiple_of(3) { self.gallery } else { self.stalls };
        let wanted = [(ticket, 1 + number % 2)];
        let Some(order) = answered(orders.reserve(buyer.clone(), wanted).await)? else {
            return Ok(None);
        };
        self.log.tell(number, Told::Reserved(order.id)).await?;
        Ok(Some(order.id))
    }

    /// Pays, cancels, or leaves the order to expire.
    async fn check_out(
        &self,
        number: u32,
        buyer: &UserId,
        order: OrderId,
    ) -> Result<Told, Failure> {
        let cards: &[&str] = match number % 10 {
            0 => &[],
            1 => {
                let cancelled = answered(self.engine.orders().cancel(buyer, order).await)?;
                return Ok(cancelled.map_or(Told::Left, |_| Told::Cancelled(order)));
            }
            2 => &["tok_chargeDeclined"],
            3 => &["tok_chargeDeclined", "tok_visa"],
            4 => &["tok_answersUnknown"],
            5 => &["tok_answersLate"],
            6 => &["tok_automatic"],
            7 => &["tok_threeDSecure"],
            _ => &["tok_visa"],
        };
        for card in cards {
            let payments = self.engine.caller(under(format!("{card}-{number}"))?).payments();
            let receipt = payments.pay(buyer, order, PaymentMethod::card_token(*card)).await;
            match answered(receipt)?.map(|receipt| receipt.outcome()) {
                Some(PaymentOutcome::Complete) => return Ok(Told::Paid(order)),
                Some(PaymentOutcome::Declined(_)) => {}
                Some(_) | None => break,
            }
        }
        Ok(Told::Left)
    }
}

/// The answer; nothing if the engine said no. A bug is a failure.
fn answered<T>(answer: Result<T, ticketing_core::Error>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(bug @ ticketing_core::Error::Bug { .. }) => Err(bug.into()),
        Err(_no) => Ok(None),
    }
}

/// Something that a buyer did or was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The buyer is about to ask for an order.
    Asks,
    /// The order is there.
    Reserved(OrderId),
    /// The order is paid.
    Paid(OrderId),
    /// The order is cancelled.
    Cancelled(OrderId),
    /// The buyer has gone without anything more.
    Left,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asks => f.write_str("asks"),
            Self::Reserved(order) => write!(f, "reserved {order}"),
            Self::Paid(order) => write!(f, "paid {order}"),
            Self::Cancelled(order) => write!(f, "cancelled {order}"),
            Self::Left => f.write_str("left"),
        }
    }
}

/// What buyers were told.
#[derive(Clone)]
struct Log {
    file: Arc<Mutex<File>>,
}

impl Log {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let path = acknowledgements::file_in(folder);
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Arc::new(Mutex::new(file)) })
    }

    /// On disk when it answers.
    async fn tell(&self, number: u32, told: Told) -> Result<(), Failure> {
        let file = Arc::clone(&self.file);
        let written = spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(format!("{number} {told}\n").as_bytes())?;
            file.sync_data()
        });
        Ok(written.await??)
    }
}
