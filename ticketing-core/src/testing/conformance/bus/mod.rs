//! Buses: what every one of them must do alike, while nothing is broken.
//!
//! A bus may lose, repeat and reorder; consumers cope with that. A bus in good health must all
//! the same deliver what it confirmed, so the cases wait for everything, in any order and however
//! often it comes.

pub mod everyone;
pub mod groups;
pub mod harness;
pub mod publishing;

mod listener;
mod samples;
mod scene;

pub use harness::{BusHarness, BusNamespace};
pub use scene::Scene;

/// Writes one test for each case of the bus suite.
///
/// See [the module](crate::testing::conformance) for an example.
#[macro_export]
macro_rules! bus_conformance {
    ($harness:expr $(,)?) => {
        $crate::__conformance_tests! { $harness; bus
            groups {
                a_group_gets_every_event
                the_members_of_a_group_share
                groups_do_not_take_from_each_other
                a_dropped_delivery_comes_again
                a_member_that_goes_away_loses_nothing
                an_acknowledged_event_rests
                a_group_is_remembered
                a_dropped_wait_loses_nothing
                a_group_spans_connections
                a_crowd_loses_nothing
            }
            everyone {
                every_listener_gets_every_event
                a_listener_hears_from_now_on
                a_listener_is_not_remembered
                listeners_and_groups_both_get_it
            }
            publishing {
                every_event_arrives_as_it_was
                large_events_arrive_as_they_were
                publishing_nothing_is_answered
                nobody_needs_to_listen
                events_may_be_published_again
                an_unpublishable_event_blocks_nothing
            }
        }
    };
}
