//! Timers: what every set of them must do alike, while nothing is broken.
//!
//! Wake-ups are hints that may be lost. Timers in good health must all the same wake for what was
//! armed, when its time has come, and give it to one claimer at a time.

pub mod claims;
pub mod harness;
pub mod wakeups;

mod scene;

pub use harness::{TimersHarness, TimersNamespace};
pub use scene::Scene;

/// Writes one test for each case of the timers suite.
///
/// See [the module](crate::testing::conformance) for an example.
#[macro_export]
macro_rules! timers_conformance {
    ($harness:expr $(,)?) => {
        $crate::__conformance_tests! { $harness; timers
            wakeups {
                a_wakeup_comes_at_its_time
                the_past_is_due_and_the_end_of_time_is_not
                wakeups_come_earliest_first
                arming_again_moves_it
                a_finished_wakeup_can_be_armed_again
                connections_share_the_wakeups
            }
            claims {
                a_claim_is_a_lease
                what_is_done_never_comes_again
                a_late_claimer_finishes_nothing
                arming_anew_ends_the_claim
                an_unknown_wakeup_cannot_be_finished
                wakeups_are_leased_to_one_claimer_each
            }
        }
    };
}
