//! The steps of a purchase: commits, what the gateway does and says, and time.

use super::decide::{Decision, gone};
use super::state::{
    Attempt, Decided, Intent, Order, OrderState, PaymentState, Rows, State, Units, Word,
};
use super::{Bank, Command, Purchase, PurchaseGuard as Guard, Step};

/// Where an attempt is: its order, and its number there.
type Place = (usize, usize);

impl Purchase {
    /// Takes a step; nothing if it can't be taken, or changes nothing.
    pub(super) fn step(&self, state: &mut State, step: Step) -> Option<()> {
        let taken = match step {
            Step::Commit(place, command) => self.commit_now(state, place, command),
            Step::Decide(place, command) => self.decide_now(state, place, command),
            Step::CommitLate => {
                let decided = state.slow.take()?;
                self.commit(state, decided)
            }
            Step::DeadlinePasses(place) => deadline_passes(state.orders.get_mut(place)?),
            Step::PatienceEnds(place) => patience_ends(state.orders.get_mut(place)?),
            Step::Hear(at) => {
                let word = attempt_at(state, at)?.word.take()?;
                // A word that changes nothing is heard all the same.
                self.settle_at(state, at, word);
                Some(())
            }
            Step::Ask(at) => self.ask(state, at),
            Step::GiveUp(at) => self.give_up(state, at),
            Step::Open(at) => self.open(attempt_at(state, at)?),
            Step::OpenAgain(at) => self.open_again(state, at),
            Step::NotSent(at) => not_sent(attempt_at(state, at)?),
            Step::WriteOpened { at, confirming } => self.write_opened(state, at, confirming),
            Step::Confirm(at, bank) => self.confirm(attempt_at(state, at)?, bank),
            Step::Tell(at) => self.tell(attempt_at(state, at)?),
            Step::LetGo(at) => let_go(attempt_at(state, at)?),
            Step::Abandon(at) => abandon(state, at),
            Step::Void(at) => void(state, at),
            Step::Capture(at) => self.capture(state, at),
            Step::SendRefund(at) => self.send_refund(state, at),
            Step::NoteRefund(at) => note_refund(state, at),
        };
        taken?;
        self.forget_what_is_refused(state);
        Some(())
    }

    /// One process at a time is slow: it decides now, and commits later, or never.
    fn decide_now(&self, state: &mut State, place: usize, command: Command) -> Option<()> {
        let seen = state.orders.get(place)?.rows;
        let is_free = state.slow.is_none() && self.may_try(state, place, command);
        self.decide(place, seen, command).filter(|_| is_free)?;
        state.slow = Some(Decided { place, command, seen });
        Some(())
    }

    fn commit_now(&self, state: &mut State, place: usize, command: Command) -> Option<()> {
        let seen = state.orders.get(place)?.rows;
        let tried = self.may_try(state, place, command);
        self.commit(state, Decided { place, command, seen }).filter(|()| tried)
    }

    /// Whether anybody would try it: units are looked for before they are reserved, and what is
    /// overdue is ended by those who look for it.
    fn may_try(&self, state: &State, place: usize, command: Command) -> bool {
        let time = state.orders.get(place).map(|order| order.time).unwrap_or_default();
        match command {
            Command::Reserve => state.pool.held + state.pool.sold < self.units,
            Command::Pay | Command::Cancel => true,
            Command::Expire => {
                self.has(Guard::SweeperLooks)
                    && (time.deadline || !self.has(Guard::ExpireAfterDeadline))
            }
            Command::Release => {
                self.has(Guard::SweeperLooks)
                    && (time.release || !self.has(Guard::ReleaseAfterPatience))
            }
        }
    }

    fn commit(&self, state: &mut State, decided: Decided) -> Option<()> {
        let Decided { place, command, seen } = decided;
        let is_full = state.pool.held + state.pool.sold >= self.units;
        let order = state.orders.get_mut(place)?;
        if self.has(Guard::VersionsMatch) && order.rows != seen {
            return None;
        }
        if command == Command::Reserve && is_full && self.has(Guard::UnitsAreThere) {
            return None;
        }
        if command == Command::Pay {
            if order.time.deadline && self.has(Guard::PayBeforeDeadline) {
                return None;
            }
            order.begun_late |= order.time.deadline;
            let attempt = seen.next_attempt(self.attempts_of(place))?;
            order.attempts.get_mut(attempt)?.to_open = true;
        }
        write(state, place, seen, self.decide(place, seen, command)?)
    }

    /// What was decided on rows that have moved on is refused, now or later.
    fn forget_what_is_refused(&self, state: &mut State) {
        let Some(slow) = state.slow else { return };
        let order = state.orders.get(slow.place);
        if self.has(Guard::VersionsMatch) && order.is_some_and(|order| order.rows != slow.seen) {
            state.slow = None;
        }
    }

    /// Does what the gateway's word says; nothing if that changes nothing.
    fn settle_at(&self, state: &mut State, at: Place, word: Word) -> Option<()> {
        let (place, attempt) = at;
        let order = state.orders.get(place)?;
        let seen = order.rows;
        let next = self.settle(seen, order.time, attempt, word);
        write(state, place, seen, next)
    }

    /// Somebody asks the gateway, and commits what it says.
    fn ask(&self, state: &mut State, at: Place) -> Option<()> {
        let payment = state.orders.get(at.0)?.rows.payment(at.1);
        let asks = payment.intent_known && payment.state.is_live();
        let word = attempt_at(state, at)?.intent.word()?;
        if asks && self.has(Guard::ReconcilerAsks) { self.settle_at(state, at, word) } else { None }
    }

    /// Whoever finds that an attempt has no intent opens one, under the attempt's key.
    fn open_again(&self, state: &mut State, at: Place) -> Option<()> {
        let order = state.orders.get_mut(at.0)?;
        let payment = order.rows.payment(at.1);
        let wanted = match payment.state {
            PaymentState::Initiated => true,
            PaymentState::Voiding => !payment.intent_known,
            PaymentState::NotStarted => {
                order.rows.order == OrderState::Created && !self.has(Guard::RowBeforeIntent)
            }
            PaymentState::Open
            | PaymentState::Confirming
            | PaymentState::Authorized
            | PaymentState::Captured
            | PaymentState::Voided => false,
        };
        if wanted { self.open_at_gateway(order.attempts.get_mut(at.1)?) } else { None }
    }

    /// The buyer's own process opens the intent, however late.
    fn open(&self, attempt: &mut Attempt) -> Option<()> {
        if !std::mem::take(&mut attempt.to_open) {
            return None;
        }
        // It may be open already, under the same key.
        self.open_at_gateway(attempt).or(Some(()))
    }

    fn open_at_gateway(&self, attempt: &mut Attempt) -> Option<()> {
        match attempt.opened {
            0 => attempt.intent = Intent::Waiting,
            1 if !self.has(Guard::OpenedUnderOneKey) => {}
            _ => return None,
        }
        attempt.opened += 1;
        Some(())
    }

    /// An attempt whose first call was certainly not sent has no intent, unless somebody else has
    /// opened it since.
    fn give_up(&self, state: &mut State, at: Place) -> Option<()> {
        let attempt = attempt_at(state, at)?;
        if !std::mem::take(&mut attempt.not_sent) {
            return None;
        }
        let order = state.orders.get(at.0)?;
        let seen = order.rows;
        if !(seen.payment(at.1).intent_known && self.has(Guard::IntentKeepsAttempt)) {
            write(state, at.0, seen, gone(seen, order.time, at.1));
        }
        Some(())
    }

    /// The gateway's name for the intent is written down: by whoever opened it, or found it.
    fn write_opened(&self, state: &mut State, at: Place, confirming: bool) -> Option<()> {
        let order = state.orders.get_mut(at.0)?;
        let attempt = order.attempts.get_mut(at.1)?;
        let payment = order.rows.payments.get_mut(at.1)?;
        if attempt.intent == Intent::None {
            return None;
        }
        let confirms = confirming && attempt.confirmations == 0 && !attempt.to_confirm;
        let next = match payment.state {
            PaymentState::Initiated | PaymentState::Open if confirms => PaymentState::Confirming,
            PaymentState::Initiated if !confirming => PaymentState::Open,
            PaymentState::Voiding if !confirming => PaymentState::Voiding,
            PaymentState::Voided if !confirming && self.has(Guard::LateIntentIsVoided) => {
                PaymentState::Voiding
            }
            PaymentState::NotStarted
            | PaymentState::Initiated
            | PaymentState::Open
            | PaymentState::Confirming
            | PaymentState::Authorized
            | PaymentState::Captured
            | PaymentState::Voiding
            | PaymentState::Voided => return None,
        };
        if payment.intent_known && next != PaymentState::Confirming {
            return None;
        }
        attempt.to_confirm |= next == PaymentState::Confirming;
        payment.intent_known = true;
        payment.state = next;
        Some(())
    }

    fn confirm(&self, attempt: &mut Attempt, bank: Bank) -> Option<()> {
        let again = attempt.confirmations == 1 && !self.has(Guard::ConfirmedOnce);
        if !attempt.to_confirm && !again {
            return None;
        }
        attempt.to_confirm = false;
        attempt.confirmations += 1;
        if attempt.intent == Intent::Waiting {
            attempt.intent = match bank {
                Bank::Authorizes => Intent::Authorized,
                Bank::Captures => Intent::Captured,
                Bank::Declines => Intent::Declined,
            };
        }
        Some(())
    }

    /// A webhook, or an answer that is late: it tells how things stood when it was sent.
    fn tell(&self, attempt: &mut Attempt) -> Option<()> {
        let word = attempt.intent.word()?;
        if attempt.told >= self.words || attempt.word.is_some() {
            return None;
        }
        attempt.told += 1;
        attempt.word = Some(word);
        Some(())
    }

    fn capture(&self, state: &mut State, at: Place) -> Option<()> {
        let payment = state.orders.get(at.0)?.rows.payment(at.1);
        let is_sold = payment.state == PaymentState::Authorized;
        let attempt = attempt_at(state, at)?;
        let early = payment.state.may_pay() && !self.has(Guard::CaptureWhatIsSold);
        if attempt.intent != Intent::Authorized || !(is_sold || early) {
            return None;
        }
        attempt.intent = Intent::Captured;
        attempt.charged_early = !is_sold;
        Some(())
    }

    fn send_refund(&self, state: &mut State, at: Place) -> Option<()> {
        let payment = state.orders.get(at.0)?.rows.payment(at.1);
        let attempt = attempt_at(state, at)?;
        let again = attempt.refunds == 1 && !self.has(Guard::RefundedUnderOneKey);
        if !payment.owed || payment.given_back || (attempt.refunds > 0 && !again) {
            return None;
        }
        attempt.refunds += 1;
        Some(())
    }
}

/// Writes what a decision changes of what was seen, and moves its units.
fn write(state: &mut State, place: usize, seen: Rows, next: Decision) -> Option<()> {
    let (rows, units) = next;
    if rows == seen && units == Units::Stay {
        return None;
    }
    let order = state.orders.get_mut(place)?;
    let waited_for = order.rows.order.waits_for();
    if rows.order != seen.order {
        order.rows.order = rows.order;
    }
    let changes = rows.payments.iter().zip(seen.payments.iter());
    for (stored, (next, before)) in order.rows.payments.iter_mut().zip(changes) {
        if next != before {
            *stored = *next;
        }
    }
    let may_come = waited_for.is_some_and(|it| order.rows.payment(it).state.is_live());
    let is_over = matches!(order.rows.order, OrderState::Cancelled { .. });
    order.released_early |= is_over && may_come && !order.time.release;
    let (held, sold) = match units {
        Units::Stay => (0, 0),
        Units::Hold => (1, 0),
        Units::Sell => (-1, 1),
        Units::Release => (-1, 0),
        Units::Return => (0, -1),
    };
    state.pool.held += held;
    state.pool.sold += sold;
    Some(())
}

fn attempt_at(state: &mut State, at: Place) -> Option<&mut Attempt> {
    state.orders.get_mut(at.0)?.attempts.get_mut(at.1)
}

fn deadline_passes(order: &mut Order) -> Option<()> {
    let runs = matches!(order.rows.order, OrderState::Created | OrderState::AwaitingPayment { .. });
    (runs && !std::mem::replace(&mut order.time.deadline, runs)).then_some(())
}

fn patience_ends(order: &mut Order) -> Option<()> {
    let runs = matches!(order.rows.order, OrderState::Cancelling { .. });
    (runs && !std::mem::replace(&mut order.time.release, runs)).then_some(())
}

fn not_sent(attempt: &mut Attempt) -> Option<()> {
    if !std::mem::take(&mut attempt.to_open) {
        return None;
    }
    attempt.not_sent = true;
    Some(())
}

/// The bank lets go of money that nobody captured.
fn let_go(attempt: &mut Attempt) -> Option<()> {
    if attempt.intent != Intent::Authorized {
        return None;
    }
    attempt.intent = Intent::Gone;
    Some(())
}

/// Nobody confirmed it for a minute.
fn abandon(state: &mut State, at: Place) -> Option<()> {
    let order = state.orders.get_mut(at.0)?;
    let waits = order.attempts.get(at.1)?.intent == Intent::Waiting;
    let payment = order.rows.payments.get_mut(at.1)?;
    if !waits || !matches!(payment.state, PaymentState::Open | PaymentState::Confirming) {
        return None;
    }
    payment.state = PaymentState::Voiding;
    Some(())
}

fn void(state: &mut State, at: Place) -> Option<()> {
    let payment = state.orders.get(at.0)?.rows.payment(at.1);
    let attempt = attempt_at(state, at)?;
    let voids = payment.state == PaymentState::Voiding && payment.intent_known;
    match attempt.intent {
        Intent::Waiting | Intent::Declined | Intent::Authorized if voids => {
            attempt.intent = Intent::Gone;
            Some(())
        }
        Intent::None
        | Intent::Waiting
        | Intent::Declined
        | Intent::Authorized
        | Intent::Captured
        | Intent::Gone => None,
    }
}

fn note_refund(state: &mut State, at: Place) -> Option<()> {
    let order = state.orders.get_mut(at.0)?;
    let refunded = order.attempts.get(at.1)?.refunds > 0;
    let payment = order.rows.payments.get_mut(at.1)?;
    (refunded && payment.owed && !std::mem::replace(&mut payment.given_back, true)).then_some(())
}
