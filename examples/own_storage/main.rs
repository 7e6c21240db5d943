//! A storage of its own: maps behind a lock. It is written from the documentation of the port, and
//! `tests/own_storage/` runs the storage suite over it.
//!
//! It keeps nothing beyond its process, as it is here for its shape: a snapshot, `resolve`, the
//! writes. A storage over a database does the same within a transaction.
//!
//! Run it with `cargo run -p ticketing-examples --bin own_storage`.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

mod commit;
mod lists;
mod storage;
mod tables;
mod work;

use std::error::Error;
use std::sync::Arc;

use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::SystemClock;
use ticketing_core::values::{Money, UserId};
use ticketing_core::{NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use tokio::task::JoinSet;

use crate::storage::MapStorage;

type Failure = Box<dyn Error + Send + Sync>;

const BUYERS: u32 = 100;
const CAPACITY: u32 = 30;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let storage = MapStorage::new(Arc::new(SystemClock));
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let engine = builder.start().await?;
    let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(CAPACITY);
    let ticket = engine.tickets().list_for_sale(UserId::new("seller")?, new).await?.id;

    let mut crowd = JoinSet::new();
    for number in 0..BUYERS {
        let (engine, buyer) = (engine.clone(), UserId::new(format!("buyer-{number}"))?);
        crowd.spawn(async move {
            let order = engine.orders().reserve(buyer.clone(), [(ticket, 1)]).await?;
            let card = PaymentMethod::card_token("tok_visa");
            engine.payments().pay(&buyer, order.id, card).await
        });
    }
    let visits = crowd.join_all().await;
    let paid = visits.iter().flatten();
    let paid = paid.filter(|paid| paid.outcome() == PaymentOutcome::Complete).count();
    let refused = visits.iter().filter_map(|visit| visit.as_ref().err());
    let sold_out = refused.filter(|error| error.code() == "sold_out").count();
    let units = engine.tickets().get(ticket).await?.inventory;
    engine.shutdown().await?;

    println!("{BUYERS} buyers want {CAPACITY} units: {paid} paid, {sold_out} came too late");
    println!("the storage says: {} sold, {} held", units.sold, units.held);
    let expected = (CAPACITY, 0, usize::try_from(CAPACITY)?, usize::try_from(BUYERS - CAPACITY)?);
    if (units.sold, units.held, paid, sold_out) == expected {
        Ok(())
    } else {
        Err("the storage did not keep what it was told".into())
    }
}
