//! Sells out a small event to a crowd that wants more than there is.
//!
//! Some buyers pay, some need a second card, some are declined and cancel, some reserve and never
//! come back. What is cancelled or expires goes back on sale and is sold to those who wait. At the
//! end the buyers' orders, the listing's units and the gateway's money are compared; the program
//! fails when they differ.
//!
//! Everything is in memory. Run it with
//! `cargo run -p ticketing-examples`.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use ticketing_core::domain::view::{InventoryView, OrderStatus, OrderView};
use ticketing_core::domain::{CancelReason, DomainEvent};
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::ports::{EventStream, OrderDirection};
use ticketing_core::values::{Money, OrderId, Page, TicketId, UserId};
use ticketing_core::{NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

type Failure = Box<dyn Error + Send + Sync>;

const BUYERS: u32 = 200;
const CAPACITY: u32 = 50;
const PRICE: Money = Money::usd(20_00);
/// Short, so that the units of those who never come back are sold while you watch.
const HOLD: Duration = Duration::from_secs(1);
/// Nothing here takes as long; a run that does hangs.
const PATIENCE: Duration = Duration::from_mins(1);
const GOOD_CARD: &str = "tok_visa";
const BAD_CARD: &str = "tok_chargeDeclined";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match timeout(PATIENCE, sell_out()).await {
        Ok(ended) => ended,
        Err(_elapsed) => Err(format!("not sold out after {PATIENCE:?}").into()),
    }
}

async fn sell_out() -> Result<(), Failure> {
    let gateway = MemoryGateway::new();
    let engine = Ticketing::builder()
        .storage(MemoryStorage::new())
        .gateway(gateway.clone())
        .hold_for(HOLD)
        .start()
        .await?;
    let (tell, mut most_claimed) = watch::channel(0);
    let listener = tokio::spawn(listen(engine.events().await?, tell));

    let new = NewTicket::new("Front row", PRICE).quantity(CAPACITY);
    let seller = UserId::new("seller")?;
    let ticket = engine.tickets().list_for_sale(seller, new).await?.id;
    println!("{BUYERS} buyers want {CAPACITY} units at {PRICE}. A hold lasts {HOLD:?}.\n");
    let visits = open_the_doors(&engine, ticket, &most_claimed).await?;

    let orders = orders_of(&engine, &visits).await?;
    let books = Books {
        units: engine.tickets().get(ticket).await?.inventory,
        captured: await_captures(&gateway, total_of(&orders)?).await?,
        most_claimed: *most_claimed.wait_for(|most| *most >= CAPACITY).await?,
        orders,
    };
    engine.shutdown().await?;
    listener.abort();
    print_story(&visits, &books);
    check(&books)
}

/// Follows the events, and tells the buyers who wait whenever units have moved. Keeps the most
/// units that were ever held or sold at once.
async fn listen(mut events: Box<dyn EventStream>, most_claimed: watch::Sender<u32>) {
    while let Some(delivery) = events.next().await {
        if let DomainEvent::InventoryChanged(units) = delivery.event.data {
            most_claimed.send_modify(|most| *most = (*most).max(units.held + units.sold));
        }
    }
}

/// Lets all buyers in at once, and waits until the last one has left.
async fn open_the_doors(
    engine: &Ticketing,
    ticket: TicketId,
    units_moved: &watch::Receiver<u32>,
) -> Result<Vec<Visit>, Failure> {
    let mut crowd = JoinSet::new();
    for number in 1..=BUYERS {
        let buyer = Buyer {
            engine: engine.clone(),
            units_moved: units_moved.clone(),
            name: UserId::new(format!("buyer-{number}"))?,
            wants: (ticket, if number % 3 == 0 { 2 } else { 1 }),
            cards: match number % 5 {
                0 => &[],
                1 => &[BAD_CARD],
                2 => &[BAD_CARD, GOOD_CARD],
                _ => &[GOOD_CARD],
            },
        };
        crowd.spawn(buyer.visit());
    }
    crowd.join_all().await.into_iter().collect()
}

struct Buyer {
    engine: Ticketing,
    units_moved: watch::Receiver<u32>,
    name: UserId,
    wants: (TicketId, u32),
    /// Tried one after the other. Whoever has none never comes back to pay; whoever has only
    /// bad ones cancels.
    cards: &'static [&'static str],
}

/// What happened to a buyer.
struct Visit {
    buyer: UserId,
    waited: bool,
    declined: usize,
    paid: bool,
}

impl Buyer {
    async fn visit(mut self) -> Result<Visit, Failure> {
        let mut visit = Visit { buyer: self.name.clone(), waited: false, declined: 0, paid: false };
        while let Some(order) = self.reserve(&mut visit).await? {
            if self.check_out(order, &mut visit).await? {
                break;
            }
        }
        Ok(visit)
    }

    /// Reserves, waiting for units as long as some may come back. Nothing once all are sold.
    async fn reserve(&mut self, visit: &mut Visit) -> Result<Option<OrderId>, Failure> {
        loop {
            let orders = self.engine.orders();
            match orders.reserve(self.name.clone(), [self.wants]).await {
                Ok(order) => return Ok(Some(order.id)),
                Err(error) if error.code() == "sold_out" => visit.waited = true,
                Err(error) => return Err(error.into()),
            }
            let units = self.engine.tickets().get(self.wants.0).await?.inventory;
            if units.sold == units.capacity {
                return Ok(None);
            }
            // Events are a hint: after a while the buyer looks again, whether or not one came.
            timeout(Duration::from_millis(250), self.units_moved.changed()).await.ok();
        }
    }

    /// Pays, or gives up. Answers whether the visit is over.
    async fn check_out(&self, order: OrderId, visit: &mut Visit) -> Result<bool, Failure> {
        use PaymentOutcome::{Complete, Declined, Ended, Pending, RequiresAction};
        for card in self.cards {
            match self.pay(order, card).await? {
                None => return Ok(false),
                Some(Complete) => {
                    visit.paid = true;
                    return Ok(true);
                }
                Some(Declined(_)) => visit.declined += 1,
                Some(other @ (RequiresAction | Pending | Ended)) => {
                    return Err(format!("this gateway has no reason for {other:?}").into());
                }
            }
        }
        if !self.cards.is_empty() {
            self.engine.orders().cancel(&self.name, order).await?;
        }
        Ok(true)
    }

    /// What came of a card. Nothing if the hold had run out: then the buyer starts again.
    async fn pay(&self, order: OrderId, card: &str) -> Result<Option<PaymentOutcome>, Failure> {
        let card = PaymentMethod::card_token(card);
        match self.engine.payments().pay(&self.name, order, card).await {
            Ok(receipt) => Ok(Some(receipt.outcome())),
            Err(error) if error.code() == "order_expired" => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is compared at the end.
struct Books {
    orders: Vec<OrderView>,
    units: InventoryView,
    captured: Money,
    most_claimed: u32,
}

async fn orders_of(engine: &Ticketing, visits: &[Visit]) -> Result<Vec<OrderView>, Failure> {
    let mut orders = Vec::new();
    for visit in visits {
        // A buyer here has a handful of orders, and a page holds a hundred.
        let (direction, page) = (OrderDirection::OldestFirst, Page::default());
        let list = engine.orders().list(&visit.buyer, direction, page).await?;
        orders.extend(list.items);
    }
    Ok(orders)
}

fn completed(orders: &[OrderView]) -> impl Iterator<Item = &OrderView> {
    orders.iter().filter(|order| order.status == OrderStatus::Complete)
}

fn total_of(orders: &[OrderView]) -> Result<Money, Failure> {
    let nothing = Money::zero(PRICE.currency());
    Ok(completed(orders).try_fold(nothing, |sum, order| sum.checked_add(order.total))?)
}

/// What the gateway has captured, once that is `expected`: an order is complete before its money
/// is captured, and nobody waits for it. Something else only if it stays so.
async fn await_captures(gateway: &MemoryGateway, expected: Money) -> Result<Money, Failure> {
    let mut captured = captured_at(gateway)?;
    for _ in 0..500 {
        if captured == expected {
            break;
        }
        sleep(Duration::from_millis(20)).await;
        captured = captured_at(gateway)?;
    }
    Ok(captured)
}

fn captured_at(gateway: &MemoryGateway) -> Result<Money, Failure> {
    let nothing = Money::zero(PRICE.currency());
    let intents = gateway.ledger().intents;
    Ok(intents.iter().try_fold(nothing, |sum, intent| sum.checked_add(intent.captured))?)
}

fn print_story(visits: &[Visit], books: &Books) {
    let ended = |why| {
        let orders = books.orders.iter();
        orders.filter(|order| order.cancel_reason == Some(why)).count()
    };
    let buyers = |kind: fn(&&Visit) -> bool| visits.iter().filter(kind).count();
    let row = |what: &str, value: &dyn Display| println!("  {what:<44}{value:>12}");
    println!("buyers");
    row("paid", &buyers(|visit| visit.paid));
    row("  of them after \"sold out\"", &buyers(|visit| visit.paid && visit.waited));
    row("cards declined", &visits.iter().map(|visit| visit.declined).sum::<usize>());
    println!("orders");
    row("complete", &completed(&books.orders).count());
    row("cancelled by the buyer", &ended(CancelReason::Buyer));
    row("expired", &ended(CancelReason::Expired));
    println!("units");
    row("sold", &books.units.sold);
    row("held", &books.units.held);
    row("most ever held or sold at once", &books.most_claimed);
    println!("money");
    row("captured at the gateway", &books.captured);
}

/// Compares the books.
fn check(books: &Books) -> Result<(), Failure> {
    let lines = completed(&books.orders).flat_map(|order| order.lines.iter());
    let bought: u32 = lines.map(|line| line.quantity.get()).sum();
    let over = [OrderStatus::Complete, OrderStatus::Cancelled];
    let checks = [
        ("every unit is sold, none is held", (books.units.sold, books.units.held) == (CAPACITY, 0)),
        ("complete orders have what is sold", bought == books.units.sold),
        ("never more were held or sold than there are", books.most_claimed == CAPACITY),
        (
            "every order is complete or cancelled",
            books.orders.iter().all(|order| over.contains(&order.status)),
        ),
        ("captured is what complete orders cost", books.captured == total_of(&books.orders)?),
    ];
    println!("checks");
    for (what, holds) in checks {
        println!("  {what:<44}{:>12}", if holds { "ok" } else { "WRONG" });
    }
    match checks.iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(format!("does not hold: {what}").into()),
        None => Ok(()),
    }
}
