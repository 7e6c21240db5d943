//! A row that a careless hand has spoilt: what it is part of goes on without it.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod samples;

use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use ticketing_core::domain::{AggregateKind, Event, EventKey};
use ticketing_core::ports::{Group, ListingQuery, OutboxRow, PortErrorKind, Storage, WriteBatch};
use ticketing_core::values::{Page, PageLimit, TicketId, Timestamp};
use ticketing_sqlite::SqliteStorage;

use crate::samples::listing;

const LEASE: Duration = Duration::from_mins(1);

/// A file, and a connection beside the storage's.
struct File {
    storage: SqliteStorage,
    conn: SqliteConnection,
    _folder: TempDir,
}

impl File {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tickets.db");
        let storage = SqliteStorage::open(&file).await.unwrap();
        let conn = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
        Self { storage, conn, _folder: folder }
    }

    /// Lists tickets of these titles, in one group. Answers the keys of its events.
    async fn list(&self, titles: &[&str]) -> Vec<EventKey> {
        let mut batches = Vec::new();
        for title in titles {
            batches.push(listing(&self.storage, title).await);
        }
        let keys = batches.iter().flat_map(WriteBatch::changes).map(|it| it.event.key());
        let keys = keys.collect();
        let committed = self.storage.commit(Group::of(batches)).await;
        assert!(committed.outcomes.iter().all(Result::is_ok));
        keys
    }

    async fn spoil_event(&mut self, key: EventKey, sql: &'static str) {
        let done = sqlx::query(sql).bind(key.aggregate.id).execute(&mut self.conn).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }
}

fn keys_of(row: &OutboxRow) -> Vec<EventKey> {
    row.events.iter().map(Event::key).collect()
}

/// Two of a group's events can't be read any more. The others are published all the same, and
/// whoever runs the program finds the two among the dead letters.
#[tokio::test]
async fn an_event_that_cant_be_read_holds_back_no_other() {
    let mut file = File::new().await;
    let keys = file.list(&["Front row", "Back row", "Balcony"]).await;
    let tickets: Vec<EventKey> =
        keys.into_iter().filter(|key| key.aggregate.kind == AggregateKind::Ticket).collect();
    let [garbled, gone, sound] = tickets[..] else { panic!("{tickets:?}") };
    let garble = "UPDATE ticketing_events SET data = '{' WHERE kind = 'ticket' AND id = ?";
    file.spoil_event(garbled, garble).await;
    let forget = "DELETE FROM ticketing_events WHERE kind = 'ticket' AND id = ?";
    file.spoil_event(gone, forget).await;

    let rows = file.storage.claim_outbox(LEASE, 10).await.unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let kept = keys_of(row);
    assert!(kept.contains(&sound), "{kept:?}");
    assert!(!kept.contains(&garbled) && !kept.contains(&gone), "{kept:?}");
    assert_eq!(kept.len(), 4, "the pools' events and one of a ticket");

    let dead = file.storage.dead_letters(10).await.unwrap();
    let mut buried: Vec<EventKey> = dead.iter().map(|letter| letter.event).collect();
    buried.sort();
    let mut lost = [garbled, gone];
    lost.sort();
    assert_eq!(buried, lost);
    assert!(dead.iter().all(|letter| letter.reason == "its row can't be read, or is gone"));

    assert!(file.storage.outbox_done(row.id, row.epoch, &[]).await.unwrap());
    assert_eq!(file.storage.outbox_depth().await.unwrap().rows, 0);
    let again = file.storage.published_since(Timestamp::MIN, None, 10).await.unwrap();
    assert_eq!(again.iter().map(keys_of).collect::<Vec<_>>(), [kept]);
}

async fn found(storage: &SqliteStorage, words: &[&str]) -> Vec<TicketId> {
    let words = words.iter().map(|&word| word.to_owned()).collect();
    let mut query = ListingQuery {
        words,
        page: Page { limit: PageLimit::new(1).unwrap(), after: None },
        ..ListingQuery::default()
    };
    let mut found = Vec::new();
    loop {
        let page = storage.search(&query).await.unwrap();
        found.extend(page.items.iter().map(|listing| listing.ticket.id));
        match page.next {
            Some(next) => query.page.after = Some(next),
            None => return found,
        }
    }
}

/// A listing that can't be read is left out of the pages around it, and is told as such when it is
/// asked for.
#[tokio::test]
async fn a_listing_that_cant_be_read_spoils_no_page() {
    let mut file = File::new().await;
    let mut ids = Vec::new();
    for title in ["Front row", "Middle row", "Back row"] {
        let keys = file.list(&[title]).await;
        ids.push(TicketId::from_uuid(keys[0].aggregate.id));
    }
    let [first, spoilt, last] = ids[..] else { panic!("{ids:?}") };
    let done = sqlx::query("UPDATE ticketing_tickets SET seller = '' WHERE id = ?")
        .bind(spoilt.as_uuid())
        .execute(&mut file.conn)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);

    for words in [&[][..], &["row"]] {
        assert_eq!(found(&file.storage, words).await, [last, first], "{words:?}");
    }
    let failed = file.storage.listings(&[first, spoilt]).await.unwrap_err();
    let PortErrorKind::Corrupt { table, column, id } = failed.kind() else {
        panic!("{failed:?}");
    };
    assert_eq!((*table, *column, id.as_str()), ("tickets", "seller", &*spoilt.to_string()));
}
