//! The database's clock.

use sqlx::PgConnection;
use ticketing_core::values::Timestamp;

use crate::error::Failure;

/// The time as it is when this is evaluated, and not when the transaction began, in microseconds.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}
pub(crate) use now;

/// Reads it.
pub(crate) async fn read(conn: &mut PgConnection) -> Result<Timestamp, Failure> {
    let micros: i64 = sqlx::query_scalar(concat!("SELECT ", now!())).fetch_one(conn).await?;
    Ok(Timestamp::from_micros(micros))
}
