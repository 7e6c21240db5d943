//! Two organisers in one process, with an engine and a file each, who know nothing of each other.
//! A file that is in use is refused to whoever comes second.
//!
//! Run it with `cargo run -p ticketing-examples --features sqlite --bin several_engines`.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

use std::error::Error;
use std::path::Path;

use ticketing_core::ports::ListingQuery;
use ticketing_core::values::{Money, OrderId, UserId};
use ticketing_core::{NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use ticketing_local::SandboxGateway;
use ticketing_sqlite::{OpenError, SqliteStorage};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (opera, club) = (folder.path().join("opera.db"), folder.path().join("club.db"));
    let at_the_opera = organiser(&opera).await?;
    let at_the_club = organiser(&club).await?;
    let buyer = UserId::new("ben")?;

    let aria = sell(&at_the_opera, "Balcony", Money::eur(85_00), &buyer).await?;
    let night = sell(&at_the_club, "Floor", Money::usd(12_50), &buyer).await?;
    check(
        "each has its own listing only",
        titles(&at_the_opera).await? == ["Balcony"] && titles(&at_the_club).await? == ["Floor"],
    )?;
    check("neither knows the other's order", {
        let (elsewhere, orders) = (at_the_opera.orders(), at_the_club.orders());
        code(elsewhere.get(&buyer, night).await) == "not_found"
            && code(orders.get(&buyer, aria).await) == "not_found"
    })?;
    check("a file in use is refused", in_use(&opera).await && in_use(&club).await)?;

    at_the_opera.shutdown().await?;
    drop(at_the_opera);
    check("one goes on when the other has ended", at_the_club.health().await.is_ok())?;
    let taken_over = organiser(&opera).await?;
    check("what was closed can be opened", taken_over.orders().get(&buyer, aria).await.is_ok())?;
    taken_over.shutdown().await?;
    Ok(at_the_club.shutdown().await?)
}

/// An engine over that file, with a gateway of its own.
async fn organiser(file: &Path) -> Result<Ticketing, Failure> {
    let storage = SqliteStorage::open(file).await?;
    let builder = Ticketing::builder().storage(storage).gateway(SandboxGateway::new());
    Ok(builder.start().await?)
}

/// Lists a ticket and sells it.
async fn sell(
    engine: &Ticketing,
    title: &str,
    price: Money,
    buyer: &UserId,
) -> Result<OrderId, Failure> {
    let new = NewTicket::new(title, price).quantity(100);
    let ticket = engine.tickets().list_for_sale(UserId::new("organiser")?, new).await?;
    let order = engine.orders().reserve(buyer.clone(), [(ticket.id, 2)]).await?;
    let card = PaymentMethod::card_token("tok_visa");
    let receipt = engine.payments().pay(buyer, order.id, card).await?;
    println!("{title}: {buyer} pays {}", order.total);
    check("the order is paid", receipt.outcome() == PaymentOutcome::Complete)?;
    Ok(order.id)
}

async fn titles(engine: &Ticketing) -> Result<Vec<String>, Failure> {
    let listings = engine.tickets().search(&ListingQuery::default()).await?;
    Ok(listings.items.iter().map(|listing| listing.ticket.title.to_string()).collect())
}

async fn in_use(file: &Path) -> bool {
    matches!(SqliteStorage::open(file).await, Err(OpenError::InUse(_)))
}

fn code<T>(answer: Result<T, ticketing_core::Error>) -> &'static str {
    answer.map_or_else(|error| error.code(), |_| "ok")
}

fn check(what: &str, holds: bool) -> Result<(), Failure> {
    println!("  {what:<44}{:>12}", if holds { "ok" } else { "WRONG" });
    if holds { Ok(()) } else { Err(format!("does not hold: {what}").into()) }
}
