//! Callers who go away, processes that stop, and a database that is not heard.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::super::command::{Command, Failure, give_back, is_clean};
use super::scratch::{
    account, at, in_schema, in_schema_with, member, opened, outside, session, until, user,
};
use crate::auth::postgres::PostgresAccounts;
use crate::auth::store::{AccountStore as _, OpenSession, StoreError};

/// Every connection of the pool that writes can be used.
async fn all_are_clean(store: &PostgresAccounts) {
    let mut all = Vec::new();
    until("all connections are free", async || {
        all.extend(store.writers.acquire().await);
        u32::try_from(all.len()) == Ok(super::super::WRITERS)
    })
    .await;
    for conn in &mut all {
        assert!(is_clean(conn).await.unwrap(), "a connection is inside a transaction");
    }
}

/// A `BEGIN` that was sent, and whose answer nobody waited for: the driver does not count it.
#[tokio::test]
async fn a_transaction_that_nobody_waited_for_spoils_no_connection() {
    in_schema_with("sslmode=disable", async |config| {
        let store = opened(&config).await;
        let mut cut = 0;
        for round in 0..1000 {
            let mut conn = store.writers.acquire().await.unwrap();
            {
                let mut begun = pin!(conn.begin());
                // Now and then the answer is quicker.
                cut += u32::from(futures_util::poll!(begun.as_mut()).is_pending());
            }
            if round % 2 == 0 {
                drop(conn);
            } else {
                give_back(conn).await;
            }
        }
        assert!(cut > 0, "every answer was quicker");
        all_are_clean(&store).await;
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_given_back_in_a_transaction_is_cut() {
    in_schema(async |config| {
        let store = opened(&config).await;
        for left_as in ["BEGIN", "BEGIN; SELECT 1/0"] {
            let mut conn = store.writers.acquire().await.unwrap();
            sqlx::raw_sql(left_as).execute(&mut *conn).await.ok();
            give_back(conn).await;
            assert_eq!(store.writers.size(), 0);
        }
        let conn = store.writers.acquire().await.unwrap();
        give_back(conn).await;
        assert_eq!(store.writers.size(), 1);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_in_a_transaction_is_not_used_again() {
    in_schema(async |config| {
        let store = opened(&config).await;
        for left_as in ["BEGIN", "BEGIN; SELECT 1/0"] {
            let mut conn = store.writers.acquire().await.unwrap();
            sqlx::raw_sql(left_as).execute(&mut *conn).await.ok();
            drop(conn);
            until("the pool lets it go", async || store.writers.size() == 0).await;
        }
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_cuts_nothing() {
    in_schema_with("options[synchronous_commit]=off", async |config| {
        let store = opened(&config).await;
        store.add_account(&account("ada")).await.unwrap();
        let signing_in = (0..200_usize).map(|number| {
            let store = store.clone();
            let new = OpenSession { session: session("ada"), seen: 0, most: 500 };
            async move {
                let calling = tokio::spawn(async move { store.open_session(&new).await });
                for _ in 0..number * 7 % 300 {
                    tokio::task::yield_now().await;
                }
                calling.abort();
                // What was answered before that is done; the rest may be.
                usize::from(calling.await.is_ok_and(|done| done.is_ok()))
            }
        });
        let answered: usize = join_all(signing_in).await.into_iter().sum();
        all_are_clean(&store).await;
        let live = store.live_sessions(&user("ada"), at(2)).await.unwrap();
        assert!(live.len() >= answered, "{} of {answered}", live.len());
        store.close().await;
    })
    .await;
}

/// Fails as often as it is told to, as the database would.
struct GivenUp {
    code: &'static str,
    times: u32,
    tried: &'static AtomicU32,
}

impl Command for GivenUp {
    type Answer = ();

    const NAME: &'static str = "be given up";

    async fn run(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        if self.tried.fetch_add(1, Ordering::SeqCst) < self.times {
            let code = self.code;
            let raise = format!("DO $$ BEGIN RAISE 'given up' USING ERRCODE = '{code}'; END $$");
            sqlx::raw_sql(AssertSqlSafe(raise)).execute(conn).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_the_database_gives_up_is_tried_again_within_bounds() {
    in_schema(async |config| {
        let store = opened(&config).await;
        for (code, times, tries, is_done) in [
            ("40001", 3, 4, true),
            ("40P01", 5, 6, true),
            ("40P01", 6, 6, false),
            ("23514", 1, 1, false),
        ] {
            let tried: &'static AtomicU32 = Box::leak(Box::default());
            let done = store.write(GivenUp { code, times, tried }).await;
            assert_eq!(done.is_ok(), is_done, "{code} {times}: {done:?}");
            assert_eq!(tried.load(Ordering::SeqCst), tries, "{code} {times}");
        }
        all_are_clean(&store).await;
        store.close().await;
    })
    .await;
}

/// The database ends the transaction of a process that stops in the middle of it, before those who
/// wait for its locks give up.
#[tokio::test]
async fn a_process_that_stops_does_not_stop_the_others() {
    in_schema(async |config| {
        let store = opened(&config).await;
        let session = member(&store, "ada").await;
        let mut stopped = outside(&config).await;
        sqlx::raw_sql("BEGIN; SELECT 1 FROM account_revocations_last FOR UPDATE")
            .execute(&mut stopped)
            .await
            .unwrap();
        assert!(store.revoke(session.id, at(2)).await.unwrap().is_some());
        store.close().await;
    })
    .await;
}

/// A command that the database does not answer takes its connection with it, so that the next one
/// finds another.
#[tokio::test]
async fn a_command_without_an_answer_costs_no_place_in_the_pool() {
    in_schema(async |mut config| {
        config.patience = Duration::from_millis(200);
        let store = opened(&config).await;
        let session = member(&store, "ada").await;
        let mut holder = outside(&config).await;
        let hold =
            "SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT 1 FROM accounts FOR UPDATE";
        sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
        for _ in 0..2 * super::super::WRITERS {
            let unheard = store.remove_account(&user("ada"), at(2)).await.unwrap_err();
            let told = ticketing_core::ports::chain(&unheard);
            assert!(told.contains("did not answer within 200ms"), "{told}");
        }
        drop(holder);
        // Nobody is left who would remove it.
        assert!(store.revoke(session.id, at(3)).await.unwrap().is_some());
        assert!(store.account(&user("ada")).await.unwrap().is_some());
        store.close().await;
    })
    .await;
}

/// What is between the store and the database, and can fall silent without a word to either.
struct Wire {
    port: u16,
    silent: watch::Sender<bool>,
}

impl Wire {
    async fn to(host: String, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let (silent, heard) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (address, mut heard) = ((host.clone(), port), heard.clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(address).await.unwrap();
                    let talking = tokio::io::copy_bidirectional(&mut near, &mut far);
                    let falling_silent = async { heard.wait_for(|it| *it).await.is_ok() };
                    let is_silent = tokio::select! {
                        _ = talking => false,
                        is_silent = falling_silent => is_silent,
                    };
                    // Both ends stay open, and hear nothing for ever.
                    if is_silent {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { port: own_port, silent }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_heard_is_told_and_asked_anew_when_it_is_back() {
    in_schema(async |mut config| {
        let wire = Wire::to(config.server.get_host().to_owned(), config.server.get_port()).await;
        *config.server = config.server.as_ref().clone().host("127.0.0.1").port(wire.port);
        config.patience = Duration::from_millis(300);
        let store = opened(&config).await;
        store.add_account(&account("ada")).await.unwrap();
        store.account(&user("ada")).await.unwrap();

        wire.silent.send_replace(true);
        let asked = Instant::now();
        for _ in 0..2 {
            let unheard = store.account(&user("ada")).await;
            assert!(matches!(unheard, Err(StoreError::Unavailable { .. })), "{unheard:?}");
            let unheard = store.add_account(&account("ben")).await;
            assert!(matches!(unheard, Err(StoreError::Unavailable { .. })), "{unheard:?}");
        }
        assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());

        // What was open stays dead, as it does behind a firewall that forgot it.
        wire.silent.send_replace(false);
        until("the database is asked anew", async || store.account(&user("ada")).await.is_ok())
            .await;
        until("and written to", async || store.note_seen(&[], at(1)).await.is_ok()).await;
        store.close().await;
    })
    .await;
}
