//! Several processes at once: each store here is one, with connections of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use ticketing_core::ports::{Clock as _, SystemClock};
use tokio_util::sync::CancellationToken;

use super::scratch::{
    account, at, in_schema, in_schema_with, member, opened, outside, session, until,
    until_somebody_waits, user,
};
use crate::auth::postgres::PostgresAccounts;
use crate::auth::sessions::{SessionPolicy, Sessions};
use crate::auth::store::{
    AccountStore as _, NewPassword, OpenSession, RevocationsMark, Session, StoreError,
};
use crate::auth::tokens::Tokens;

fn password(keep: &Session) -> NewPassword {
    NewPassword { hash: "second".to_owned().into(), seen: 0, keep: keep.id, at: at(2) }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_gets_an_address() {
    in_schema(async |config| {
        let (here, there) = (opened(&config).await, opened(&config).await);
        let adding = (0..20).map(|number| {
            let store = if number % 2 == 0 { here.clone() } else { there.clone() };
            let mut account = account(&format!("user-{number}"));
            let address = if number % 3 == 0 { "Same@Example.ORG" } else { "same@example.org" };
            account.email = address.parse().unwrap();
            tokio::spawn(async move { store.add_account(&account).await })
        });
        let added = join_all(adding).await;
        let (good, refused): (Vec<_>, Vec<_>) =
            added.into_iter().map(Result::unwrap).partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        let taken = |it: &Result<(), StoreError>| matches!(it, Err(StoreError::EmailTaken));
        assert!(refused.iter().all(taken), "{refused:?}");
        here.close().await;
        there.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_changes_to_an_address_is_done() {
    in_schema(async |config| {
        let store = opened(&config).await;
        for number in 0..10 {
            store.add_account(&account(&format!("user-{number}"))).await.unwrap();
        }
        let changing = (0..10).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let email = "same@example.org".parse().unwrap();
                store.change_email(&user(&format!("user-{number}")), &email, 0).await
            })
        });
        let changed = join_all(changing).await.into_iter().map(Result::unwrap);
        let (good, refused): (Vec<_>, Vec<_>) = changed.partition(Result::is_ok);
        assert_eq!((good.len(), refused.len()), (1, 9));
        store.close().await;
    })
    .await;
}

/// However a change of the password and sign-ins with the old one meet, one change is done, and no
/// session of the old password is live after it but the one that it kept.
async fn a_password_changes_while_others_sign_in(parameters: &str) {
    in_schema_with(parameters, async |config| {
        let (here, there) = (opened(&config).await, opened(&config).await);
        for round in 0..20 {
            let name = format!("user-{round}");
            let kept = member(&here, &name).await;
            let signing_in = (0..6).map(|number| {
                let store = if number % 2 == 0 { here.clone() } else { there.clone() };
                let new = OpenSession { session: session(&name), seen: 0, most: 50 };
                tokio::spawn(async move { store.open_session(&new).await.map(drop) })
            });
            let changing = [&here, &there].map(|store| {
                let (store, name, new) = (store.clone(), name.clone(), password(&kept));
                tokio::spawn(
                    async move { store.change_password(&user(&name), &new).await.map(drop) },
                )
            });
            let (signed_in, changed) = tokio::join!(join_all(signing_in), join_all(changing));
            let changed = changed.into_iter().map(Result::unwrap);
            assert_eq!(changed.flatten().count(), 1);
            for done in signed_in.into_iter().map(Result::unwrap) {
                assert!(matches!(done, Ok(()) | Err(StoreError::Changed)), "{done:?}");
            }
            let live = there.live_sessions(&user(&name), at(3)).await.unwrap();
            assert_eq!(live, vec![kept]);
        }
        here.close().await;
        there.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_password_opens_nothing_after_a_new_one() {
    a_password_changes_while_others_sign_in("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_where_transactions_are_serializable_by_default() {
    let parameter = "options[default_transaction_isolation]=serializable";
    a_password_changes_while_others_sign_in(parameter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_at_once_do_not_pass_the_limit_together() {
    in_schema(async |config| {
        let (here, there) = (opened(&config).await, opened(&config).await);
        here.add_account(&account("ada")).await.unwrap();
        let signing_in = (0..20).map(|number| {
            let store = if number % 2 == 0 { here.clone() } else { there.clone() };
            let new = OpenSession { session: session("ada"), seen: 0, most: 3 };
            tokio::spawn(async move { store.open_session(&new).await.unwrap() })
        });
        let ended = join_all(signing_in).await.into_iter().map(Result::unwrap);
        assert_eq!(ended.map(|ended| ended.len()).sum::<usize>(), 17);
        assert_eq!(here.live_sessions(&user("ada"), at(2)).await.unwrap().len(), 3);
        here.close().await;
        there.close().await;
    })
    .await;
}

/// Whoever reads up to a revocation has missed none before it: a number is visible once all below it
/// are.
#[tokio::test]
async fn revocations_become_visible_in_their_order() {
    in_schema(async |config| {
        let store = opened(&config).await;
        let (first, second) = (member(&store, "ada").await, member(&store, "ben").await);
        // A process that has its number, and is slow to commit.
        let mut slow = outside(&config).await;
        sqlx::raw_sql("BEGIN").execute(&mut slow).await.unwrap();
        let ended = vec![(first.id.as_uuid(), first.expires_at.as_micros())];
        super::super::revocations::announce(&mut slow, ended).await.unwrap();

        let quick = store.clone();
        let revoking = tokio::spawn(async move { quick.revoke(second.id, at(2)).await });
        until_somebody_waits(&config).await;
        let none = store.revoked_after(RevocationsMark::default()).await.unwrap();
        assert_eq!(none.revoked, vec![]);

        sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
        revoking.await.unwrap().unwrap();
        let both = store.revoked_after(none.mark).await.unwrap().revoked;
        assert_eq!(both.iter().map(|it| it.id).collect::<Vec<_>>(), [first.id, second.id]);
        store.close().await;
    })
    .await;
}

/// A process with its own connections, keys that both know, and sessions that are kept up to date as
/// they are in a server.
async fn process(store: &PostgresAccounts) -> Sessions {
    let tokens = Tokens::new(&"a:0123456789abcdef0123456789abcdef".parse().unwrap());
    let (lifetime, idle) = (Duration::from_hours(24), Duration::from_hours(24));
    let policy = SessionPolicy { lifetime, idle, stale_after: Duration::from_secs(5) };
    let store = Arc::new(store.clone());
    Sessions::start(store, tokens, Arc::new(SystemClock), policy).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_here_is_signed_out_there_within_five_seconds() {
    in_schema(async |config| {
        let stores = [opened(&config).await, opened(&config).await];
        let (here, there) = (process(&stores[0]).await, process(&stores[1]).await);
        let stop = CancellationToken::new();
        let upkeep: Vec<_> =
            [&here, &there].map(|sessions| tokio::spawn(sessions.clone().run(stop.clone()))).into();

        let mut ada = account("ada");
        ada.created_at = SystemClock.now();
        stores[0].add_account(&ada).await.unwrap();
        let opened = here.open(&ada, None).await.unwrap();
        let token = opened.token.expose_secret().to_owned();
        let session = there.known(&token).expect("a good token").session;
        let signed_out = Instant::now();
        here.end(session).await;
        assert!(here.known(&token).is_none());
        until("the other process refuses it", async || there.known(&token).is_none()).await;
        assert!(signed_out.elapsed() < Duration::from_secs(5), "{:?}", signed_out.elapsed());

        stop.cancel();
        join_all(upkeep).await;
        for store in stores {
            store.close().await;
        }
    })
    .await;
}
