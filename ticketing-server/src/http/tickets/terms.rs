//! The terms of a listing, as a seller sends them.

use serde::Deserialize;
use ticketing_core::values::{Currency, MajorUnits, Money, Timestamp, Version};
use ticketing_core::{NewTicket, TicketChanges};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::Problems;
use crate::http::given::{Given, UNITS};

/// The terms of a listing. When one is edited, what is left out stays as it is, and `null` takes
/// an optional term away; title and price are always sent.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TicketTerms)]
pub(super) struct TermsBody {
    #[serde(default)]
    #[schema(value_type = String, required, min_length = 1, max_length = 200)]
    title: Given<String>,
    /// Major units, as a number or a text, with no more decimals than the currency has.
    #[serde(default)]
    #[schema(schema_with = price_schema, required)]
    price: Given<MajorUnits>,
    /// Three letters; `USD` unless named.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "USD")]
    currency: Given<String>,
    /// How many units there are; 1 unless named.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4_294_967_295_u32)]
    quantity: Given<u32>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Given<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    venue: Given<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Given<Timestamp>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4_294_967_295_u32)]
    max_per_order: Given<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4_294_967_295_u32)]
    max_per_buyer: Given<u32>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_starts_at: Given<Timestamp>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_ends_at: Given<Timestamp>,
    /// When editing: the version that the seller saw. Another one now refuses the edit.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    version: Given<Version>,
}

const TITLE: &str = "Title is required";
const PRICE: &str = "Price must be greater than 0";
const A_TIME: &str = "a time such as 2026-01-02T03:04:05Z";
const A_VERSION: &str = "a whole number from 0 on";
const A_TEXT: &str = "a text";

/// A number or the same number as a text.
fn price_schema() -> utoipa::openapi::schema::Schema {
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
    let number = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Number))
        .minimum(Some(0.01))
        .maximum(Some(1_000_000_000.0))
        .multiple_of(Some(0.01));
    let text = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .pattern(Some("^[1-9][0-9]{0,8}([.][0-9]{1,2})?$"));
    OneOfBuilder::new().item(number).item(text).build().into()
}

impl TermsBody {
    /// The terms of a new listing.
    pub(super) fn into_new(self) -> Result<NewTicket, ApiError> {
        let mut problems = Problems::default();
        let currency = self.named_currency(&mut problems).unwrap_or(Currency::USD);
        let new = whole(self.named_terms(currency, &mut problems), currency);
        problems.add_others(new.check());
        problems.refuse().map(|()| new)
    }

    /// What an edit changes, and the version that the seller saw. A price without a currency is in
    /// that of the listing.
    pub(super) fn into_changes(
        self,
        listed_in: Option<Currency>,
    ) -> Result<(TicketChanges, Option<Version>), ApiError> {
        let mut problems = Problems::default();
        let named = self.named_currency(&mut problems);
        let currency = named.or(listed_in).unwrap_or(Currency::USD);
        let seen = self.version.clone().optional("version", A_VERSION, &mut problems);
        let changes = self.named_terms(currency, &mut problems);
        problems.add_others(whole(changes.clone(), currency).check());
        problems.refuse().map(|()| (changes, seen))
    }

    fn named_currency(&self, problems: &mut Problems) -> Option<Currency> {
        let code = self.currency.clone().optional("currency", A_TEXT, problems)?;
        let currency = code.parse();
        if currency.is_err() {
            problems.add("currency", "unknown_currency", "currency must be a code such as USD");
        }
        currency.ok()
    }

    fn named_terms(self, currency: Currency, problems: &mut Problems) -> TicketChanges {
        let mut named = TicketChanges::default();
        named.title = self.title.required_text("title", TITLE, problems);
        named.price = self.price.required("price", PRICE, problems).and_then(|price| {
            let exact = price.in_currency(currency);
            exact.map_err(|error| problems.add("price", error.code(), PRICE)).ok()
        });
        named.quantity = self.quantity.optional("quantity", UNITS, problems);
        named.description = self.description.change("description", A_TEXT, problems);
        named.venue = self.venue.change("venue", A_TEXT, problems);
        named.starts_at = self.starts_at.change("startsAt", A_TIME, problems);
        named.max_per_order = self.max_per_order.change("maxPerOrder", UNITS, problems);
        named.max_per_buyer = self.max_per_buyer.change("maxPerBuyer", UNITS, problems);
        named.sale_starts_at = self.sale_starts_at.change("saleStartsAt", A_TIME, problems);
        named.sale_ends_at = self.sale_ends_at.change("saleEndsAt", A_TIME, problems);
        named
    }
}

/// A listing of the named terms alone.
fn whole(named: TicketChanges, currency: Currency) -> NewTicket {
    let price = named.price.unwrap_or(Money::zero(currency));
    let mut new = NewTicket::new(named.title.unwrap_or_default(), price);
    new.quantity = named.quantity.unwrap_or(new.quantity);
    new.description = named.description.flatten();
    new.venue = named.venue.flatten();
    new.starts_at = named.starts_at.flatten();
    new.max_per_order = named.max_per_order.flatten();
    new.max_per_buyer = named.max_per_buyer.flatten();
    new.sale_starts_at = named.sale_starts_at.flatten();
    new.sale_ends_at = named.sale_ends_at.flatten();
    new
}
