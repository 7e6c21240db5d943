//! Storages: what every one of them must do alike.

pub mod commit;
pub mod concurrency;
pub mod differential;
pub mod guards;
pub mod harness;
pub mod idempotency;
pub mod leases;
pub mod limits;
pub mod outbox;
pub mod pools;
pub mod prediction;
pub mod reads;
pub mod search;
pub mod states;
pub mod time;
pub mod unknown;
pub mod webhooks;
pub mod work_lists;

mod books;
mod outcome;
mod samples;
mod scene;

pub use harness::{StorageHarness, StorageNamespace};
pub use scene::Scene;

/// Writes one test for each case of the storage suite.
///
/// See [the module](crate::testing::conformance) for an example.
#[macro_export]
macro_rules! storage_conformance {
    ($harness:expr $(,)?) => {
        $crate::__conformance_tests! { $harness; storage
            commit {
                every_part_of_a_batch_is_applied
                a_refused_batch_leaves_nothing
                neighbours_of_refused_batches_are_applied
                outcomes_come_in_the_order_of_the_batches
                a_poisoned_batch_fails_alone
                an_empty_group_is_answered
                a_batch_without_changes_is_applied
                a_batch_may_change_an_aggregate_twice
                batches_build_on_earlier_ones_of_their_group
                a_pool_counts_once_for_each_group
                a_refused_group_leaves_the_pool_alone
                a_commit_tells_the_pools_that_it_touched
                every_handle_sees_what_was_acknowledged
                what_was_acknowledged_survives_a_restart
                a_storage_keeps_its_id
                there_is_at_least_one_lane
            }
            guards {
                a_stale_version_is_a_conflict
                the_first_of_a_group_wins
                a_missing_aggregate_is_a_conflict
                a_new_id_that_exists_is_a_conflict
                a_new_id_is_taken_within_a_group
                errors_are_told_in_their_order
                a_known_batch_is_told_before_all_else
                a_missing_pool_refuses
            }
            pools {
                units_move_with_their_orders
                units_stay_held_while_a_payment_is_voided
                a_failed_capture_returns_the_units
                more_than_is_left_is_refused
                the_largest_pool_can_be_sold_out
                lines_are_held_all_or_none
                a_group_moves_units_in_its_order
                a_changed_listing_refuses
                claimed_units_fix_the_terms
                a_withdrawn_listing_refuses_and_settles
                held_units_refuse_a_plain_withdrawal
                a_withdrawn_pool_is_cleared
                clearing_pools_keep_to_the_limit
                one_order_keeps_to_its_limit
                a_closed_sale_refuses
            }
            limits {
                a_buyer_keeps_to_the_limit
                units_given_back_may_be_had_again
                the_limit_is_kept_within_a_group
                a_refused_order_takes_nothing_of_a_limit
                a_changed_limit_counts_what_was_claimed
                a_limit_may_come_and_go_while_nothing_is_claimed
            }
            idempotency {
                a_batch_is_applied_once
                a_refused_batch_may_come_again
                a_used_key_is_told_with_its_record
                keys_belong_to_their_users
                a_refused_batch_leaves_its_key
                a_key_can_be_taken_without_a_change
                key_records_read_back
                one_of_many_senders_applies_a_batch
                one_of_many_commands_takes_a_key
            }
            unknown {
                a_dropped_commit_is_whole_or_nothing
                a_dropped_commit_leaves_no_lock
                a_second_try_waits_for_the_first
            }
            concurrency {
                writers_that_predict_sell_exactly
                a_hot_pool_is_sold_exactly
                no_pool_is_oversold
                crossing_orders_do_not_deadlock
                a_limit_holds_against_a_crowd
                units_are_conserved_under_churn
                one_of_many_decisions_wins
                an_edit_races_reservations
                paying_races_expiring
            }
            prediction {
                a_right_prediction_is_applied
                a_right_prediction_may_refuse
                a_pool_that_moved_on_is_noticed
                a_pool_that_is_another_is_noticed
                a_listing_that_moved_on_is_noticed
                an_aggregate_that_moved_on_is_noticed
                what_was_used_before_is_noticed
                what_was_never_used_is_noticed
                a_wrong_clock_is_noticed
                an_unknown_allowance_is_noticed
                one_stale_batch_misleads_nobody
            }
            time {
                time_never_goes_back
                time_passes
                a_window_is_checked_at_the_storages_time
                a_decision_must_be_near_the_storages_time
                a_reservation_waits_for_its_sale
                a_refusal_for_time_tells_the_time
            }
            reads {
                a_spoilt_row_is_corrupt
                every_listing_reads_back
                what_is_not_there_is_not_found
                versions_that_were_not_written_have_no_event
                listings_come_in_the_order_asked_for
                payments_come_oldest_first
                refunds_come_oldest_first
                a_payment_is_found_by_its_intent
            }
            states {
                every_paid_order_reads_back
                every_cancelled_order_reads_back
                an_order_of_many_lines_reads_back
                every_payment_reads_back
                every_refund_reads_back
            }
            search {
                odd_words_do_no_harm
                words_are_found_in_title_and_venue
                an_edited_listing_is_found_by_its_new_words
                a_seller_has_a_list
                what_cannot_be_bought_is_left_out
                pages_of_listings_are_stable
                a_cursor_outlives_its_listing
                pages_of_orders_are_stable
            }
            work_lists {
                every_limit_is_kept
                due_orders_are_those_whose_time_is_up
                an_order_is_due_at_its_deadline
                due_orders_of_a_pool_are_its_own
                live_orders_come_by_their_end
                what_is_held_is_counted
                what_needs_an_operator_is_listed
            }
            leases {
                a_lease_may_be_endless
                unsettled_payments_are_leased
                a_commit_ends_the_lease_of_a_payment
                a_lost_lease_is_fenced_by_the_version
                payments_are_leased_to_one_claimer_each
                unsettled_refunds_are_leased
                a_commit_ends_the_lease_of_a_refund
                refunds_are_leased_to_one_claimer_each
            }
            webhooks {
                a_webhook_is_new_once
                one_of_many_deliveries_is_new
                every_webhook_reads_back
                open_webhooks_are_leased
                a_closed_webhook_never_comes_again
                closing_twice_is_no_error
                closing_needs_no_claim
                webhooks_are_leased_to_one_claimer_each
            }
            outbox {
                every_group_has_one_row
                rows_are_leased
                a_late_claimer_cannot_finish_a_row
                an_unknown_row_cannot_be_finished
                dead_letters_are_kept
                rows_are_leased_to_one_claimer_each
                no_commit_is_skipped
                published_rows_can_be_walked_again
                the_depth_is_what_waits
                what_is_old_and_done_is_forgotten
                forgetting_goes_step_by_step
                a_forgotten_batch_is_not_applied_again
            }
            differential {
                a_random_history_is_that_of_memory
                a_second_random_history_is_that_of_memory
                a_third_random_history_is_that_of_memory
            }
        }
    };
}
