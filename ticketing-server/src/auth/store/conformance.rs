//! What every store of accounts must do: one case for each promise of its contract. Each takes a
//! store with nothing in it.

use std::time::Duration;

use ticketing_core::values::{Timestamp, UserId};

use super::{
    Account, AccountStore, Departure, NewPassword, OpenSession, Revocations, RevocationsMark,
    Revoked, Session, SessionId, StoreError,
};
use crate::auth::passwords::PasswordHash;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(seconds))
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    text.to_owned().into()
}

fn account(name: &str) -> Account {
    Account {
        id: user(name),
        email: format!("{name}@Example.org").parse().unwrap(),
        password: hash("first"),
        credentials: 0,
        created_at: at(0),
    }
}

fn session(name: &str, created: u64) -> Session {
    Session {
        id: SessionId::random(),
        user: user(name),
        created_at: at(created),
        last_seen_at: at(created),
        expires_at: at(created + 1000),
        user_agent: Some("a browser".to_owned()),
        revoked_at: None,
    }
}

async fn open(store: &dyn AccountStore, name: &str, created: u64) -> Session {
    let session = session(name, created);
    let new = OpenSession { session: session.clone(), seen: 0, most: 50 };
    assert_eq!(store.open_session(&new).await.unwrap(), vec![]);
    session
}

fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

fn ended(sessions: &[&Session]) -> Vec<Revoked> {
    let mut ended: Vec<Revoked> = sessions
        .iter()
        .map(|session| Revoked { id: session.id, expires_at: session.expires_at })
        .collect();
    ended.sort_by_key(|it| it.id);
    ended
}

fn sorted(mut revoked: Vec<Revoked>) -> Vec<Revoked> {
    revoked.sort_by_key(|it| it.id);
    revoked
}

async fn all_revoked(store: &dyn AccountStore) -> Vec<Revoked> {
    sorted(store.revoked_after(RevocationsMark::default()).await.unwrap().revoked)
}

/// An account is found by its id and by its address, in any case.
pub(crate) async fn accounts_are_found(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    let by_email = store.account_by_email(&"ADA@example.ORG".parse().unwrap()).await.unwrap();
    let by_id = store.account(&user("ada")).await.unwrap();
    for found in [by_email.unwrap(), by_id.unwrap()] {
        assert_eq!((found.id, found.email), (user("ada"), "ada@Example.org".parse().unwrap()));
        assert_eq!((found.password.expose(), found.credentials), ("first", 0));
        assert_eq!(found.created_at, at(0));
    }
    assert!(store.account(&user("ben")).await.unwrap().is_none());
    assert!(store.account_by_email(&"ben@example.org".parse().unwrap()).await.unwrap().is_none());
}

/// No two accounts have one address, neither as new ones nor after a change.
pub(crate) async fn addresses_are_taken_once(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    store.add_account(&account("ben")).await.unwrap();
    let mut same = account("cleo");
    same.email = "Ada@example.org".parse().unwrap();
    let taken = store.add_account(&same).await;
    assert!(matches!(taken, Err(StoreError::EmailTaken)), "{taken:?}");
    assert!(store.account(&user("cleo")).await.unwrap().is_none());
    let taken = store.change_email(&user("ben"), &same.email, 0).await;
    assert!(matches!(taken, Err(StoreError::EmailTaken)), "{taken:?}");
    // One's own address in another case is no other's.
    store.change_email(&user("ada"), &same.email, 0).await.unwrap();
    let ada = store.account(&user("ada")).await.unwrap().unwrap();
    assert_eq!(ada.email.as_str(), "Ada@example.org");
}

/// An address that was changed is free for others; sessions stay.
pub(crate) async fn a_changed_address_is_free(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    let session = open(store, "ada", 1).await;
    store.change_email(&user("ada"), &"new@example.org".parse().unwrap(), 0).await.unwrap();
    let mut other = account("ben");
    other.email = account("ada").email;
    store.add_account(&other).await.unwrap();
    assert_eq!(store.session(session.id).await.unwrap(), Some(session));
    for (who, seen) in [("ada", 1), ("nobody", 0)] {
        let late = store.change_email(&user(who), &"x@example.org".parse().unwrap(), seen).await;
        assert!(matches!(late, Err(StoreError::Changed)), "{late:?}");
    }
}

/// A new password ends all sessions but one, and whoever checked the old one is late.
pub(crate) async fn a_new_password_ends_sessions(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    store.add_account(&account("ben")).await.unwrap();
    let (kept, lost) = (open(store, "ada", 1).await, open(store, "ada", 2).await);
    let bens = open(store, "ben", 3).await;
    let new = NewPassword { hash: hash("second"), seen: 0, keep: kept.id, at: at(4) };
    let answer = store.change_password(&user("ada"), &new).await.unwrap();
    assert_eq!(answer, ended(&[&lost]));
    assert_eq!(all_revoked(store).await, answer);
    assert_eq!(store.session(lost.id).await.unwrap().unwrap().revoked_at, Some(at(4)));
    assert_eq!(store.session(kept.id).await.unwrap(), Some(kept));
    assert_eq!(store.session(bens.id).await.unwrap(), Some(bens));
    let ada = store.account(&user("ada")).await.unwrap().unwrap();
    assert_eq!((ada.password.expose(), ada.credentials), ("second", 1));

    let late = store.change_password(&user("ada"), &new).await;
    assert!(matches!(late, Err(StoreError::Changed)), "{late:?}");
    let late = OpenSession { session: session("ada", 5), seen: 0, most: 50 };
    let late = store.open_session(&late).await;
    assert!(matches!(late, Err(StoreError::Changed)), "{late:?}");
    assert_eq!(all_revoked(store).await, answer);
}

/// A better hash of the same password changes nothing else, and does not bring an old one back.
pub(crate) async fn a_better_hash_is_the_same_password(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    store.rehash(&user("ada"), &hash("better"), 0).await.unwrap();
    let ada = store.account(&user("ada")).await.unwrap().unwrap();
    assert_eq!((ada.password.expose(), ada.credentials), ("better", 0));
    store.rehash(&user("ada"), &hash("late"), 7).await.unwrap();
    store.rehash(&user("nobody"), &hash("late"), 0).await.unwrap();
    let ada = store.account(&user("ada")).await.unwrap().unwrap();
    assert_eq!(ada.password.expose(), "better");
}

/// A removed account leaves nothing but revocations, and its address is free.
pub(crate) async fn a_removed_account_is_gone(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    let (live, over) = (open(store, "ada", 1).await, open(store, "ada", 2).await);
    store.revoke(over.id, at(3)).await.unwrap();
    assert_eq!(store.remove_account(&user("ada"), at(4)).await.unwrap(), ended(&[&live]));
    assert!(store.account(&user("ada")).await.unwrap().is_none());
    assert!(store.session(live.id).await.unwrap().is_none());
    assert_eq!(all_revoked(store).await, ended(&[&live, &over]));
    assert_eq!(store.remove_account(&user("ada"), at(5)).await.unwrap(), vec![]);
    let late = OpenSession { session: session("ada", 6), seen: 0, most: 50 };
    assert!(matches!(store.open_session(&late).await, Err(StoreError::Changed)));
    store.add_account(&account("ada")).await.unwrap();
}

/// Whoever is removed has departed, once, until that is forgotten.
pub(crate) async fn departures_are_kept_until_they_are_forgotten(store: &dyn AccountStore) {
    assert_eq!(store.departures(None).await.unwrap(), vec![]);
    store.add_account(&account("ada")).await.unwrap();
    store.remove_account(&user("ada"), at(4)).await.unwrap();
    let adas = Departure { user: user("ada"), at: at(4) };
    assert_eq!(store.departures(None).await.unwrap(), vec![adas.clone()]);
    // Who is gone already, or never was, does not depart.
    for gone in ["ada", "nobody"] {
        store.remove_account(&user(gone), at(5)).await.unwrap();
    }
    assert_eq!(store.departures(None).await.unwrap(), vec![adas.clone()]);
    store.add_account(&account("ben")).await.unwrap();
    store.remove_account(&user("ben"), at(6)).await.unwrap();
    store.forget_departure(&user("ada")).await.unwrap();
    store.forget_departure(&user("ada")).await.unwrap();
    let bens = Departure { user: user("ben"), at: at(6) };
    assert_eq!(store.departures(None).await.unwrap(), vec![bens]);
}

/// Departures are read in bounded answers, and none is missed.
pub(crate) async fn departures_are_read_page_by_page(store: &dyn AccountStore) {
    let names: Vec<String> = (0..205).map(|number| format!("user-{number}")).collect();
    for name in &names {
        store.add_account(&account(name)).await.unwrap();
        store.remove_account(&user(name), at(1)).await.unwrap();
    }
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let some = store.departures(after.as_ref()).await.unwrap();
        assert!(some.len() <= 100, "{}", some.len());
        let Some(last) = some.last() else { break };
        after = Some(last.user.clone());
        read.extend(some.into_iter().map(|it| it.user.as_str().to_owned()));
    }
    let mut expected = names;
    expected.sort_unstable();
    read.sort_unstable();
    assert_eq!(read, expected);
}

/// Live sessions are listed, newest first; the others are not.
pub(crate) async fn live_sessions_are_listed(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    store.add_account(&account("ben")).await.unwrap();
    let (first, second) = (open(store, "ada", 1).await, open(store, "ada", 2).await);
    let third = open(store, "ada", 3).await;
    open(store, "ben", 4).await;
    store.revoke(second.id, at(5)).await.unwrap();
    let listed = store.live_sessions(&user("ada"), at(1000)).await.unwrap();
    assert_eq!(listed, vec![third.clone(), first]);
    // At its end a session is over.
    let listed = store.live_sessions(&user("ada"), at(1001)).await.unwrap();
    assert_eq!(ids(&listed), vec![third.id]);
}

/// Too many sessions end the oldest live ones.
pub(crate) async fn too_many_sessions_end_the_oldest(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    let (first, second) = (open(store, "ada", 1).await, open(store, "ada", 2).await);
    let third = open(store, "ada", 3).await;
    let fourth = session("ada", 4);
    let new = OpenSession { session: fourth.clone(), seen: 0, most: 2 };
    assert_eq!(sorted(store.open_session(&new).await.unwrap()), ended(&[&first, &second]));
    let live = store.live_sessions(&user("ada"), at(5)).await.unwrap();
    assert_eq!(ids(&live), vec![fourth.id, third.id]);
    assert_eq!(all_revoked(store).await, ended(&[&first, &second]));
}

/// A session ends once.
pub(crate) async fn a_session_ends_once(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    let session = open(store, "ada", 1).await;
    let answer = store.revoke(session.id, at(2)).await.unwrap();
    assert_eq!(answer.as_slice(), ended(&[&session]));
    assert_eq!(store.revoke(session.id, at(3)).await.unwrap(), None);
    assert_eq!(store.revoke(SessionId::random(), at(3)).await.unwrap(), None);
    assert_eq!(all_revoked(store).await, ended(&[&session]));
    assert_eq!(store.session(session.id).await.unwrap().unwrap().revoked_at, Some(at(2)));
}

/// All of an account's sessions but one end; nobody else's do.
pub(crate) async fn the_others_end(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    store.add_account(&account("ben")).await.unwrap();
    let (first, kept) = (open(store, "ada", 1).await, open(store, "ada", 2).await);
    let (third, bens) = (open(store, "ada", 3).await, open(store, "ben", 4).await);
    let answer = store.revoke_others(&user("ada"), kept.id, at(5)).await.unwrap();
    assert_eq!(sorted(answer), ended(&[&first, &third]));
    assert_eq!(store.revoke_others(&user("ada"), kept.id, at(6)).await.unwrap(), vec![]);
    let live = store.live_sessions(&user("ben"), at(6)).await.unwrap();
    assert_eq!(live, vec![bens]);
}

/// What was not used for long ends; what was used does not.
pub(crate) async fn idle_sessions_end(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    let (idle, used) = (open(store, "ada", 1).await, open(store, "ada", 2).await);
    store.note_seen(&[used.id, SessionId::random()], at(100)).await.unwrap();
    // An older note changes nothing.
    store.note_seen(&[used.id], at(50)).await.unwrap();
    let answer = store.revoke_idle(at(100), at(200)).await.unwrap();
    assert_eq!(answer, ended(&[&idle]));
    assert_eq!(all_revoked(store).await, answer);
    let live = store.live_sessions(&user("ada"), at(200)).await.unwrap();
    assert_eq!(live, vec![Session { last_seen_at: at(100), ..used }]);
}

/// Revocations are read from a mark on, in bounded answers, and none is missed.
pub(crate) async fn revocations_are_read_from_a_mark_on(store: &dyn AccountStore) {
    let none = store.revoked_after(RevocationsMark::default()).await.unwrap();
    assert_eq!(none, Revocations { mark: none.mark, ..Revocations::default() });
    store.add_account(&account("ada")).await.unwrap();
    let first = open(store, "ada", 1).await;
    store.revoke(first.id, at(2)).await.unwrap();
    let one = store.revoked_after(none.mark).await.unwrap();
    assert_eq!((sorted(one.revoked), one.more), (ended(&[&first]), false));

    let mut all = vec![first];
    for _ in 0..1001 {
        let session = open_uncounted(store, "ada").await;
        store.revoke(session.id, at(4)).await.unwrap();
        all.push(session);
    }
    let mut mark = one.mark;
    let mut read = ended(&[&all[0]]);
    loop {
        let some = store.revoked_after(mark).await.unwrap();
        assert!(some.revoked.len() <= 1000);
        read.extend(some.revoked);
        mark = some.mark;
        if !some.more {
            break;
        }
    }
    read.sort_by_key(|it| it.id);
    read.dedup();
    assert_eq!(read, ended(&all.iter().collect::<Vec<_>>()));
}

async fn open_uncounted(store: &dyn AccountStore, name: &str) -> Session {
    let session = session(name, 3);
    let new = OpenSession { session: session.clone(), seen: 0, most: 5000 };
    store.open_session(&new).await.unwrap();
    session
}

/// What has expired is forgotten, the rest is not, and marks stay good.
pub(crate) async fn what_has_expired_is_forgotten(store: &dyn AccountStore) {
    store.add_account(&account("ada")).await.unwrap();
    let (old, young) = (open(store, "ada", 1).await, open(store, "ada", 2).await);
    for session in [&old, &young] {
        store.revoke(session.id, at(3)).await.unwrap();
    }
    let mark = store.revoked_after(RevocationsMark::default()).await.unwrap().mark;
    store.prune(at(1001)).await.unwrap();
    assert!(store.session(old.id).await.unwrap().is_none());
    assert!(store.session(young.id).await.unwrap().is_some());
    assert_eq!(all_revoked(store).await, ended(&[&young]));
    store.prune(at(1002)).await.unwrap();
    assert_eq!(all_revoked(store).await, vec![]);
    let new = open(store, "ada", 900).await;
    store.revoke(new.id, at(901)).await.unwrap();
    assert_eq!(store.revoked_after(mark).await.unwrap().revoked, ended(&[&new]));
}
