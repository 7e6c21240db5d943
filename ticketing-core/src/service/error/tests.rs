//! Every stable code of the core, in one table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Error;
use crate::domain::inventory::Refusal;
use crate::domain::order::CancelReason;
use crate::domain::payment::DeclineCode;
use crate::domain::rejection::{Reason, Rejection};
use crate::ports::error::PortError;
use crate::values::{
    Currency, Cursor, InvalidText, Money, MoneyError, OrderId, PageLimit, Quantity, TextProblem,
    TicketId, TimeWindow, Timestamp,
};

/// Every code, and what it is the code of. Programs rely on them: a line may be added, but none
/// may change or go. Several owners of one code mean the same by it.
const CODES: &str = "\
already_extended: Reason::AlreadyExtended
amount_overflow: MoneyError::Overflow
amount_too_large: MoneyError::TooLarge
authentication_failed: DeclineCode::AuthenticationFailed
capacity_too_low: Reason::CapacityTooLow, Refusal::CapacityTooLow
capture_pending: Reason::CapturePending
card_declined: DeclineCode::CardDeclined
conflict: Error::Conflict
currency_mismatch: MoneyError::CurrencyMismatch
dispute_open: Reason::DisputeOpen
empty_window: EmptyWindow
expired_card: DeclineCode::ExpiredCard
idempotency_key_reused: Reason::KeyReused
incorrect_cvc: DeclineCode::IncorrectCvc
insufficient_funds: DeclineCode::InsufficientFunds
internal: Error::Bug
invalid: Reason::Invalid
invalid_cursor: InvalidCursor
invalid_id: InvalidId
invalid_method: DeclineCode::InvalidMethod
invalid_page_limit: InvalidPageLimit
invalid_quantity: InvalidQuantity
invalid_timestamp: InvalidTimestamp
listing_changed: Refusal::ListingChanged
mixed_currencies: Reason::MixedCurrencies
needs_operator: Reason::NeedsOperator
negative_amount: MoneyError::Negative
no_such_step: Reason::NoSuchStep, Refusal::NoSuchStep
no_such_ticket: Refusal::Missing
not_a_number: MoneyError::NotANumber
not_found: Error::NotFound
not_on_sale: Refusal::NotOnSale
not_owner: Reason::NotOwner
not_paid: Reason::NotPaid
not_yet_due: Reason::NotYetDue
order_cancelled: Reason::OrderCancelled
order_cancelling: Reason::OrderCancelling
order_complete: Reason::OrderComplete
order_expired: Reason::OrderExpired
order_refunded: Reason::OrderRefunded
over_buyer_limit: Refusal::OverBuyerLimit
over_order_limit: Refusal::OverOrderLimit
overloaded: Error::Overloaded
payment_running: Reason::PaymentRunning
processing_error: DeclineCode::ProcessingError
refund_too_large: Reason::RefundTooLarge
return_too_large: Reason::ReturnTooLarge
sale_not_open: Refusal::SaleNotOpen
sale_over: Refusal::SaleOver
sold_out: Reason::Claim, Refusal::SoldOut
stale_version: Error::Rejected, Reason::StaleVersion
text_empty: TextProblem::Empty
text_forbidden_character: TextProblem::ForbiddenCharacter
text_too_long: TextProblem::TooLong
ticket_reserved: Reason::TicketReserved, Refusal::Claimed
ticket_withdrawn: Reason::TicketWithdrawn
too_many_decimals: MoneyError::TooManyDecimals
unavailable: Error::Unavailable
units_not_there: Refusal::NotThere
unknown_currency: UnknownCurrency
";

/// A code, and what it is the code of.
type Owned = (&'static str, &'static str);

/// The code of each variant of an enum. A variant that is left out does not compile.
macro_rules! codes_of {
    ($code:expr, $kind:ident { $(
        $variant:ident $(($inner:expr))? $({ $($field:ident: $value:expr),+ })?
    ),+ $(,)? }) => {{
        let _all_are_here = |value: &$kind| match value {
            $($kind::$variant { .. } => (),)+
        };
        let code: fn($kind) -> &'static str = $code;
        vec![$((
            code($kind::$variant $(($inner))? $({ $($field: $value),+ })?),
            concat!(stringify!($kind), "::", stringify!($variant)),
        )),+]
    }};
}

fn of_reasons() -> Vec<Owned> {
    let ticket = TicketId::from_uuid(uuid::Uuid::nil());
    codes_of!(|reason| reason.code(), Reason {
        Invalid(Vec::new()),
        NotOwner,
        TicketWithdrawn,
        TicketReserved,
        StaleVersion,
        CapacityTooLow { claimed: 1 },
        MixedCurrencies,
        Claim { ticket: ticket, refusal: Refusal::SoldOut { left: 0 } },
        OrderCancelled(CancelReason::Buyer),
        OrderExpired,
        OrderComplete,
        OrderRefunded,
        OrderCancelling,
        PaymentRunning,
        NotYetDue { deadline: Timestamp::EPOCH },
        AlreadyExtended,
        NotPaid,
        CapturePending,
        RefundTooLarge { left: Money::usd(1) },
        ReturnTooLarge { ticket: ticket },
        DisputeOpen,
        NeedsOperator,
        KeyReused,
        NoSuchStep,
    })
}

fn of_refusals() -> Vec<Owned> {
    codes_of!(Refusal::code, Refusal {
        Missing,
        NotOnSale,
        SaleNotOpen { opens: Timestamp::EPOCH },
        SaleOver,
        SoldOut { left: 0 },
        OverOrderLimit { limit: 1 },
        OverBuyerLimit { left: 0 },
        ListingChanged,
        Claimed,
        CapacityTooLow { claimed: 1 },
        NotThere,
        NoSuchStep,
    })
}

fn of_declines() -> Vec<Owned> {
    codes_of!(
        DeclineCode::code,
        DeclineCode {
            CardDeclined,
            InsufficientFunds,
            ExpiredCard,
            IncorrectCvc,
            AuthenticationFailed,
            ProcessingError,
            InvalidMethod,
        }
    )
}

fn of_money() -> Vec<Owned> {
    codes_of!(MoneyError::code, MoneyError {
        NotANumber,
        Negative,
        TooManyDecimals { allowed: 2 },
        TooLarge,
        CurrencyMismatch,
        Overflow,
    })
}

fn of_texts() -> Vec<Owned> {
    codes_of!(|problem| InvalidText { what: "title", problem }.code(), TextProblem {
        Empty,
        TooLong { max: 1 },
        ForbiddenCharacter,
    })
}

fn of_other_values() -> Vec<Owned> {
    let window = TimeWindow::new(Some(Timestamp::EPOCH), Some(Timestamp::EPOCH));
    vec![
        (window.unwrap_err().code(), "EmptyWindow"),
        ("".parse::<Cursor>().unwrap_err().code(), "InvalidCursor"),
        ("".parse::<OrderId>().unwrap_err().code(), "InvalidId"),
        (PageLimit::new(0).unwrap_err().code(), "InvalidPageLimit"),
        (Quantity::new(0).unwrap_err().code(), "InvalidQuantity"),
        ("".parse::<Timestamp>().unwrap_err().code(), "InvalidTimestamp"),
        ("".parse::<Currency>().unwrap_err().code(), "UnknownCurrency"),
    ]
}

fn of_use_cases() -> Vec<Owned> {
    let retry_after = Error::RETRY_AFTER;
    codes_of!(|error| error.code(), Error {
        Rejected(Rejection::new("edit the ticket", "on sale", Reason::StaleVersion)),
        NotFound("ticket"),
        Conflict,
        Unavailable { retry_after: retry_after, source: PortError::unavailable("commit") },
        Overloaded { retry_after: Duration::ZERO },
        Bug { what: "it can't be", source: None },
    })
}

fn all() -> [Vec<Owned>; 7] {
    [
        of_reasons(),
        of_refusals(),
        of_declines(),
        of_money(),
        of_texts(),
        of_other_values(),
        of_use_cases(),
    ]
}

#[test]
fn codes_stay_what_they_are() {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (code, owner) in all().into_iter().flatten() {
        owners.entry(code).or_default().insert(owner);
    }
    let lines = owners.into_iter().map(|(code, owners)| {
        let owners: Vec<&str> = owners.into_iter().collect();
        format!("{code}: {}", owners.join(", "))
    });
    assert_eq!(lines.collect::<Vec<_>>(), CODES.lines().collect::<Vec<_>>());
}

#[test]
fn no_kind_says_two_things_with_one_code() {
    for kind in all() {
        let codes: BTreeSet<&str> = kind.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), kind.len(), "{kind:?}");
    }
}

#[test]
fn codes_are_words_in_snake_case() {
    for (code, owner) in all().into_iter().flatten() {
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
        assert!(code.split('_').all(is_word), "{owner}: {code}");
    }
}
