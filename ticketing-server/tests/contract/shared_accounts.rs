//! Several servers with the same accounts, in a Postgres database.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use ticketing_server::auth::{AccountsPlace, PostgresAccountsConfig};

use crate::program::command;
use crate::shop::{PASSWORD, SOON, Shop};

const KEYS: &str = "a:0123456789abcdef0123456789abcdef";

/// The Postgres to test with, with parameters.
fn url(parameters: &str) -> String {
    let url = std::env::var("TICKETING_TEST_POSTGRES").expect(
        "TICKETING_TEST_POSTGRES must name a Postgres to test with: `scripts/services up` starts \
         one, and `scripts/services env` prints the variable",
    );
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{parameters}")
}

/// Runs a test in a schema of its own, which is gone afterwards. The URL has a password in it.
async fn in_schema(case: impl AsyncFnOnce(&str)) {
    let schema = format!("t_{}", uuid::Uuid::new_v4().simple());
    let named = url(&format!("schema={schema}&password=VerySecret"));
    let outcome = AssertUnwindSafe(case(&named)).catch_unwind().await;
    let mut conn = PgConnection::connect(&url("")).await.unwrap();
    let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
    sqlx::query(AssertSqlSafe(drop)).execute(&mut conn).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure);
    }
}

/// A server with files of its own, and accounts there.
async fn server(url: &str) -> Shop {
    let accounts = AccountsPlace::Postgres(PostgresAccountsConfig::from_url(url).unwrap());
    Shop::with(|config| {
        config.accounts = accounts;
        config.session_keys = Some(KEYS.parse().unwrap());
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_share_their_people() {
    in_schema(async |url| {
        let (here, there) = (server(url).await, server(url).await);
        let member = here.member().await;
        let elsewhere = member.at(there.server.address());
        assert_eq!(member.me().await, elsewhere.me().await);
        let email =
            member.get("/api/users/currentuser").await.json()["currentUser"]["email"].clone();
        let again = json!({ "email": email, "password": PASSWORD });
        there
            .visitor()
            .post("/api/users/signup", again)
            .await
            .expect_errors(400, &[("Email in use", None)]);

        let signed_out = Instant::now();
        member.post("/api/users/signout", json!({})).await.expect(200);
        // The browser at the other server has its cookie still, as a thief would.
        elsewhere.sees("/api/users/currentuser", |seen| seen["currentUser"].is_null()).await;
        assert!(signed_out.elapsed() < Duration::from_secs(5), "{:?}", signed_out.elapsed());
        elsewhere.post("/api/tickets", json!({ "title": "A", "price": 1 })).await.expect(401);
        here.close().await;
        there.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_program_looks_at_them_and_shows_no_password() {
    in_schema(async |url| {
        let folder = tempfile::tempdir().unwrap();
        let ran = async |arguments: &[&str]| {
            let mut command = command(folder.path());
            command.env("TICKETING_ACCOUNTS", url).args(arguments).kill_on_drop(true);
            let ran = tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap();
            let told = [ran.stdout, ran.stderr].map(|it| String::from_utf8(it).unwrap()).concat();
            assert!(!told.contains("VerySecret"), "{told}");
            (ran.status.success(), told)
        };
        let (good, told) = ran(&["check"]).await;
        assert!(good && told.contains("accounts: it is made at the first start"), "{told}");
        let (good, told) = ran(&["admin", "operator", "member@example.com"]).await;
        assert!(!good && told.contains("nobody has signed up as"), "{told}");

        let shop = server(url).await;
        let member = shop.member().await;
        let me = member.get("/api/users/currentuser").await.json()["currentUser"].clone();
        let (good, told) = ran(&["check"]).await;
        assert!(good && told.contains("accounts: it answers"), "{told}");
        let (good, told) = ran(&["admin", "operator", me["email"].as_str().unwrap()]).await;
        assert!(good && told.trim() == me["id"].as_str().unwrap(), "{told}");
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn accounts_that_are_not_there_are_told_without_their_password() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.env("TICKETING_ACCOUNTS", "postgres://shop:VerySecret@127.0.0.1:1/shop").arg("check");
    let ran = tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap();
    let told = [ran.stdout, ran.stderr].map(|it| String::from_utf8(it).unwrap()).concat();
    assert!(!ran.status.success() && told.contains("accounts: it can't be used"), "{told}");
    assert!(told.contains("127.0.0.1:1/shop") && !told.contains("VerySecret"), "{told}");
}
