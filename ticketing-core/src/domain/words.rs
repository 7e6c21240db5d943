//! The words under which states are stored, for whoever keeps them in the columns of a table.
//!
//! They are as fixed as the names of events: rows that were written stay.

use crate::domain::event::AggregateKind;
use crate::domain::inventory::PoolState;
use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Dispute, PaymentState, Trouble, VoidReason,
};
use crate::domain::refund::RefundState;
use crate::domain::ticket::TicketState;
use crate::values::{PaymentId, Timestamp};

/// Gives a type a word for each of its values, both ways.
macro_rules! words {
    ($($type:ident { $($value:pat => $word:literal = $made:expr),+ $(,)? })+) => {
        $(
            impl $type {
                /// The word under which it is stored.
                pub fn word(self) -> &'static str {
                    match self {
                        $($value => $word,)+
                    }
                }

                /// The one that is stored under this word.
                pub fn from_word(word: &str) -> Option<Self> {
                    match word {
                        $($word => Some($made),)+
                        _ => None,
                    }
                }
            }
        )+
    };
}

words! {
    TicketState {
        Self::OnSale => "on_sale" = Self::OnSale,
        Self::Withdrawn => "withdrawn" = Self::Withdrawn,
    }
    PoolState {
        Self::OnSale => "on_sale" = Self::OnSale,
        Self::Withdrawn { clearing: true } => "clearing" = Self::Withdrawn { clearing: true },
        Self::Withdrawn { clearing: false } => "withdrawn" = Self::Withdrawn { clearing: false },
    }
    CancelReason {
        Self::Buyer => "buyer" = Self::Buyer,
        Self::Expired => "expired" = Self::Expired,
        Self::Seller => "seller" = Self::Seller,
        Self::Payment => "payment" = Self::Payment,
    }
    ConfirmedBy {
        Self::Server => "server" = Self::Server,
        Self::Client => "client" = Self::Client,
    }
    Dispute {
        Self::None => "none" = Self::None,
        Self::Opened => "opened" = Self::Opened,
        Self::Won => "won" = Self::Won,
        Self::Lost => "lost" = Self::Lost,
    }
    Trouble {
        Self::WrongAmount => "wrong_amount" = Self::WrongAmount,
        Self::Misconfigured => "misconfigured" = Self::Misconfigured,
    }
    RefundState {
        Self::Requested => "requested" = Self::Requested,
        Self::Pending => "pending" = Self::Pending,
        Self::Succeeded => "succeeded" = Self::Succeeded,
        Self::Failed => "failed" = Self::Failed,
    }
}

impl AggregateKind {
    /// The kind that is stored under this word, see [`word`](Self::word).
    pub fn from_word(word: &str) -> Option<Self> {
        let kinds = [Self::Ticket, Self::Pool, Self::Order, Self::Payment, Self::Refund];
        kinds.into_iter().find(|kind| kind.word() == word)
    }
}

impl DeclineCode {
    /// Every code.
    const ALL: [Self; 7] = [
        Self::CardDeclined,
        Self::InsufficientFunds,
        Self::ExpiredCard,
        Self::IncorrectCvc,
        Self::AuthenticationFailed,
        Self::ProcessingError,
        Self::InvalidMethod,
    ];

    /// The decline with this [code](Self::code).
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// The state of an order, taken apart: a word, and what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderStateParts<W = &'static str> {
    /// The state's word.
    pub word: W,
    /// Why it was cancelled.
    pub reason: Option<CancelReason>,
    /// The attempt that it waits for, or was paid with.
    pub attempt: Option<PaymentId>,
    /// When its units are released without the gateway's answer.
    pub release_at: Option<Timestamp>,
}

impl OrderState {
    /// The state, taken apart to be stored.
    pub fn parts(self) -> OrderStateParts {
        let (word, reason, attempt, release_at) = match self {
            Self::Created => ("created", None, None, None),
            Self::AwaitingPayment { attempt } => ("awaiting_payment", None, Some(attempt), None),
            Self::Cancelling { reason, attempt, release_at } => {
                ("cancelling", Some(reason), Some(attempt), Some(release_at))
            }
            Self::Complete { payment } => ("complete", None, Some(payment), None),
            Self::Cancelled { reason } => ("cancelled", Some(reason), None, None),
            Self::Refunded { payment } => ("refunded", None, Some(payment), None),
        };
        OrderStateParts { word, reason, attempt, release_at }
    }

    /// The state that was taken apart like this; nothing if none was.
    pub fn from_parts(parts: OrderStateParts<&str>) -> Option<Self> {
        let OrderStateParts { word, reason, attempt, release_at } = parts;
        match (word, reason, attempt, release_at) {
            ("created", None, None, None) => Some(Self::Created),
            ("awaiting_payment", None, Some(attempt), None) => {
                Some(Self::AwaitingPayment { attempt })
            }
            ("cancelling", Some(reason), Some(attempt), Some(release_at)) => {
                Some(Self::Cancelling { reason, attempt, release_at })
            }
            ("complete", None, Some(payment), None) => Some(Self::Complete { payment }),
            ("cancelled", Some(reason), None, None) => Some(Self::Cancelled { reason }),
            ("refunded", None, Some(payment), None) => Some(Self::Refunded { payment }),
            _ => None,
        }
    }
}

impl PaymentState {
    /// The state's word, and one for what belongs to it: a decline, a reason to void, a trouble.
    pub fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Initiated => ("initiated", None),
            Self::Open => ("open", None),
            Self::Confirming => ("confirming", None),
            Self::NeedsAction => ("needs_action", None),
            Self::Authorized => ("authorized", None),
            Self::Captured => ("captured", None),
            Self::Voiding { because: VoidReason::Declined(code) } => {
                ("voiding_declined", Some(code.code()))
            }
            Self::Voiding { because: VoidReason::Abandoned } => ("voiding", Some("abandoned")),
            Self::Voiding { because: VoidReason::OrderOver } => ("voiding", Some("order_over")),
            Self::Voiding { because: VoidReason::CaptureFailed } => {
                ("voiding", Some("capture_failed"))
            }
            Self::Voiding { because: VoidReason::Stray } => ("voiding", Some("stray")),
            Self::Declined { code } => ("declined", Some(code.code())),
            Self::Voided => ("voided", None),
            Self::NeedsOperator { why } => ("needs_operator", Some(why.word())),
        }
    }

    /// The state with these words; nothing if none has them.
    pub fn from_words(word: &str, detail: Option<&str>) -> Option<Self> {
        let voiding = |because| Some(Self::Voiding { because });
        match (word, detail) {
            ("initiated", None) => Some(Self::Initiated),
            ("open", None) => Some(Self::Open),
            ("confirming", None) => Some(Self::Confirming),
            ("needs_action", None) => Some(Self::NeedsAction),
            ("authorized", None) => Some(Self::Authorized),
            ("captured", None) => Some(Self::Captured),
            ("voiding_declined", Some(code)) => {
                DeclineCode::from_code(code).map(VoidReason::Declined).and_then(voiding)
            }
            ("voiding", Some("abandoned")) => voiding(VoidReason::Abandoned),
            ("voiding", Some("order_over")) => voiding(VoidReason::OrderOver),
            ("voiding", Some("capture_failed")) => voiding(VoidReason::CaptureFailed),
            ("voiding", Some("stray")) => voiding(VoidReason::Stray),
            ("declined", Some(code)) => {
                DeclineCode::from_code(code).map(|code| Self::Declined { code })
            }
            ("voided", None) => Some(Self::Voided),
            ("needs_operator", Some(why)) => {
                Trouble::from_word(why).map(|why| Self::NeedsOperator { why })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    /// The states of an order, of each kind with each reason.
    fn order_states() -> Vec<OrderState> {
        let attempt = PaymentId::from_uuid(Uuid::from_u128(7));
        let release_at = Timestamp::from_micros(9);
        let reasons = ["buyer", "expired", "seller", "payment"];
        let reasons = reasons.map(|word| CancelReason::from_word(word).unwrap());
        let mut states = vec![
            OrderState::Created,
            OrderState::AwaitingPayment { attempt },
            OrderState::Complete { payment: attempt },
            OrderState::Refunded { payment: attempt },
        ];
        states.extend(reasons.map(|reason| OrderState::Cancelled { reason }));
        states.extend(reasons.map(|reason| OrderState::Cancelling { reason, attempt, release_at }));
        states
    }

    fn payment_states() -> Vec<PaymentState> {
        let declined = DeclineCode::ALL.map(VoidReason::Declined);
        let others = [
            VoidReason::Abandoned,
            VoidReason::OrderOver,
            VoidReason::CaptureFailed,
            VoidReason::Stray,
        ];
        let mut states = vec![
            PaymentState::Initiated,
            PaymentState::Open,
            PaymentState::Confirming,
            PaymentState::NeedsAction,
            PaymentState::Authorized,
            PaymentState::Captured,
            PaymentState::Voided,
            PaymentState::NeedsOperator { why: Trouble::WrongAmount },
            PaymentState::NeedsOperator { why: Trouble::Misconfigured },
        ];
        states.extend(declined.map(|because| PaymentState::Voiding { because }));
        states.extend(others.map(|because| PaymentState::Voiding { because }));
        states.extend(DeclineCode::ALL.map(|code| PaymentState::Declined { code }));
        states
    }

    #[test]
    fn every_order_state_reads_back() {
        for state in order_states() {
            assert_eq!(OrderState::from_parts(state.parts()), Some(state));
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_no_state() {
        for state in order_states() {
            let parts = state.parts();
            let other = PaymentId::from_uuid(Uuid::from_u128(8));
            let other = Some(other).filter(|_| parts.attempt.is_none());
            let spoilt = OrderStateParts { attempt: other, ..parts };
            assert_eq!(OrderState::from_parts(spoilt), None, "{spoilt:?}");
            let spoilt = OrderStateParts { word: "sold", ..parts };
            assert_eq!(OrderState::from_parts(spoilt), None, "{spoilt:?}");
        }
    }

    #[test]
    fn every_payment_state_reads_back() {
        for state in payment_states() {
            let (word, detail) = state.words();
            assert_eq!(PaymentState::from_words(word, detail), Some(state));
            let other = if detail.is_some() { None } else { Some("abandoned") };
            assert_eq!(PaymentState::from_words(word, other), None, "{word} {other:?}");
        }
        assert_eq!(PaymentState::from_words("voiding", Some("bored")), None);
        assert_eq!(PaymentState::from_words("sold", None), None);
    }

    #[test]
    fn words_read_back_and_others_do_not() {
        for word in ["on_sale", "clearing", "withdrawn"] {
            assert_eq!(PoolState::from_word(word).unwrap().word(), word);
        }
        for word in ["on_sale", "withdrawn"] {
            assert_eq!(TicketState::from_word(word).unwrap().word(), word);
        }
        for word in ["server", "client"] {
            assert_eq!(ConfirmedBy::from_word(word).unwrap().word(), word);
        }
        for word in ["none", "opened", "won", "lost"] {
            assert_eq!(Dispute::from_word(word).unwrap().word(), word);
        }
        for word in ["requested", "pending", "succeeded", "failed"] {
            assert_eq!(RefundState::from_word(word).unwrap().word(), word);
        }
        for word in ["ticket", "pool", "order", "payment", "refund"] {
            assert_eq!(AggregateKind::from_word(word).unwrap().word(), word);
        }
        assert_eq!(PoolState::from_word("sold"), None);
        assert_eq!(AggregateKind::from_word("seat"), None);
        assert_eq!(DeclineCode::from_code("bored"), None);
    }
}
