//! Letting those come back who were just answered.
//!
//! Callers that were answered together ask for the next thing together, a moment later. A writer
//! that takes its next group at once finds the first few of them, and the others wait for a whole
//! commit: half of the callers write while the other half waits. So it lets the runtime go round
//! until nobody comes any more, which is no time at all where there is nobody to wait for.

use std::future::poll_fn;
use std::task::Poll;

/// From so many answers on it is worth looking who comes back.
const CROWD: usize = 4;
/// So often nobody came, then nobody will.
const QUIET_TURNS: usize = 3;
/// The end of it, however many are still coming.
const TURNS_MAX: usize = 64;

/// Gives way to other tasks until the queue has stopped growing.
///
/// After a commit that answered `answered` batches; `waiting` tells the length of the queue.
pub(super) async fn gather(answered: usize, waiting: impl Fn() -> usize) {
    if answered < CROWD {
        return;
    }
    let mut seen = waiting();
    let mut quiet = 0;
    for _turn in 0..TURNS_MAX {
        give_way().await;
        let now = waiting();
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        if quiet == QUIET_TURNS {
            return;
        }
    }
}

/// Lets every task run that is ready, on whatever runtime this is.
async fn give_way() {
    let mut gave_way = false;
    poll_fn(|context| {
        if gave_way {
            return Poll::Ready(());
        }
        gave_way = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt as _;

    use super::*;

    /// How often a gathering looks at a queue that has these lengths, one after the other, and then
    /// stays as it is.
    fn looks(answered: usize, lengths: impl Fn(usize) -> usize) -> usize {
        let looks = Cell::new(0);
        let mut gathering = Box::pin(gather(answered, || {
            looks.set(looks.get() + 1);
            lengths(looks.get())
        }));
        while gathering.as_mut().now_or_never().is_none() {}
        looks.get()
    }

    #[test]
    fn few_answers_are_not_worth_waiting_for() {
        assert_eq!(looks(CROWD - 1, |_| 0), 0);
    }

    #[test]
    fn nobody_comes() {
        assert_eq!(looks(CROWD, |_| 5), 1 + QUIET_TURNS);
    }

    #[test]
    fn it_waits_until_the_last_has_come() {
        assert_eq!(looks(CROWD, |look| look.min(10)), 10 + QUIET_TURNS);
    }

    #[test]
    fn who_comes_late_starts_the_count_anew() {
        let late = 1 + QUIET_TURNS;
        assert_eq!(looks(CROWD, |look| usize::from(look >= late)), late + QUIET_TURNS);
    }

    #[test]
    fn a_queue_that_grows_for_ever_is_taken_in_the_end() {
        assert_eq!(looks(CROWD, |look| look), 1 + TURNS_MAX);
    }
}
