//! A row that a careless hand has spoilt: what it is part of goes on without it.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;
mod samples;

use std::time::Duration;

use sqlx::PgConnection;
use ticketing_core::domain::{AggregateKind, Event, EventKey};
use ticketing_core::ports::{Group, ListingQuery, OutboxRow, PortErrorKind, Storage, WriteBatch};
use ticketing_core::values::{Page, PageLimit, TicketId, Timestamp};
use ticketing_postgres::PostgresStorage;

use crate::database::Database;
use crate::samples::listing;

const LEASE: Duration = Duration::from_mins(1);

/// A storage, and a connection beside its own.
struct Opened {
    storage: PostgresStorage,
    conn: PgConnection,
    _database: Database,
}

impl Opened {
    async fn new() -> Self {
        let database = Database::migrated(&ticketing_postgres::migrations()).await;
        let storage = PostgresStorage::from_url(database.url()).await.unwrap();
        let conn = database.connect().await;
        Self { storage, conn, _database: database }
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
    let mut opened = Opened::new().await;
    let keys = opened.list(&["Front row", "Back row", "Balcony"]).await;
    let tickets: Vec<EventKey> =
        keys.into_iter().filter(|key| key.aggregate.kind == AggregateKind::Ticket).collect();
    let [garbled, gone, sound] = tickets[..] else { panic!("{tickets:?}") };
    let garble = "UPDATE ticketing.events SET data = '{' WHERE kind = 'ticket' AND id = $1";
    opened.spoil_event(garbled, garble).await;
    let forget = "DELETE FROM ticketing.events WHERE kind = 'ticket' AND id = $1";
    opened.spoil_event(gone, forget).await;

    let rows = opened.storage.claim_outbox(LEASE, 10).await.unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let kept = keys_of(row);
    assert!(kept.contains(&sound), "{kept:?}");
    assert!(!kept.contains(&garbled) && !kept.contains(&gone), "{kept:?}");
    assert_eq!(kept.len(), 4, "the pools' events and one of a ticket");

    let dead = opened.storage.dead_letters(10).await.unwrap();
    let mut buried: Vec<EventKey> = dead.iter().map(|letter| letter.event).collect();
    buried.sort();
    let mut lost = [garbled, gone];
    lost.sort();
    assert_eq!(buried, lost);
    assert!(dead.iter().all(|letter| letter.reason == "its row can't be read, or is gone"));

    assert!(opened.storage.outbox_done(row.id, row.epoch, &[]).await.unwrap());
    assert_eq!(opened.storage.outbox_depth().await.unwrap().rows, 0);
    let again = opened.storage.published_since(Timestamp::MIN, None, 10).await.unwrap();
    assert_eq!(again.iter().map(keys_of).collect::<Vec<_>>(), [kept]);
}

async fn found(storage: &PostgresStorage, words: &[&str]) -> Vec<TicketId> {
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
    let mut opened = Opened::new().await;
    let mut ids = Vec::new();
    for title in ["Front row", "Middle row", "Back row"] {
        let keys = opened.list(&[title]).await;
        ids.push(TicketId::from_uuid(keys[0].aggregate.id));
    }
    let [first, spoilt, last] = ids[..] else { panic!("{ids:?}") };
    let done = sqlx::query("UPDATE ticketing.tickets SET seller = '' WHERE id = $1")
        .bind(spoilt.as_uuid())
        .execute(&mut opened.conn)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);

    for words in [&[][..], &["row"]] {
        assert_eq!(found(&opened.storage, words).await, [last, first], "{words:?}");
    }
    let failed = opened.storage.listings(&[first, spoilt]).await.unwrap_err();
    let PortErrorKind::Corrupt { table, column, id } = failed.kind() else {
        panic!("{failed:?}");
    };
    assert_eq!((*table, *column, id.as_str()), ("tickets", "seller", &*spoilt.to_string()));
}
