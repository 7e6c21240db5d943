//! Sells a ticket durably, in the lines that the README shows, and then looks into the file.
//!
//! Run it with `cargo run -p ticketing-examples --features sqlite --bin embed`.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

use std::error::Error;
use std::time::Duration;

use ticketing_core::domain::view::{OrderStatus, OrderView};
use ticketing_core::values::{Money, UserId};
use ticketing_core::{NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use ticketing_local::SandboxGateway;
use ticketing_sqlite::SqliteStorage;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // The lines below make `tickets.db` where they are run. Here that is a folder that goes again.
    let folder = tempfile::tempdir()?;
    std::env::set_current_dir(folder.path())?;
    let (seller, buyer) = (UserId::new("ada")?, UserId::new("ben")?);

    // README: begins
    let engine = Ticketing::builder()
        .storage(SqliteStorage::open("tickets.db").await?)
        .gateway(SandboxGateway::new())
        .hold_for(Duration::from_mins(15))
        .start()
        .await?; // bus, timers, clock, ids and runtime have good defaults
    let new = NewTicket::new("Front row", Money::usd(20_00));
    let ticket = engine.tickets().list_for_sale(seller, new).await?;
    let order = engine.orders().reserve(buyer.clone(), [(ticket.id, 1)]).await?;
    let card = PaymentMethod::card_token("tok_visa");
    let receipt = engine.payments().pay(&buyer, order.id, card).await?;
    engine.shutdown().await?;
    // README: ends

    println!("{buyer} paid {} for {}: {:?}", order.total, ticket.title, receipt.outcome());
    if receipt.outcome() != PaymentOutcome::Complete {
        return Err("the payment did not complete the order".into());
    }
    drop(engine);
    let kept = read_again(&buyer, &order).await?;
    println!("opened again, the file says that the order is {:?}", kept.status);
    if kept.status == OrderStatus::Complete { Ok(()) } else { Err("the file lost it".into()) }
}

/// The order, as another engine finds it in the file.
async fn read_again(buyer: &UserId, order: &OrderView) -> Result<OrderView, Failure> {
    let storage = SqliteStorage::open("tickets.db").await?;
    let builder = Ticketing::builder().storage(storage).gateway(SandboxGateway::new());
    let engine = builder.start().await?;
    let kept = engine.orders().get(buyer, order.id).await?;
    engine.shutdown().await?;
    Ok(kept)
}
