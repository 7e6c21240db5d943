//! Payment gateways: what every one of them must do alike.
//!
//! The harness knows the gateway's test cards. The cases open intents of their own and look at
//! no others, so that an account that has many can be used.

pub mod harness;
pub mod intents;
pub mod listing;
pub mod refunds;
pub mod webhooks;

mod scene;

pub use harness::{Card, GatewayHarness, GatewayNamespace};
pub use scene::Scene;

/// Writes one test for each case of the gateway suite.
///
/// See [the module](crate::testing::conformance) for an example.
#[macro_export]
macro_rules! gateway_conformance {
    ($harness:expr $(,)?) => {
        $crate::__conformance_tests! { $harness; gateway
            intents {
                an_intent_carries_its_metadata
                opening_repeats_under_its_key
                a_key_is_for_one_sum
                a_good_card_authorizes
                a_method_that_cannot_wait_captures
                a_decline_is_an_answer
                a_bank_may_ask_the_buyer
                an_unknown_intent_is_not_found
                capturing_repeats_under_its_key
                only_authorized_money_is_captured
                voiding_ends_an_intent
                a_void_after_the_capture_is_told_so
                a_gateway_has_a_name
            }
            refunds {
                money_goes_back_in_parts
                more_than_is_left_is_refused
                refunding_repeats_under_its_key
                equal_refunds_are_two
                only_captured_money_goes_back
            }
            listing {
                every_intent_is_listed_once
                a_listed_intent_is_as_it_stands
                older_intents_are_not_listed
            }
            webhooks {
                an_authentic_webhook_is_read
                a_forged_webhook_is_not_believed
                an_old_webhook_is_not_believed
                a_malformed_webhook_is_refused
            }
        }
    };
}
