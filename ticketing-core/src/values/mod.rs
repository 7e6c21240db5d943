//! The words everything else is written in: identifiers, money, time, quantities and checked text.
//!
//! This layer is synchronous, total and without I/O. Every value checks itself when it is made, so
//! a `Money` or a `Title` that exists is valid, and no layer above has to ask again. Reading one
//! from JSON goes through the same checks as building it by hand. Nothing here reads a clock, draws
//! a random number or keeps state.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ids`] | one type per kind of identifier, so that an order id never stands for a ticket id |
//! | [`currency`], [`money`] | exact amounts in minor units, and prices as clients write them |
//! | [`quantity`] | how many units: never zero, never absurd |
//! | [`timestamp`], [`window`] | instants in microseconds, and spans between them |
//! | [`text`] | titles, descriptions and the like: bounded, no control characters |
//! | [`foreign`] | names that a payment gateway gives to things |
//! | [`page`] | how lists are read a piece at a time |

pub mod currency;
pub mod foreign;
pub mod ids;
pub mod money;
pub mod page;
pub mod quantity;
pub mod text;
pub mod timestamp;
pub mod window;

pub use currency::{Currency, UnknownCurrency};
pub use foreign::{GatewayName, IntentRef, RefundRef, WebhookId};
pub use ids::{
    BatchId, CorrelationId, EventId, IdempotencyKey, InvalidId, OrderId, PaymentId, PoolId,
    RefundId, StoreId, TicketId, UserId, Version,
};
pub use money::{JsonAmount, MajorUnits, Money, MoneyError};
pub use page::{Cursor, InvalidCursor, InvalidPageLimit, Page, PageLimit, Paged};
pub use quantity::{InvalidQuantity, Quantity};
pub use text::{Description, InvalidText, Note, TextProblem, Title, Venue};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use window::{EmptyWindow, TimeWindow};
