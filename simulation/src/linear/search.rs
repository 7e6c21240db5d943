//! The search for an order of commands that explains their answers.

use std::collections::BTreeSet;

use super::pool::{State, Step};

/// The most commands of a history: one bit for each.
const OPS_MAX: usize = 128;
/// The most situations that are looked at before the search is given up.
const SITUATIONS_MAX: usize = 200_000;

/// A command, from when it was sent until its answer was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) step: Step,
    pub(super) sent: u64,
    /// Nothing if no answer came: it may take effect later, or never.
    pub(super) heard: Option<u64>,
}

/// What the search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is such an order.
    Possible,
    /// There is none.
    Impossible,
    /// It is too much to look for.
    GivenUp,
}

/// What is done already, and what came of it.
type Situation = (u128, State);

/// Looks for an order of all commands that were answered, and of some of the others.
pub(super) fn search(ops: &[Op], start: &State) -> Verdict {
    if ops.len() > OPS_MAX {
        return Verdict::GivenUp;
    }
    let mut seen: BTreeSet<Situation> = BTreeSet::new();
    let mut open: Vec<Situation> = vec![(0, start.clone())];
    while let Some(situation) = open.pop() {
        let (done, state) = with_looks(ops, situation);
        if all_answered_are_done(ops, done) {
            return Verdict::Possible;
        }
        if seen.len() >= SITUATIONS_MAX {
            return Verdict::GivenUp;
        }
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let latest = first_answer(ops, done);
        // The last that is pushed is tried first: what was answered, before what was not.
        let candidates = ops
            .iter()
            .enumerate()
            .filter(|(place, op)| !is_done(done, *place) && op.sent < latest && !op.step.is_look());
        let (answered, pending): (Vec<_>, Vec<_>) =
            candidates.partition(|(_, op)| op.heard.is_some());
        for (place, op) in pending.into_iter().chain(answered) {
            open.extend(state.after(op.step).map(|next| (done | bit(place), next)));
        }
    }
    Verdict::Impossible
}

/// Takes every look that is right now: it changes nothing, so that it can't be in anyone's way.
fn with_looks(ops: &[Op], (mut done, state): Situation) -> Situation {
    loop {
        let latest = first_answer(ops, done);
        let look = ops.iter().enumerate().find(|(place, op)| {
            !is_done(done, *place)
                && op.step.is_look()
                && op.sent < latest
                && state.after(op.step).is_some()
        });
        match look {
            Some((place, _)) => done |= bit(place),
            None => return (done, state),
        }
    }
}

/// When the first answer was heard among those that are still to be explained: nothing that was
/// sent later can come before it.
fn first_answer(ops: &[Op], done: u128) -> u64 {
    let waiting = ops.iter().enumerate().filter(|(place, _)| !is_done(done, *place));
    waiting.filter_map(|(_, op)| op.heard).min().unwrap_or(u64::MAX)
}

fn all_answered_are_done(ops: &[Op], done: u128) -> bool {
    ops.iter().enumerate().all(|(place, op)| op.heard.is_none() || is_done(done, place))
}

fn bit(place: usize) -> u128 {
    1_u128.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0)
}

fn is_done(done: u128, place: usize) -> bool {
    done & bit(place) != 0
}

#[cfg(test)]
mod tests {
    use super::super::pool::Stage;
    use super::*;

    fn start(capacity: u32, orders: usize) -> State {
        State { on_sale: true, capacity, orders: vec![(Stage::Nowhere, 1); orders] }
    }

    fn op(step: Step, sent: u64, heard: u64) -> Op {
        Op { step, sent, heard: Some(heard) }
    }

    fn pending(step: Step, sent: u64) -> Op {
        Op { step, sent, heard: None }
    }

    #[test]
    fn one_unit_is_not_sold_twice() {
        let both = [op(Step::Place(0), 1, 4), op(Step::Place(1), 2, 3)];
        assert_eq!(search(&both, &start(1, 2)), Verdict::Impossible);
        assert_eq!(search(&both, &start(2, 2)), Verdict::Possible);
    }

    #[test]
    fn a_unit_that_came_free_in_between_may_be_sold_again() {
        let mut ops = vec![op(Step::Place(0), 1, 2), op(Step::Place(1), 5, 6)];
        ops.push(pending(Step::Free(0), 3));
        assert_eq!(search(&ops, &start(1, 2)), Verdict::Possible);
    }

    #[test]
    fn nothing_comes_free_before_it_may() {
        let mut ops = vec![op(Step::Place(0), 1, 2), op(Step::Place(1), 3, 4)];
        ops.push(pending(Step::Free(0), 5));
        assert_eq!(search(&ops, &start(1, 2)), Verdict::Impossible);
    }

    #[test]
    fn a_command_without_an_answer_may_have_happened() {
        let ops = [pending(Step::Place(0), 1), op(Step::SoldOut(1), 2, 3)];
        assert_eq!(search(&ops, &start(1, 1)), Verdict::Possible);
        let free = [op(Step::SoldOut(1), 2, 3), op(Step::Place(0), 4, 5)];
        assert_eq!(search(&free, &start(1, 1)), Verdict::Impossible);
    }

    #[test]
    fn what_is_sold_is_not_cancelled() {
        let ops = [
            op(Step::Place(0), 1, 2),
            pending(Step::Sell(0), 3),
            op(Step::SeenSold(0), 4, 5),
            op(Step::Cancel(0), 6, 7),
        ];
        assert_eq!(search(&ops, &start(1, 1)), Verdict::Impossible);
        assert_eq!(search(&ops[..3], &start(1, 1)), Verdict::Possible);
    }
}
