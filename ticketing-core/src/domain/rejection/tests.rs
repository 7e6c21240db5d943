//! Codes that programs rely on, and sentences that people read.

use std::collections::BTreeSet;

use crate::domain::inventory::Refusal;
use crate::domain::order::CancelReason;
use crate::domain::order::fixtures::{DEADLINE, FRONT_ROW};
use crate::domain::rejection::{FieldError, Reason, Rejection};
use crate::values::Money;

/// Every reason with its code, which never changes, and its sentence.
fn all() -> Vec<(Reason, &'static str, &'static str)> {
    let field = |name, message: &str| FieldError::new(name, "wrong", message);
    let fields = vec![field("title", "Title is required"), field("price", "Too low")];
    let ticket = FRONT_ROW;
    vec![
        (Reason::Invalid(fields), "invalid", "title: Title is required; price: Too low"),
        (Reason::NotOwner, "not_owner", "only the owner may do this"),
        (Reason::TicketWithdrawn, "ticket_withdrawn", "the ticket was withdrawn"),
        (Reason::TicketReserved, "ticket_reserved", "units of the ticket are held or sold"),
        (Reason::StaleVersion, "stale_version", "the ticket has changed since it was read"),
        (
            Reason::CapacityTooLow { claimed: 5 },
            "capacity_too_low",
            "5 units are held or sold, the capacity can't be less",
        ),
        (
            Reason::MixedCurrencies,
            "mixed_currencies",
            "the tickets are priced in different currencies",
        ),
        (
            Reason::Claim { ticket, refusal: Refusal::SoldOut { left: 0 } },
            "sold_out",
            "ticket 00000000-0000-0000-0000-000000000071: it is reserved or sold out",
        ),
        (
            Reason::OrderCancelled(CancelReason::Seller),
            "order_cancelled",
            "the order was cancelled (seller)",
        ),
        (Reason::OrderExpired, "order_expired", "the reservation has expired"),
        (Reason::OrderComplete, "order_complete", "the order is already paid"),
        (Reason::OrderRefunded, "order_refunded", "the order was refunded"),
        (Reason::OrderCancelling, "order_cancelling", "the order is being cancelled"),
        (Reason::PaymentRunning, "payment_running", "a payment is running for this order"),
        (
            Reason::NotYetDue { deadline: DEADLINE },
            "not_yet_due",
            "the deadline is 2026-01-02T03:19:05.678Z",
        ),
        (Reason::AlreadyExtended, "already_extended", "the hold can't be extended any further"),
        (Reason::NotPaid, "not_paid", "the order is not paid for"),
        (Reason::CapturePending, "capture_pending", "the payment is still being captured"),
        (
            Reason::RefundTooLarge { left: Money::usd(5_00) },
            "refund_too_large",
            "only 5.00 USD can still be refunded",
        ),
        (
            Reason::ReturnTooLarge { ticket },
            "return_too_large",
            "the order has not so many units of ticket \
             00000000-0000-0000-0000-000000000071 left",
        ),
        (Reason::DisputeOpen, "dispute_open", "the payment is disputed"),
        (Reason::NeedsOperator, "needs_operator", "the payment waits for an operator"),
        (
            Reason::KeyReused,
            "idempotency_key_reused",
            "the idempotency key was used for another command",
        ),
        (Reason::NoSuchStep, "no_such_step", "there is no such step"),
    ]
}

#[test]
fn codes_and_sentences_stay_what_they_are() {
    for (reason, code, sentence) in all() {
        assert_eq!(reason.code(), code);
        assert_eq!(reason.to_string(), sentence);
    }
    let codes: BTreeSet<_> = all().into_iter().map(|(_, code, _)| code).collect();
    assert_eq!(codes.len(), all().len(), "each reason has a code of its own");
}

#[test]
fn a_rejection_names_command_and_state() {
    for (reason, code, sentence) in all() {
        let rejection = Rejection::new("pay for the order", "cancelled", reason);
        assert_eq!(rejection.code(), code);
        assert_eq!(
            rejection.to_string(),
            format!("cannot pay for the order (cancelled): {sentence}")
        );
    }
}
