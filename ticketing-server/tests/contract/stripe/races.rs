//! The scripted races about money, each named after its number, over a storage in memory and over
//! Postgres, with Stripe on the other side of real HTTP. After each, both ledgers agree.

mod ending;
mod paying;
mod refunding;
mod telling;

use super::world::each_storage;

each_storage! {
    paying {
        r01_pay_just_before_the_deadline_answer_later
        r02_pay_just_after_the_deadline
        r03_crash_after_the_intent_before_its_name_is_stored
        r04_crash_after_the_charge_before_its_commit
        r10_double_click
        r11_decline_then_a_second_card
        r12_stored_error_when_opening
        r12_stored_error_when_confirming
        r12_stored_error_when_capturing
        r22_price_edited_between_order_and_payment
    }
    telling {
        r05_webhook_before_the_answer
        r06_webhook_before_the_intent_is_known
        r07_same_webhook_20_times_in_parallel
        r08_events_swapped
        r09_webhook_3_days_late_after_cancel_and_resale
        r18_wrong_amount_or_currency
        r19_unknown_intent_of_ours_is_voided_or_refunded
        r19_unknown_intent_of_another_is_let_alone
        r21_dispute
        r21_dispute_after_an_inquiry_that_was_closed
    }
    ending {
        r13_gateway_down_at_expiry
        r14_buyer_cancels_while_paying
        r15_seller_withdraws_while_paying
        r20_late_timer_of_a_cancelled_order
        r23_database_restored_to_before_the_order
        r23_database_restored_to_before_the_charge
        r23_database_restored_to_before_the_refund
    }
    refunding {
        r16_two_refunds_racing
        r17_refund_fails
        r17_stored_error_when_refunding
    }
}
