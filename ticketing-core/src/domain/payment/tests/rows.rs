//! The rows of the tables in the documentation of the machine, as commands to a payment.

use crate::domain::payment::fixtures::{AMOUNT, intent};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Dispute, Payment, PaymentCommand as Command, Trouble, VoidReason,
};
use crate::values::{IntentRef, Money};

/// A row: a command, and the payment that it is put to.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) payment: Payment,
    pub(super) command: Command,
}

/// All rows for a payment; some put a command to it in more than one way.
pub(super) fn rows(payment: &Payment) -> Vec<Row> {
    let row = |(name, command)| Row { name, payment: payment.clone(), command };
    let mut rows: Vec<Row> = as_it_is(payment).into_iter().map(row).collect();
    rows.extend(opening_rows(payment));
    rows.extend(decline_rows(payment));
    rows.extend(refund_rows(payment));
    rows.extend(dispute_rows(payment));
    rows.push(Row {
        name: "mark late again",
        payment: Payment { late_money: true, ..payment.clone() },
        command: Command::MarkLate,
    });
    rows
}

/// Commands to the payment as it is.
fn as_it_is(payment: &Payment) -> Vec<(&'static str, Command)> {
    let authorized = |accepted| Command::Authorized { accepted };
    let captured = |accepted| Command::Captured { accepted };
    let same_trouble = Command::Park(Trouble::WrongAmount);
    let resume = match payment.intent {
        Some(_) => "resume, intent known",
        None => "resume, intent not known",
    };
    vec![
        ("needs action", Command::NeedsAction),
        ("authorized, accepted", authorized(true)),
        ("authorized, not accepted", authorized(false)),
        ("captured, accepted or not", captured(true)),
        ("captured, accepted or not", captured(false)),
        ("gone", Command::Gone),
        ("capture failed", Command::CaptureFailed),
        ("confirm", Command::Confirm),
        ("void", Command::Void(VoidReason::Abandoned)),
        ("mark late", Command::MarkLate),
        ("park", Command::Park(Trouble::Misconfigured)),
        ("park again, for the same reason", same_trouble),
        (resume, Command::Resume),
    ]
}

fn opening_rows(payment: &Payment) -> Vec<Row> {
    let known = payment.intent.is_some();
    let doubted = Payment { search_only: true, ..payment.clone() };
    let opened = |intent, confirming| Command::Opened { intent, confirming };
    let other = IntentRef::new("pi_2").unwrap();
    let cases = if known {
        vec![
            ("opened again", payment, opened(intent(), false)),
            ("opened again, confirming", payment, opened(intent(), true)),
            ("another intent opened", payment, opened(other.clone(), true)),
            ("another intent opened", payment, opened(other, false)),
            ("opening in doubt again, or intent known", payment, Command::OpenInDoubt),
        ]
    } else {
        vec![
            ("opened", payment, opened(intent(), false)),
            ("opened", &doubted, opened(other, false)),
            ("opened, confirming", payment, opened(intent(), true)),
            ("opening in doubt", payment, Command::OpenInDoubt),
            ("opening in doubt again, or intent known", &doubted, Command::OpenInDoubt),
        ]
    };
    let row = |(name, payment, command): (_, &Payment, _)| Row {
        name,
        payment: payment.clone(),
        command,
    };
    cases.into_iter().map(row).collect()
}

fn decline_rows(payment: &Payment) -> Vec<Row> {
    let row = |name, last_decline| Row {
        name,
        payment: Payment { last_decline, ..payment.clone() },
        command: Command::Declined(DeclineCode::CardDeclined),
    };
    let (same, other) = (DeclineCode::CardDeclined, DeclineCode::ExpiredCard);
    let lost = |name| Row { name, payment: payment.clone(), command: Command::ConfirmationLost };
    match payment.confirmed_by {
        ConfirmedBy::Server => vec![
            lost("confirmation lost, server confirms"),
            row("declined, server confirms", None),
            row("declined, server confirms", Some(same)),
        ],
        ConfirmedBy::Client => vec![
            lost("confirmation lost, client confirms"),
            row("declined, client confirms", None),
            row("declined, client confirms", Some(other)),
            row("declined again, client confirms", Some(same)),
        ],
    }
}

fn refund_rows(payment: &Payment) -> Vec<Row> {
    let refunding = Money::usd(25_50);
    let row = |name, dispute, command| Row {
        name,
        payment: Payment { refunding, dispute, ..payment.clone() },
        command,
    };
    let by_us = Command::Refund;
    let by_hand = Command::RefundedAtGateway;
    let (left, more) = (Money::usd(50_00), Money::usd(50_01));
    let (part, euros) = (Money::usd(1), Money::eur(1));
    let too_much = "refund more than is left";
    let disputed = "refund, dispute open or lost";
    let beyond = "refunded at gateway, beyond our books";
    vec![
        row("refund", Dispute::None, by_us(part)),
        row("refund", Dispute::Won, by_us(left)),
        row("refund nothing", Dispute::None, by_us(Money::usd(0))),
        row(too_much, Dispute::None, by_us(more)),
        row(too_much, Dispute::Won, by_us(AMOUNT)),
        row(too_much, Dispute::None, by_us(euros)),
        row(disputed, Dispute::Opened, by_us(part)),
        row(disputed, Dispute::Lost, by_us(more)),
        row("refunded at gateway", Dispute::None, by_hand(part)),
        row("refunded at gateway", Dispute::Lost, by_hand(left)),
        row(beyond, Dispute::None, by_hand(more)),
        row(beyond, Dispute::None, by_hand(euros)),
        row(beyond, Dispute::None, by_hand(Money::usd(0))),
    ]
}

fn dispute_rows(payment: &Payment) -> Vec<Row> {
    use Dispute::{Lost, None, Opened, Won};
    let all = [None, Opened, Won, Lost];
    let pairs = all.into_iter().flat_map(|now| all.map(|said| (now, said)));
    let row = |(dispute, said): (Dispute, Dispute)| Row {
        name: match (dispute, said) {
            (None, Opened | Won | Lost)
            | (Opened, None | Won | Lost)
            | (Won, Lost)
            | (Lost, Won) => "disputed",
            (None | Won | Lost, None)
            | (Opened | Won | Lost, Opened)
            | (Won, Won)
            | (Lost, Lost) => "disputed again, or after the decision",
        },
        payment: Payment { dispute, ..payment.clone() },
        command: Command::Dispute(said),
    };
    pairs.map(row).collect()
}
