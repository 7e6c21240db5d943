//! The suite of the port.

use std::future::Future;
use std::pin::Pin;

use super::scratch::{in_schema_with, opened};
use crate::auth::store::{AccountStore, conformance};

async fn run(
    case: impl for<'s> FnOnce(&'s dyn AccountStore) -> Pin<Box<dyn Future<Output = ()> + Send + 's>>,
) {
    // Thousands of synced commits are slow on a slow disk, and this is not about the disk.
    in_schema_with("options[synchronous_commit]=off", async |config| {
        let store = opened(&config).await;
        case(&store).await;
        store.close().await;
    })
    .await;
}

macro_rules! conforms {
    ($($case:ident)*) => {
        $(#[tokio::test]
        async fn $case() {
            run(|store| Box::pin(conformance::$case(store))).await;
        })*
    };
}

conforms! {
    accounts_are_found
    addresses_are_taken_once
    a_changed_address_is_free
    a_new_password_ends_sessions
    a_better_hash_is_the_same_password
    a_removed_account_is_gone
    departures_are_kept_until_they_are_forgotten
    departures_are_read_page_by_page
    live_sessions_are_listed
    too_many_sessions_end_the_oldest
    a_session_ends_once
    the_others_end
    idle_sessions_end
    revocations_are_read_from_a_mark_on
    what_has_expired_is_forgotten
}
