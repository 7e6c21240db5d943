//! Two server processes that sell from one Postgres database, with one Stripe.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use ticketing_postgres::PostgresConfig;
use ticketing_stripe_stand_in::{Call, Fault, StandIn};

use super::agreement::Agreement;
use super::{is, pays, process_at};
use crate::browser::Browser;
use crate::database::in_database;
use crate::shop::SOON;

/// Clicks in each of two tabs at each of two processes.
const CLICKS: usize = 3;
/// How long Stripe takes, so that every click comes while another is dealt with.
const LATE: Fault = Fault::LateAnswer(Duration::from_millis(300));

/// Plays a story of a buyer at two processes. After it, the books agree with Stripe's ledger.
async fn at_two_processes(story: impl AsyncFnOnce(&StandIn, [Browser; 2])) {
    in_database(async |url| {
        let stripe = StandIn::start().await.unwrap();
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let here = process_at(&stripe, url, &folders[0]).await;
        let there = process_at(&stripe, url, &folders[1]).await;
        let storage = PostgresConfig::from_url(url).unwrap().open().await.unwrap();
        let agreement = Agreement::watched(Arc::new(storage.clone()), stripe.clone());
        let buyer = here.signs_up("ann").await;
        let elsewhere = buyer.at(there.address);
        story(&stripe, [buyer, elsewhere]).await;
        let resting = async {
            while !agreement.is_at_rest().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(SOON, resting).await.expect("it never comes to rest");
        Agreement::assert_none(&agreement.broken().await);
        for program in [here, there] {
            assert!(program.terminate().await.success());
        }
        storage.close().await;
    })
    .await;
}

/// All clicks at once: each tab of each process, again and again.
async fn clicks(
    buyers: &[Browser; 2],
    click: impl AsyncFn(Browser) -> (u16, Value) + Copy,
) -> Vec<(u16, Value)> {
    let tabs = buyers.iter().flat_map(|buyer| [buyer.tab(), buyer.tab()]);
    let all = tabs.flat_map(|tab| (0..CLICKS).map(move |_| tab.tab()).collect::<Vec<_>>());
    join_all(all.map(|tab| click(tab))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_in_two_tabs_at_two_processes_are_one_charge() {
    at_two_processes(async |stripe, buyers| {
        for call in [Call::Create, Call::Confirm] {
            let charges = stripe.ledger().charges.len();
            let ticket = buyers[0].lists("Front row", json!(20)).await;
            let order = buyers[0].reserves(&ticket).await;
            stripe.next(call, LATE);
            let click = async |tab: Browser| {
                let answer = tab.post("/api/payments", pays(&order, "tok_visa")).await;
                (answer.status.as_u16(), answer.json())
            };
            for (status, told) in clicks(&buyers, click).await {
                let paid = told["errors"][0]["code"] == "order_complete";
                assert!(status == 201 || (status == 400 && paid), "{status} {told}");
            }
            for buyer in &buyers {
                is(buyer, &order, "complete").await;
            }
            assert_eq!(stripe.ledger().charges.len(), charges + 1, "{call:?}");
        }
    })
    .await;
}

/// A click that is repeated under its key is answered with the same payment, wherever it arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_at_two_processes_is_one_payment() {
    at_two_processes(async |stripe, buyers| {
        let ticket = buyers[0].lists("Front row", json!(20)).await;
        let order = buyers[0].reserves(&ticket).await;
        stripe.next(Call::Confirm, LATE);
        let click = async |tab: Browser| {
            let answer = tab.post_once("/api/payments", "one-click", pays(&order, "tok_visa"));
            let answer = answer.await;
            (answer.status.as_u16(), answer.json())
        };
        let mut payments = Vec::new();
        for (status, told) in clicks(&buyers, click).await {
            assert_eq!(status, 201, "{told}");
            payments.push(told["id"].clone());
        }
        assert_eq!(payments.len(), 4 * CLICKS);
        payments.dedup();
        assert_eq!(payments.len(), 1, "{payments:?}");
        is(&buyers[1], &order, "complete").await;
        assert_eq!(stripe.ledger().charges.len(), 1);
    })
    .await;
}
