//! What the model of a purchase is made of. Its states are those of the real machines; what a
//! state leaves out is said where it is.

/// The most orders of the largest bounds.
pub(super) const ORDERS: usize = 2;
/// The most attempts to pay for one order.
pub(super) const ATTEMPTS: usize = 2;

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct State {
    pub(super) pool: Pool,
    pub(super) orders: [Order; ORDERS],
    /// A process that has decided, and has not committed yet.
    pub(super) slow: Option<Decided>,
}

/// The pool. Its units are counted without asking whether they are there, so that a property can
/// find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Pool {
    pub(super) held: i8,
    pub(super) sold: i8,
}

/// An order: its rows, its time, and its attempts at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Order {
    pub(super) rows: Rows,
    pub(super) time: Time,
    pub(super) attempts: [Attempt; ATTEMPTS],
    /// A payment was begun when it was too late.
    pub(super) begun_late: bool,
    /// Units were released while money could still come, before the patience was over.
    pub(super) released_early: bool,
}

/// What the storage has of an order: one commit changes it as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Rows {
    pub(super) order: OrderState,
    pub(super) payments: [Payment; ATTEMPTS],
}

/// Which of an order's deadlines have passed, by the storage's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Time {
    pub(super) deadline: bool,
    pub(super) release: bool,
}

/// As `domain::OrderState`. Refunds that a buyer asks for are not modelled, so that nothing is
/// refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum OrderState {
    #[default]
    NotPlaced,
    Created,
    AwaitingPayment {
        attempt: usize,
    },
    Cancelling {
        reason: CancelReason,
        attempt: usize,
    },
    Complete {
        payment: usize,
    },
    Cancelled {
        reason: CancelReason,
    },
}

/// As `domain::CancelReason`; the seller cancels as the buyer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum CancelReason {
    Buyer,
    Expired,
    Payment,
}

/// A payment's row. What is owed back has a refund of its own in reality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Payment {
    pub(super) state: PaymentState,
    pub(super) intent_known: bool,
    pub(super) owed: bool,
    pub(super) given_back: bool,
}

/// As `domain::PaymentState`. `Voided` is `declined` as well, `Confirming` is `needs action` as
/// well, and no operator is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum PaymentState {
    #[default]
    NotStarted,
    Initiated,
    Open,
    Confirming,
    Authorized,
    Captured,
    Voiding,
    Voided,
}

/// An attempt outside of the storage: at the gateway, and in the heads of processes.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own that may be so")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Attempt {
    pub(super) intent: Intent,
    /// How many intents were opened for it.
    pub(super) opened: u8,
    /// The buyer's own process has still to open it.
    pub(super) to_open: bool,
    /// That process was told that its call was never sent, and has still to write that down.
    pub(super) not_sent: bool,
    pub(super) confirmations: u8,
    /// The confirmation is written down, and has still to be sent.
    pub(super) to_confirm: bool,
    /// A word of the gateway's that is on its way, and how many there were.
    pub(super) word: Option<Word>,
    pub(super) told: u8,
    pub(super) refunds: u8,
    /// It was captured for an order that was not sold.
    pub(super) charged_early: bool,
}

/// How an intent stands at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Intent {
    #[default]
    None,
    Waiting,
    Declined,
    Authorized,
    Captured,
    /// It was voided, or the bank let go of the money.
    Gone,
}

/// As `domain::IntentStatus`, where that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Declined,
    Authorized,
    Captured,
    Gone,
}

/// What changes an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    Reserve,
    Pay,
    Cancel,
    Expire,
    Release,
}

/// What a process has decided on rows that it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Decided {
    pub(super) place: usize,
    pub(super) command: Command,
    pub(super) seen: Rows,
}

/// Where units go with a decision, as `domain::Units`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Units {
    Stay,
    Hold,
    Sell,
    Release,
    Return,
}

impl OrderState {
    /// As `Order::is_live`.
    pub(super) fn is_live(self) -> bool {
        matches!(self, Self::Created | Self::AwaitingPayment { .. } | Self::Cancelling { .. })
    }

    /// The attempt that it waits for.
    pub(super) fn waits_for(self) -> Option<usize> {
        match self {
            Self::AwaitingPayment { attempt } | Self::Cancelling { attempt, .. } => Some(attempt),
            Self::NotPlaced | Self::Created | Self::Complete { .. } | Self::Cancelled { .. } => {
                None
            }
        }
    }
}

impl PaymentState {
    /// As `Payment::is_live`.
    pub(super) fn is_live(self) -> bool {
        match self {
            Self::Initiated | Self::Open | Self::Confirming | Self::Authorized | Self::Voiding => {
                true
            }
            Self::NotStarted | Self::Captured | Self::Voided => false,
        }
    }

    /// Whether it may still take the money.
    pub(super) fn may_pay(self) -> bool {
        self.is_live() && self != Self::Voiding
    }
}

impl Intent {
    /// What the gateway says of it when it is asked; nothing while it waits for a card.
    pub(super) fn word(self) -> Option<Word> {
        match self {
            Self::None | Self::Waiting => None,
            Self::Declined => Some(Word::Declined),
            Self::Authorized => Some(Word::Authorized),
            Self::Captured => Some(Word::Captured),
            Self::Gone => Some(Word::Gone),
        }
    }
}

impl Rows {
    pub(super) fn payment(&self, attempt: usize) -> Payment {
        self.payments.get(attempt).copied().unwrap_or_default()
    }

    pub(super) fn with_order(self, order: OrderState) -> Self {
        Self { order, ..self }
    }

    /// With a payment in that state.
    pub(super) fn with_payment(mut self, attempt: usize, state: PaymentState) -> Self {
        if let Some(payment) = self.payments.get_mut(attempt) {
            payment.state = state;
        }
        self
    }

    /// The first attempt that was not started.
    pub(super) fn next_attempt(&self, most: usize) -> Option<usize> {
        let fresh = |payment: &Payment| payment.state == PaymentState::NotStarted;
        self.payments.iter().take(most).position(fresh)
    }
}
