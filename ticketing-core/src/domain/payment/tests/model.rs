//! Any sequence of commands, against a ledger of what the gateway may have in our name.

use proptest::prelude::*;

use crate::domain::decision::Decision;
use crate::domain::order::fixtures::minutes;
use crate::domain::payment::fixtures::{AMOUNT, STARTED, initiated, open};
use crate::domain::payment::tests::table::assert_laws;
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Dispute, Payment, PaymentCommand as Command, PaymentState as State,
    Trouble, VoidReason,
};
use crate::values::{IntentRef, Money};

/// What must hold of a payment, kept apart from it.
#[derive(Debug, Default)]
struct Ledger {
    /// The only intent there ever was.
    intent: Option<IntentRef>,
    /// In cents.
    refunding: u32,
    captured: bool,
    /// An operator resumed it after it was captured: the gateway has to say so again.
    asked_again: bool,
    late: bool,
    dispute: Option<Dispute>,
}

fn any_cents() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), 1..40_00_u32, Just(75_50), Just(75_51)]
}

fn any_command() -> impl Strategy<Value = Command> {
    let code = prop::sample::select(vec![DeclineCode::CardDeclined, DeclineCode::ExpiredCard]);
    let trouble = prop::sample::select(vec![Trouble::WrongAmount, Trouble::Misconfigured]);
    let dispute = vec![Dispute::None, Dispute::Opened, Dispute::Won, Dispute::Lost];
    prop_oneof![
        3 => (1..3_u32, any::<bool>()).prop_map(|(number, confirming)| {
            let intent = IntentRef::new(format!("pi_{number}")).unwrap();
            Command::Opened { intent, confirming }
        }),
        1 => Just(Command::OpenInDoubt),
        2 => Just(Command::Confirm),
        1 => Just(Command::ConfirmationLost),
        2 => code.prop_map(Command::Declined),
        1 => Just(Command::NeedsAction),
        2 => any::<bool>().prop_map(|accepted| Command::Authorized { accepted }),
        2 => any::<bool>().prop_map(|accepted| Command::Captured { accepted }),
        1 => Just(Command::Gone),
        1 => Just(Command::Void(VoidReason::OrderOver)),
        1 => Just(Command::CaptureFailed),
        4 => any_cents().prop_map(|cents| Command::Refund(Money::usd(cents))),
        2 => any_cents().prop_map(|cents| Command::RefundedAtGateway(Money::usd(cents))),
        1 => prop::sample::select(dispute).prop_map(Command::Dispute),
        1 => Just(Command::MarkLate),
        1 => trouble.prop_map(Command::Park),
        1 => Just(Command::Resume),
    ]
}

impl Ledger {
    /// What an accepted change adds.
    fn note(&mut self, command: &Command, before: &Payment, next: &Payment) {
        match command {
            Command::Opened { intent, .. } => {
                assert_eq!(self.intent.get_or_insert_with(|| intent.clone()), intent);
            }
            Command::Captured { accepted } => {
                self.captured = true;
                self.asked_again = false;
                if !accepted {
                    self.refunding = 75_50;
                }
            }
            Command::Refund(amount) | Command::RefundedAtGateway(amount) => {
                assert_eq!(before.state, State::Captured, "only what is there goes back");
                self.refunding += u32::try_from(amount.minor()).unwrap();
            }
            Command::Resume => self.asked_again = self.captured,
            Command::MarkLate => self.late = true,
            Command::Dispute(dispute) => self.dispute = Some(*dispute),
            Command::OpenInDoubt
            | Command::Confirm
            | Command::ConfirmationLost
            | Command::Declined(_)
            | Command::NeedsAction
            | Command::Authorized { .. }
            | Command::Gone
            | Command::Void(_)
            | Command::CaptureFailed
            | Command::Park(_) => {
                assert_ne!(next.state, State::Captured, "only the gateway's word captures");
            }
        }
    }

    fn check(&self, payment: &Payment) {
        assert_eq!(payment.intent, self.intent, "one intent for one attempt");
        assert_eq!(payment.refunding.minor(), i64::from(self.refunding));
        assert!(self.refunding <= 75_50, "never more back than was taken");
        assert_eq!(payment.late_money, self.late);
        assert_eq!(payment.dispute, self.dispute.unwrap_or(Dispute::None));
        let kept = matches!(payment.state, State::Captured | State::NeedsOperator { .. });
        assert!(!self.captured || self.asked_again || kept, "captured stays captured");
    }
}

proptest! {

    #[test]
    fn a_payment_follows_its_ledger(
        by_client: bool,
        commands in prop::collection::vec(any_command(), 0..50),
    ) {
        let by = if by_client { ConfirmedBy::Client } else { ConfirmedBy::Server };
        let mut payment = initiated(by);
        let mut ledger = Ledger::default();
        let mut now = STARTED;
        for command in commands {
            now = now.plus(minutes(1));
            let verdict = payment.clone().decide(command.clone(), now);
            assert_laws(&payment, &command, &verdict);
            if let Ok(decision) = verdict {
                if decision.is_change() {
                    ledger.note(&command, &payment, decision.next());
                }
                payment = decision.into_next();
            }
            ledger.check(&payment);
        }
        prop_assert_eq!(payment.amount, AMOUNT);
    }

    /// A command that was accepted changes nothing when it is repeated, but for those that count.
    #[test]
    fn repeated_commands_change_nothing(
        by_client: bool,
        commands in prop::collection::vec(any_command(), 0..20),
        last in any_command(),
    ) {
        let by = if by_client { ConfirmedBy::Client } else { ConfirmedBy::Server };
        let take = |payment: Payment, command: Command| {
            let before = payment.clone();
            payment.decide(command, STARTED).map_or(before, Decision::into_next)
        };
        let payment = commands.into_iter().fold(open(by), take);
        let once = take(payment, last.clone());
        let counts = matches!(last, Command::Refund(_) | Command::RefundedAtGateway(_));
        if !counts {
            prop_assert_eq!(take(once.clone(), last), once);
        }
    }
}
