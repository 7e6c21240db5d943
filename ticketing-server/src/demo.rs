//! A believable catalogue for an empty store, so that there is something to see and to buy.

use std::time::Duration;

use ticketing_core::ports::ListingQuery;
use ticketing_core::values::{Currency, Money, PageLimit, Timestamp, UserId};
use ticketing_core::{Error, NewTicket, Ticketing};

mod catalogue;
#[cfg(test)]
mod tests;

use catalogue::{CATALOGUE, Show};

const DAY: Duration = Duration::from_hours(24);

/// A catalogue that was not listed, or not all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// The engine did not list it.
    #[error("the catalogue can't be listed")]
    Engine(#[from] Error),
    /// A show is none.
    #[error("the catalogue's {title} can't be a listing")]
    Show {
        /// Which.
        title: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Lists the catalogue, unless anything is listed already. Answers how many listings it made.
///
/// # Errors
/// The engine is unavailable.
pub async fn fill(engine: &Ticketing) -> Result<usize, FillError> {
    if has_listings(engine).await? {
        return Ok(0);
    }
    let now = engine.now();
    for show in CATALOGUE {
        let seller = UserId::new(show.seller).map_err(|error| wrong(show, error))?;
        engine.tickets().list_for_sale(seller, terms(show, now)?).await?;
    }
    Ok(CATALOGUE.len())
}

async fn has_listings(engine: &Ticketing) -> Result<bool, Error> {
    let mut query = ListingQuery { all: true, ..ListingQuery::default() };
    query.page.limit = PageLimit::new(1).unwrap_or_default();
    Ok(!engine.tickets().search(&query).await?.items.is_empty())
}

fn wrong(show: &Show, error: impl std::error::Error + Send + Sync + 'static) -> FillError {
    FillError::Show { title: show.title, source: Box::new(error) }
}

/// A show as a listing, with its dates counted from now.
fn terms(show: &Show, now: Timestamp) -> Result<NewTicket, FillError> {
    let currency: Currency = show.currency.parse().map_err(|error| wrong(show, error))?;
    let price = Money::new(show.price, currency).map_err(|error| wrong(show, error))?;
    let starts_at = now.plus(DAY.saturating_mul(show.in_days));
    let mut new = NewTicket::new(show.title, price)
        .quantity(show.units)
        .venue(show.venue)
        .description(show.about)
        .starts_at(starts_at);
    new.max_per_order = show.per_order;
    new.max_per_buyer = show.per_buyer;
    new.sale_starts_at = show.opens_in_days.map(|days| now.plus(DAY.saturating_mul(days)));
    new.sale_ends_at = Some(starts_at);
    Ok(new)
}
