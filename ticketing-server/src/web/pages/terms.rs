//! The terms of a listing, as a form has them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use ticketing_core::domain::rejection::FieldError;
use ticketing_core::domain::view::TicketView;
use ticketing_core::values::{Currency, Money, Quantity, Timestamp};
use ticketing_core::{NewTicket, TicketChanges};

use crate::http::error::{ApiError, capitalized};
use crate::http::extract::Problems;
use crate::web::forms::given;

/// The fields, as they were typed.
#[derive(Debug, Clone)]
pub(in crate::web) struct Terms {
    pub(super) title: String,
    pub(super) price: String,
    pub(super) currency: String,
    pub(super) quantity: String,
    pub(super) description: String,
    pub(super) venue: String,
    pub(super) starts_at: String,
    /// The time zone that `starts_at` is in: the visitor's, where the script could tell.
    pub(super) zone: String,
    pub(super) max_per_order: String,
    pub(super) max_per_buyer: String,
    pub(super) version: String,
    pub(super) key: String,
}

/// The fields that a form sent. What it left out is not as if it had been empty: it stays as it was.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Sent {
    title: Option<String>,
    price: Option<String>,
    currency: Option<String>,
    quantity: Option<String>,
    description: Option<String>,
    venue: Option<String>,
    starts_at: Option<String>,
    zone: Option<String>,
    max_per_order: Option<String>,
    max_per_buyer: Option<String>,
    version: Option<String>,
    pub(super) key: Option<String>,
}

impl Sent {
    /// These fields, and those of `before` where they were left out.
    pub(super) fn over(self, before: Terms) -> Terms {
        Terms {
            title: self.title.unwrap_or(before.title),
            price: self.price.unwrap_or(before.price),
            currency: self.currency.unwrap_or(before.currency),
            quantity: self.quantity.unwrap_or(before.quantity),
            description: self.description.unwrap_or(before.description),
            venue: self.venue.unwrap_or(before.venue),
            starts_at: self.starts_at.unwrap_or(before.starts_at),
            zone: self.zone.unwrap_or(before.zone),
            max_per_order: self.max_per_order.unwrap_or(before.max_per_order),
            max_per_buyer: self.max_per_buyer.unwrap_or(before.max_per_buyer),
            version: self.version.unwrap_or(before.version),
            key: self.key.unwrap_or(before.key),
        }
    }
}

const UTC: &str = "UTC";
/// How a field of date and time is filled in.
const LOCAL: &str = "%Y-%m-%dT%H:%M";
/// The same for a moment that no clock on a wall shows.
const LOCAL_EXACT: &str = "%Y-%m-%dT%H:%M:%S%.f";

impl Default for Terms {
    fn default() -> Self {
        let empty = String::new;
        Self {
            title: empty(),
            price: empty(),
            currency: Currency::USD.to_string(),
            quantity: "1".to_owned(),
            description: empty(),
            venue: empty(),
            starts_at: empty(),
            zone: UTC.to_owned(),
            max_per_order: empty(),
            max_per_buyer: empty(),
            version: empty(),
            key: empty(),
        }
    }
}

impl Terms {
    /// A form with the terms of a listing.
    pub(super) fn of(ticket: &TicketView) -> Self {
        let units =
            |units: Option<Quantity>| units.map(|units| units.to_string()).unwrap_or_default();
        Self {
            title: ticket.title.to_string(),
            price: ticket.price.to_major(),
            currency: ticket.price.currency().to_string(),
            quantity: ticket.quantity.to_string(),
            description: ticket.description.as_ref().map(ToString::to_string).unwrap_or_default(),
            venue: ticket.venue.as_ref().map(ToString::to_string).unwrap_or_default(),
            starts_at: ticket.starts_at.map(local).unwrap_or_default(),
            zone: UTC.to_owned(),
            max_per_order: units(ticket.max_per_order),
            max_per_buyer: units(ticket.max_per_buyer),
            version: ticket.version.get().to_string(),
            key: String::new(),
        }
    }

    /// A new listing on these terms.
    pub(super) fn new_ticket(&self) -> Result<NewTicket, ApiError> {
        let mut problems = Problems::default();
        let new = self.read(&mut problems);
        problems.add_others(new.check());
        problems.refuse().map(|()| new)
    }

    /// What an edit to these terms changes: all that the form has.
    pub(super) fn changes(&self) -> Result<TicketChanges, ApiError> {
        let new = self.new_ticket()?;
        let mut changes = TicketChanges::default();
        changes.title = Some(new.title);
        changes.price = Some(new.price);
        changes.quantity = Some(new.quantity);
        changes.description = Some(new.description);
        changes.venue = Some(new.venue);
        changes.starts_at = Some(new.starts_at);
        changes.max_per_order = Some(new.max_per_order);
        changes.max_per_buyer = Some(new.max_per_buyer);
        Ok(changes)
    }

    fn read(&self, problems: &mut Problems) -> NewTicket {
        let currency = self.currency.trim().parse().unwrap_or_else(|_unknown| {
            problems.add("currency", "unknown_currency", "Currency must be a code such as USD");
            Currency::USD
        });
        let mut new = NewTicket::new(self.title.trim(), self.price(currency, problems));
        new.quantity = units("quantity", &self.quantity, problems).unwrap_or_else(|| {
            problems.add_others(Err(vec![FieldError::new("quantity", "required", "Say how many")]));
            1
        });
        new.description = given(&self.description).map(str::to_owned);
        new.venue = given(&self.venue).map(str::to_owned);
        new.starts_at = self.moment(problems);
        new.max_per_order = units("maxPerOrder", &self.max_per_order, problems);
        new.max_per_buyer = units("maxPerBuyer", &self.max_per_buyer, problems);
        new
    }

    fn price(&self, currency: Currency, problems: &mut Problems) -> Money {
        // Where a comma is the decimal mark, it is typed as one.
        let typed = self.price.trim();
        let typed =
            if typed.contains('.') { typed.to_owned() } else { typed.replacen(',', ".", 1) };
        Money::parse_major(&typed, currency).unwrap_or_else(|why| {
            problems.add("price", why.code(), capitalized(&why.to_string()));
            Money::zero(currency)
        })
    }

    fn moment(&self, problems: &mut Problems) -> Option<Timestamp> {
        let typed = given(&self.starts_at)?;
        let at = TimeZone::get(self.zone.trim());
        let at = at.and_then(|zone| typed.parse::<DateTime>()?.to_zoned(zone));
        match at {
            Ok(at) => Some(Timestamp::from_millis(at.timestamp().as_millisecond())),
            Err(_malformed) => {
                problems.add("startsAt", "not_a_moment", "This is no date with a time");
                None
            }
        }
    }
}

fn units(field: &'static str, typed: &str, problems: &mut Problems) -> Option<u32> {
    let read = given(typed)?.parse();
    if read.is_err() {
        problems.add(field, "wrong_type", "This must be a whole number");
    }
    read.ok()
}

fn local(at: Timestamp) -> String {
    let millis = at.as_micros().div_euclid(1_000);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(TimeZone::UTC);
    let is_full_minute = at.second() == 0 && at.subsec_nanosecond() == 0;
    at.strftime(if is_full_minute { LOCAL } else { LOCAL_EXACT }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms { title: "A show".into(), price: "19.99".into(), ..Terms::default() }
    }

    #[test]
    fn what_was_typed_is_read_exactly() {
        let typed = Terms {
            quantity: "20".into(),
            starts_at: "2026-07-01T19:00".into(),
            zone: "Europe/Oslo".into(),
            max_per_order: "4".into(),
            ..terms()
        };
        let new = typed.new_ticket().unwrap();
        assert_eq!(new.price, Money::usd(19_99));
        assert_eq!((new.quantity, new.max_per_order, new.max_per_buyer), (20, Some(4), None));
        let at = new.starts_at.map(local);
        assert_eq!(at.as_deref(), Some("2026-07-01T17:00"), "two hours before, in UTC");
    }

    #[test]
    fn an_edit_cuts_nothing_off_a_moment() {
        for millis in [1_767_294_000_000, 1_767_294_005_000, 1_767_294_005_250] {
            let at = Timestamp::from_millis(millis);
            let again = Terms { starts_at: local(at), ..terms() }.new_ticket().unwrap();
            assert_eq!(again.starts_at, Some(at), "{}", local(at));
        }
        assert_eq!(local(Timestamp::from_millis(1_767_294_000_000)), "2026-01-01T19:00");
    }

    #[test]
    fn what_a_form_leaves_out_stays_as_it_was() {
        let before = Terms { quantity: "20".into(), currency: "EUR".into(), ..terms() };
        let sent = Sent { price: Some("5".into()), venue: Some(String::new()), ..Sent::default() };
        let after = sent.over(Terms { venue: "Hall".into(), ..before });
        let new = after.new_ticket().unwrap();
        assert_eq!((new.quantity, new.price.currency().to_string()), (20, "EUR".to_owned()));
        assert_eq!((new.title.as_str(), new.venue), ("A show", None));
    }

    #[test]
    fn a_comma_is_a_decimal_mark_where_there_is_no_other() {
        let typed = |price: &str| Terms { price: price.into(), ..terms() }.new_ticket();
        assert_eq!(typed("19,99").unwrap().price, Money::usd(19_99));
        assert!(typed("1,234.50").is_err(), "it is not guessed what this means");
    }

    #[test]
    fn what_can_not_be_read_is_told_beside_its_field() {
        for (typed, field) in [
            (Terms { price: "dear".into(), ..terms() }, "price"),
            (Terms { price: "1.999".into(), ..terms() }, "price"),
            (Terms { title: " ".into(), ..terms() }, "title"),
            (Terms { quantity: "many".into(), ..terms() }, "quantity"),
            (Terms { quantity: " ".into(), ..terms() }, "quantity"),
            (
                Terms { starts_at: "2026-07-01T19:00".into(), zone: "Nowhere".into(), ..terms() },
                "startsAt",
            ),
            (Terms { currency: "shells".into(), ..terms() }, "currency"),
            (Terms { starts_at: "soon".into(), ..terms() }, "startsAt"),
            (Terms { max_per_order: "-1".into(), ..terms() }, "maxPerOrder"),
        ] {
            let refused = typed.new_ticket().unwrap_err();
            let named = refused.entries().iter().map(|entry| entry.field);
            assert_eq!(named.collect::<Vec<_>>(), [Some(field)], "{typed:?}");
        }
    }
}
