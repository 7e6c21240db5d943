//! Model A: orders, payments and expiration, with a gateway that is late, and a process that is.
//!
//! Orders want units of one pool. Whoever reads and decides may commit at once, or much later, when
//! everything has moved on. Calls of the gateway and their answers are steps of their own, so that
//! anything can happen between them; what the gateway said once may be heard later, or never.
//! A call or a commit that never comes is a history in which it comes last: crashes need no step.
//! Every step takes something away that can be done, so that no history goes on for ever, and a
//! state in which nothing can be done is one in which everything must be settled.
//!
//! What is what: `OrderState`, `PaymentState`, `CancelReason`, `Units` and `Word` are those of
//! `ticketing_core::domain` under the same names (`Word` is `IntentStatus`), and `decide` has
//! one function for each of the domain's, named alike. A test compares each transition of the
//! model's orders with `Order::decide`. [`PurchaseGuard`] has the guards, and where the real
//! ones are.

mod decide;
mod properties;
mod state;
mod steps;
#[cfg(test)]
mod tests;

use stateright::{Model, Property};

use crate::models::guards::guards;
use crate::models::{Checked, Size, properties};

use self::state::{Command, ORDERS, State};

guards! {
    /// The guards of a purchase.
    PurchaseGuard {
        UnitsAreThere = "units are there when they are taken", "domain/inventory.rs", "fn hold(";
        VersionsMatch = "what was decided on is still so at the commit", "ports/resolve.rs", "fn check_guards(";
        PayBeforeDeadline = "a payment starts before the deadline, by the storage's time", "ports/resolve.rs", "fn check_time(";
        ExpireAfterDeadline = "an order expires at its deadline, not before", "domain/order/transitions.rs", "fn expire(";
        AskBeforeRelease = "the gateway is asked before units go back", "domain/order/transitions.rs", "fn cancelling(";
        ReleaseAfterPatience = "units wait for the gateway until the patience is over", "domain/order/transitions.rs", "fn release_unpaid(";
        OneAttempt = "an order has one attempt at a time", "domain/order/transitions.rs", "fn start_payment(";
        EndedOnce = "an order that is cancelled releases nothing again", "domain/order/transitions.rs", "fn cancel(";
        SaleIsFinal = "a complete order is not cancelled", "domain/order/transitions.rs", "fn cancel(";
        OverIsOver = "an order that is over takes no money", "domain/order/transitions.rs", "fn money_arrived(";
        VoidDecides = "while an intent is voided, only the answer to that counts", "domain/settlement.rs", "fn authorized(";
        LateCaptureIsOwed = "captured money that no order takes is owed back", "domain/settlement.rs", "fn captured(";
        LateIntentIsVoided = "an intent that turns up after its attempt has ended is voided", "domain/payment/transitions.rs", "fn opened(";
        CaptureWhatIsSold = "only what is sold is captured", "domain/payment.rs", "fn next_step(";
        RowBeforeIntent = "an attempt is written down before its intent is opened", "service/payments.rs", "async fn start(";
        OpenedUnderOneKey = "an attempt is opened again under its key", "service/payment_driver.rs", "fn intent_of(";
        ConfirmedOnce = "a confirmation is sent once, and asked about in doubt", "service/payments.rs", "async fn confirm(";
        IntentKeepsAttempt = "an attempt that somebody else has opened is not given up", "service/payment_driver.rs", "async fn never_opened(";
        RefundedUnderOneKey = "a refund is sent again under its key", "service/refund_driver.rs", "async fn send_refund(";
        SweeperLooks = "what is overdue is looked for", "service/expiry_sweeper.rs", "impl Duty for";
        ReconcilerAsks = "the gateway is asked about what it has not told", "service/payment_reconciler.rs", "impl Duty for";
    }
}

/// The model, with its bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchase {
    units: i8,
    orders: usize,
    /// How many attempts there may be to pay for each order.
    attempts: [usize; ORDERS],
    /// How many late words there may be of each attempt.
    words: u8,
    without: Option<PurchaseGuard>,
}

/// What can happen. An attempt is its order, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Somebody reads, decides and commits.
    Commit(usize, Command),
    /// A slow process reads and decides.
    Decide(usize, Command),
    /// It commits.
    CommitLate,
    DeadlinePasses(usize),
    PatienceEnds(usize),
    /// The buyer's own process opens the intent, or whoever finds that there is none.
    Open((usize, usize)),
    OpenAgain((usize, usize)),
    /// The buyer's own process is told that its call was not sent, and writes that down later.
    NotSent((usize, usize)),
    GiveUp((usize, usize)),
    WriteOpened {
        at: (usize, usize),
        confirming: bool,
    },
    Confirm((usize, usize), Bank),
    /// The gateway sends word of how things stand, and somebody hears it.
    Tell((usize, usize)),
    Hear((usize, usize)),
    Ask((usize, usize)),
    Abandon((usize, usize)),
    Void((usize, usize)),
    Capture((usize, usize)),
    /// The bank lets go of the money.
    LetGo((usize, usize)),
    SendRefund((usize, usize)),
    NoteRefund((usize, usize)),
}

impl Step {
    /// Whether it is a client's to take, or not to take.
    fn is_free(self) -> bool {
        matches!(
            self,
            Self::Commit(_, Command::Reserve | Command::Pay | Command::Cancel)
                | Self::Decide(_, _)
                | Self::CommitLate
        )
    }
}

/// What the bank says to a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bank {
    Authorizes,
    Captures,
    Declines,
}

const COMMANDS: [Command; 5] =
    [Command::Reserve, Command::Pay, Command::Cancel, Command::Expire, Command::Release];

impl Purchase {
    fn has(&self, guard: PurchaseGuard) -> bool {
        self.without != Some(guard)
    }

    fn attempts_of(&self, place: usize) -> usize {
        self.attempts.get(place).copied().unwrap_or(0)
    }
}

impl Checked for Purchase {
    type Guard = PurchaseGuard;
    const NAME: &'static str = "order, payment and expiration";

    fn of(size: Size, without: Option<PurchaseGuard>) -> Self {
        match size {
            Size::Small => Self { units: 1, orders: ORDERS, attempts: [2, 0], words: 1, without },
            Size::Large => Self { units: 2, orders: ORDERS, attempts: [1, 1], words: 1, without },
        }
    }

    fn bounds(&self) -> String {
        let Self { units, orders, attempts, words, .. } = self;
        let attempts = attempts.map(|number| number.to_string()).join(", ");
        format!(
            "{units} units, {orders} orders with {attempts} attempts, {words} late words of each"
        )
    }
}

impl Model for Purchase {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        steps.push(Step::CommitLate);
        for place in 0..self.orders {
            for command in COMMANDS {
                steps.extend([Step::Commit(place, command), Step::Decide(place, command)]);
            }
            steps.extend([Step::DeadlinePasses(place), Step::PatienceEnds(place)]);
            for attempt in 0..self.attempts_of(place) {
                steps.extend(of_attempt((place, attempt)));
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = *last;
        self.step(&mut next, step)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties(&properties::ALWAYS, &properties::SOMETIMES)
    }
}

fn of_attempt(at: (usize, usize)) -> [Step; 18] {
    [
        Step::Open(at),
        Step::OpenAgain(at),
        Step::NotSent(at),
        Step::GiveUp(at),
        Step::WriteOpened { at, confirming: true },
        Step::WriteOpened { at, confirming: false },
        Step::Confirm(at, Bank::Authorizes),
        Step::Confirm(at, Bank::Captures),
        Step::Confirm(at, Bank::Declines),
        Step::Tell(at),
        Step::Hear(at),
        Step::Ask(at),
        Step::Abandon(at),
        Step::Void(at),
        Step::Capture(at),
        Step::LetGo(at),
        Step::SendRefund(at),
        Step::NoteRefund(at),
    ]
}
