//! Payments in every state, for the tests of this machine and of whatever works with payments.

use crate::domain::decision::Decision;
use crate::domain::order::fixtures::{ATTEMPT, ORDER, minutes, user};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Payment, PaymentCommand as Command, Trouble, VoidReason,
};
use crate::values::{IntentRef, Money, Timestamp};

/// When the payments here are started: when the order of the fixtures is paid for.
pub(crate) const STARTED: Timestamp = Timestamp::from_millis(1_767_323_045_678 + 60_000);
/// What the payments here take: the total of the order of the fixtures.
pub(crate) const AMOUNT: Money = Money::usd(75_50);

/// The gateway's name for the attempt here.
pub(crate) fn intent() -> IntentRef {
    IntentRef::new("pi_1").unwrap()
}

/// An attempt that was just written down.
pub(crate) fn initiated(confirmed_by: ConfirmedBy) -> Payment {
    let owner = (ORDER, user("buyer"));
    Payment::initiate(ATTEMPT, owner, AMOUNT, confirmed_by, STARTED).into_next()
}

/// An attempt with an intent.
pub(crate) fn open(confirmed_by: ConfirmedBy) -> Payment {
    let opened = Command::Opened { intent: intent(), confirming: false };
    after(initiated(confirmed_by), [opened])
}

/// A captured payment that its order took.
pub(crate) fn captured() -> Payment {
    let authorized = Command::Authorized { accepted: true };
    let captured = Command::Captured { accepted: true };
    after(open(ConfirmedBy::Server), [authorized, captured])
}

/// A payment in every state, confirmed by that side; but for the first, the intent is known.
pub(crate) fn all_states(confirmed_by: ConfirmedBy) -> Vec<Payment> {
    let declined = VoidReason::Declined(DeclineCode::CardDeclined);
    let authorized = Command::Authorized { accepted: true };
    let captured = Command::Captured { accepted: true };
    let ways = [
        vec![],
        vec![Command::Confirm],
        vec![Command::NeedsAction],
        vec![authorized.clone()],
        vec![authorized.clone(), captured],
        vec![Command::Void(declined)],
        vec![Command::Void(VoidReason::Abandoned)],
        vec![Command::Void(VoidReason::OrderOver)],
        vec![authorized, Command::CaptureFailed],
        vec![Command::Void(VoidReason::Stray)],
        vec![Command::Void(declined), Command::Gone],
        vec![Command::Gone],
        vec![Command::Park(Trouble::WrongAmount)],
    ];
    let opened = ways.map(|way| after(open(confirmed_by), way));
    [initiated(confirmed_by)].into_iter().chain(opened).collect()
}

/// What becomes of the payment by commands that it can't refuse, two minutes after it started.
pub(crate) fn after(payment: Payment, commands: impl IntoIterator<Item = Command>) -> Payment {
    let now = STARTED.plus(minutes(2));
    commands.into_iter().fold(payment, |payment, command| {
        payment.decide(command, now).map(Decision::into_next).unwrap()
    })
}
