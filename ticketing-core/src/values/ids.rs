//! Identifiers: one type each, so that the compiler tells an order from a ticket.
//!
//! Identifiers that the engine makes are UUIDs and are written hyphenated. Identifiers that come
//! from outside, such as the embedder's user ids, are opaque text that is bounded and checked, and
//! never interpreted.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{Rule, checked_text};

/// A text that is not an identifier of the wanted kind.
///
/// Web handlers answer this like an unknown id: clients of other systems send ids of other shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a {what}")]
pub struct InvalidId {
    what: &'static str,
}

impl InvalidId {
    /// The kind of identifier that was wanted, in words: `order id`.
    pub fn what(self) -> &'static str {
        self.what
    }

    /// The stable word for this problem.
    pub fn code(self) -> &'static str {
        "invalid_id"
    }
}

/// Makes an identifier over a UUID.
macro_rules! uuid_id {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The identifier with this UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind the identifier.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            /// Reads the hyphenated form only; a UUID has three more, and no client of ours needs
            /// them.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match text.parse::<uuid::fmt::Hyphenated>() {
                    Ok(hyphenated) => Ok(Self(hyphenated.into_uuid())),
                    Err(_) => Err(InvalidId { what: $what }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                super::text::deserialize_from_text(input, $what)
            }
        }
    };
}

uuid_id! {
    /// A listing that is, or was, for sale.
    ///
    /// ```
    /// use ticketing_core::values::TicketId;
    ///
    /// let id: TicketId = "0199d1c8-6f5a-7c3e-8d21-5b7e0c9a4f10".parse()?;
    /// assert_eq!(id.to_string(), "0199d1c8-6f5a-7c3e-8d21-5b7e0c9a4f10");
    /// assert!("65a1f0c2b7e4d90012345678".parse::<TicketId>().is_err());
    /// # Ok::<(), ticketing_core::values::InvalidId>(())
    /// ```
    TicketId,
    "ticket id"
}
uuid_id! {
    /// An order: what one buyer reserved at once.
    OrderId,
    "order id"
}
uuid_id! {
    /// One attempt to pay for an order.
    PaymentId,
    "payment id"
}
uuid_id! {
    /// Money going back to a buyer.
    RefundId,
    "refund id"
}
uuid_id! {
    /// Something that happened; what consumers tell repeated deliveries by.
    EventId,
    "event id"
}
uuid_id! {
    /// One commit, sent again under the same id when its answer was lost.
    ///
    /// It is the id of the commit's first event, so it needs no table of its own.
    BatchId,
    "batch id"
}
uuid_id! {
    /// One database, named at its first migration.
    ///
    /// It travels in a payment's metadata, so that two installations which share a gateway account
    /// leave each other's payments alone.
    StoreId,
    "store id"
}
uuid_id! {
    /// One request from outside, carried through everything that it causes.
    CorrelationId,
    "correlation id"
}

/// The pool of units behind a listing.
///
/// A pool shares the id of its ticket: they are two rows with two versions, and each has the
/// other's id without looking it up.
pub type PoolId = TicketId;

impl From<EventId> for BatchId {
    fn from(first_event: EventId) -> Self {
        Self(first_event.0)
    }
}

checked_text! {
    /// Someone who buys or sells, named as the embedding program names them.
    ///
    /// 1 to 64 bytes without control characters; the engine compares and stores it, and never looks
    /// inside. It is not trimmed: two ids that differ in a space are two users.
    ///
    /// ```
    /// use ticketing_core::values::UserId;
    ///
    /// let buyer = UserId::new("user-7")?;
    /// assert_eq!(buyer.as_str(), "user-7");
    /// assert!(UserId::new("").is_err());
    /// # Ok::<(), ticketing_core::values::InvalidText>(())
    /// ```
    UserId,
    Rule::identifier("user id", 64),
    as_it_is
}

checked_text! {
    /// A caller's own name for one command, so that sending it again does nothing twice.
    ///
    /// 1 to 255 visible ASCII characters.
    IdempotencyKey,
    Rule { allows: |c| c.is_ascii_graphic(), ..Rule::identifier("idempotency key", 255) },
    as_it_is
}

/// Identifiers from outside are not tidied: what was sent is what is kept, compared and sent back.
fn as_it_is(text: &str) -> &str {
    text
}

/// How often an aggregate has changed: 0 when it is new, one more with every event.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// The version of something new.
    pub const FIRST: Self = Self(0);

    /// The version with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The version after this one.
    ///
    /// It stays at the largest number there is, which nobody reaches by counting.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{InvalidText, TextProblem};
    use proptest::prelude::*;

    const HYPHENATED: &str = "0199d1c8-6f5a-7c3e-8d21-5b7e0c9a4f10";

    #[test]
    fn ids_are_written_hyphenated() {
        let id: OrderId = HYPHENATED.parse().unwrap();
        assert_eq!(id.to_string(), HYPHENATED);
        assert_eq!(format!("{id:?}"), format!("OrderId({HYPHENATED})"));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{HYPHENATED}\""));
        assert_eq!(serde_json::from_str::<OrderId>(&format!("\"{HYPHENATED}\"")).unwrap(), id);
    }

    #[test]
    fn ids_of_a_foreign_shape_are_refused() {
        let simple = HYPHENATED.replace('-', "");
        let urn = format!("urn:uuid:{HYPHENATED}");
        let braced = format!("{{{HYPHENATED}}}");
        for text in ["", "7", "65a1f0c2b7e4d90012345678", " ", &simple, &urn, &braced] {
            let refused = text.parse::<PaymentId>().unwrap_err();
            assert_eq!(refused.to_string(), "not a payment id", "{text:?}");
            assert_eq!((refused.what(), refused.code()), ("payment id", "invalid_id"));
            assert!(serde_json::from_value::<PaymentId>(text.into()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_batch_has_the_id_of_its_first_event() {
        let event = EventId::from_uuid(Uuid::from_u128(7));
        assert_eq!(BatchId::from(event).as_uuid(), event.as_uuid());
    }

    #[test]
    fn names_from_outside_are_kept_as_they_are() {
        assert_eq!(UserId::new(" Zoë ").unwrap().as_str(), " Zoë ");
        assert_eq!(UserId::try_from("a".repeat(64)).unwrap().as_str().len(), 64);
        assert_eq!(format!("{:?}", UserId::new("u").unwrap()), "UserId(\"u\")");
    }

    #[test]
    fn names_from_outside_are_bounded_in_bytes() {
        let problem = |refused: InvalidText| refused.problem;
        assert_eq!(UserId::new("").map_err(problem), Err(TextProblem::Empty));
        let long = "ë".repeat(33);
        assert_eq!(UserId::new(long).map_err(problem), Err(TextProblem::TooLong { max: 64 }));
        for text in ["a\0b", "a\nb", "\u{7f}", "\u{85}"] {
            assert_eq!(UserId::new(text).map_err(problem), Err(TextProblem::ForbiddenCharacter));
        }
    }

    #[test]
    fn idempotency_keys_are_visible_ascii() {
        assert!(IdempotencyKey::new("!~").is_ok());
        assert!(IdempotencyKey::new("k".repeat(255)).is_ok());
        for text in ["", " ", "a b", "ä", "\u{7f}", &"k".repeat(256)] {
            assert!(IdempotencyKey::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn versions_count_from_zero_and_stop_at_the_end() {
        assert_eq!(Version::FIRST.next().next().get(), 2);
        assert_eq!(Version::new(u64::MAX).next(), Version::new(u64::MAX));
        assert_eq!(serde_json::to_string(&Version::FIRST.next()).unwrap(), "1");
    }

    proptest! {
        #[test]
        fn every_id_reads_back(number: u128) {
            let id = TicketId::from_uuid(Uuid::from_u128(number));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn reading_ids_never_panics(text: String) {
            let id = text.parse::<TicketId>().ok();
            prop_assert!(id.is_none_or(|id| id.to_string() == text.to_lowercase()));
        }
    }
}
