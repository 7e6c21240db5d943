//! Servers over a Postgres database, of which several sell from one.

use serde_json::json;

use crate::crowd;
use crate::database::{in_database, in_this_database};
use crate::program::command;
use crate::shop::{SOON, Shop, welcomes_a_crowd};

/// A server with files of its own, and everything else in the database.
async fn server(url: &str) -> Shop {
    Shop::built(|config| in_this_database(config, url), welcomes_a_crowd).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_sold_from_postgres() {
    in_database(async |url| {
        let folder = tempfile::tempdir().unwrap();
        let ran = async |arguments: &[&str]| {
            let mut command = command(folder.path());
            command.env("TICKETING_DATABASE", url).args(arguments).kill_on_drop(true);
            let ran = tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap();
            let told = [ran.stdout, ran.stderr].map(|it| String::from_utf8(it).unwrap()).concat();
            assert!(!told.contains("VerySecret"), "{told}");
            (ran.status.success(), told)
        };
        let (good, told) = ran(&["check"]).await;
        assert!(good && told.contains("database: it is made at the first start"), "{told}");
        assert!(told.contains("accounts: it is made at the first start"), "{told}");
        let (good, told) = ran(&["admin", "verify"]).await;
        assert!(!good && told.contains("has not the tables of this version"), "{told}");

        let shop = server(url).await;
        let (seller, buyer) = (shop.member().await, shop.member().await);
        let ticket = seller.lists_many("Front row", json!("19.99"), 2).await;
        let order = buyer.reserves(&ticket).await;
        buyer.pays(&order).await;
        buyer.sees(&format!("/api/orders/{order}"), |seen| seen["status"] == "complete").await;
        let left = seller.ticket(&ticket).await;
        assert_eq!((&left["sold"], &left["available"]), (&json!(1), &json!(1)), "{left}");

        let (good, told) = ran(&["check"]).await;
        assert!(good && told.contains("database: it answers"), "{told}");
        assert!(told.contains("accounts: it answers"), "{told}");
        let (good, told) = ran(&["admin", "verify"]).await;
        assert!(good && told.contains("rules checked, 0 findings"), "{told}");
        let (good, told) = ran(&["admin", "stuck"]).await;
        assert!(good && told.contains("nothing waits for a person"), "{told}");

        // What was sold is in the database alone: a server with an empty folder knows it.
        shop.close().await;
        let shop = server(url).await;
        let again = buyer.at(shop.server.address()).order(&order).await;
        assert_eq!(again["status"], "complete", "{again}");
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_sell_one_ticket_no_more_often_than_there_are_units() {
    in_database(async |url| {
        let (here, there) = (server(url).await, server(url).await);
        crowd::takes_all_units(&[&here, &there]).await;
        here.close().await;
        there.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["check"][..], &["admin", "verify"], &["admin", "stuck"], &[]] {
        let mut command = command(folder.path());
        command.env("TICKETING_DATABASE", "postgres://shop:VerySecret@127.0.0.1:1/shop");
        command.env("TICKETING_LISTEN", "127.0.0.1:0").args(arguments).kill_on_drop(true);
        let ran = tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap();
        let told = [ran.stdout, ran.stderr].map(|it| String::from_utf8(it).unwrap()).concat();
        assert!(!ran.status.success() && told.contains("the database can't be used"), "{told}");
        assert!(!told.contains("VerySecret"), "{told}");
    }
}
