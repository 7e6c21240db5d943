//! Idempotency keys.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::ports::{Fingerprint, KeyRecord};
use ticketing_core::values::{IdempotencyKey, UserId};

use crate::error::Failure;
use crate::fields::Fields;
use crate::many::{Insert, Lookup, Query};
use crate::rows::event;

const TABLE: &str = "keys";

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "ticketing_keys",
        &["user", "key", "fingerprint", "used_at", "answer_kind", "answer_id", "answer_version"],
    )
});

pub(crate) static BY_KEY: LazyLock<Lookup> = LazyLock::new(|| {
    Lookup::by(
        "user, key, fingerprint, answer_kind, answer_id, answer_version, used_at",
        "ticketing_keys",
        &["user", "key"],
    )
});

/// Inserts the records of keys.
pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    records: &[&KeyRecord],
) -> Result<(), Failure> {
    INSERT
        .rows(conn, records, |query, record| {
            let query = query
                .bind(record.user.as_str().to_owned())
                .bind(record.key.as_str().to_owned())
                .bind(record.fingerprint.as_uuid())
                .bind(record.used_at.as_micros());
            event::key(query, record.answer)
        })
        .await
}

/// Those of the keys that were used.
pub(crate) async fn by_key(
    conn: &mut SqliteConnection,
    keys: &[&(UserId, IdempotencyKey)],
) -> Result<Vec<KeyRecord>, Failure> {
    let bind = |query: Query, key: &&(UserId, IdempotencyKey)| {
        Ok(query.bind(key.0.as_str().to_owned()).bind(key.1.as_str().to_owned()))
    };
    BY_KEY.rows(conn, keys, bind, read).await
}

fn read(row: &SqliteRow) -> Result<KeyRecord, Failure> {
    let fields = Fields::keyed(TABLE, "key", row);
    Ok(KeyRecord {
        user: fields.text("user")?,
        key: fields.text("key")?,
        fingerprint: fields.id("fingerprint", Fingerprint::from_uuid)?,
        answer: event::read_key(&fields, ["answer_kind", "answer_id", "answer_version"])?,
        used_at: fields.time("used_at")?,
    })
}
