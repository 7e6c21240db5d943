//! How the events of live streams look, for the API's description: a name, and JSON in a text.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::availability::Availability;
use super::order::{Countdown, LiveOrder};

/// The events of an order's stream.
pub(super) struct OrderEvents;

/// The events of the stream of tickets.
pub(super) struct TicketEvents;

impl PartialSchema for OrderEvents {
    fn schema() -> RefOr<Schema> {
        let order = event("order", Ref::from_schema_name(LiveOrder::name()));
        let countdown = event("countdown", Ref::from_schema_name(Countdown::name()));
        OneOfBuilder::new().item(order).item(countdown).into()
    }
}

impl ToSchema for OrderEvents {
    fn name() -> Cow<'static, str> {
        "OrderEvent".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        register::<LiveOrder>(schemas);
        register::<Countdown>(schemas);
    }
}

impl PartialSchema for TicketEvents {
    fn schema() -> RefOr<Schema> {
        event("availability", Vec::<Availability>::schema()).into()
    }
}

impl ToSchema for TicketEvents {
    fn name() -> Cow<'static, str> {
        "TicketEvent".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        register::<Availability>(schemas);
    }
}

fn register<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

fn event(name: &str, data: impl Into<RefOr<Schema>>) -> Schema {
    let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let data = text().content_media_type("application/json").content_schema(Some(data));
    ObjectBuilder::new()
        .property("event", text().enum_values(Some([name])))
        .property("data", data)
        .required("event")
        .required("data")
        .into()
}
