//! Reading the columns of a row as what they should be, and writing values as columns.

use std::str::FromStr;

use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};
use ticketing_core::values::{Currency, Money, TimeWindow, Timestamp, Version};
use uuid::Uuid;

use crate::error::Failure;

/// A row of a table, to be read column by column.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'r> {
    row: &'r PgRow,
    table: &'static str,
    /// The column that names the row where something is wrong with it.
    key: &'static str,
}

impl<'r> Fields<'r> {
    /// A row with an `id`.
    pub(crate) fn of(table: &'static str, row: &'r PgRow) -> Self {
        Self { row, table, key: "id" }
    }

    /// A row with another key.
    pub(crate) fn keyed(table: &'static str, key: &'static str, row: &'r PgRow) -> Self {
        Self { row, table, key }
    }

    /// What must be said of a column that can't be read.
    pub(crate) fn corrupt(&self, column: &'static str) -> Failure {
        let uuid = self.row.try_get::<Uuid, _>(self.key).map(|id| id.to_string());
        let text = || self.row.try_get_unchecked::<String, _>(self.key);
        let id = uuid.or_else(|_not_a_uuid| text()).unwrap_or_default();
        Failure::Corrupt { table: self.table, column, id }
    }

    /// A value that needs no check but of its type.
    pub(crate) fn get<T>(&self, column: &'static str) -> Result<T, Failure>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        self.row.try_get(column).map_err(|_wrong| self.corrupt(column))
    }

    /// A UUID, as an id.
    pub(crate) fn id<T>(&self, column: &'static str, make: fn(Uuid) -> T) -> Result<T, Failure> {
        self.get(column).map(make)
    }

    /// The same where there may be none.
    pub(crate) fn maybe_id<T>(
        &self,
        column: &'static str,
        make: fn(Uuid) -> T,
    ) -> Result<Option<T>, Failure> {
        Ok(self.get::<Option<Uuid>>(column)?.map(make))
    }

    /// A checked text.
    pub(crate) fn text<T: FromStr>(&self, column: &'static str) -> Result<T, Failure> {
        self.get::<&str>(column)?.parse().map_err(|_wrong| self.corrupt(column))
    }

    /// The same where there may be none.
    pub(crate) fn maybe_text<T: FromStr>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, Failure> {
        let text = self.get::<Option<&str>>(column)?;
        text.map(|text| text.parse().map_err(|_wrong| self.corrupt(column))).transpose()
    }

    /// One of a few words.
    pub(crate) fn word<T>(
        &self,
        column: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Failure> {
        read(self.get(column)?).ok_or_else(|| self.corrupt(column))
    }

    /// The same where there may be none.
    pub(crate) fn maybe_word<T>(
        &self,
        column: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let word = self.get::<Option<&str>>(column)?;
        word.map(|word| read(word).ok_or_else(|| self.corrupt(column))).transpose()
    }

    /// A number that fits a smaller type, or passes a check.
    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, Failure> {
        T::try_from(self.get::<i64>(column)?).map_err(|_wrong| self.corrupt(column))
    }

    /// A count that passes the check of a value.
    pub(crate) fn count<T: TryFrom<u32>>(&self, column: &'static str) -> Result<T, Failure> {
        T::try_from(self.number::<u32>(column)?).map_err(|_wrong| self.corrupt(column))
    }

    /// The same where there may be none.
    pub(crate) fn maybe_count<T: TryFrom<u32>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, Failure> {
        match self.get::<Option<i64>>(column)? {
            None => Ok(None),
            Some(_) => self.count(column).map(Some),
        }
    }

    /// A version.
    pub(crate) fn version(&self, column: &'static str) -> Result<Version, Failure> {
        self.number::<u64>(column).map(Version::new)
    }

    /// An instant.
    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, Failure> {
        self.get(column).map(Timestamp::from_micros)
    }

    /// The same where there may be none.
    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, Failure> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    /// An amount in the currency of the column `currency`.
    pub(crate) fn money(&self, column: &'static str) -> Result<Money, Failure> {
        let currency: Currency = self.text("currency")?;
        Money::new(self.get(column)?, currency).map_err(|_wrong| self.corrupt(column))
    }

    /// The window between two columns.
    pub(crate) fn window(
        &self,
        from: &'static str,
        until: &'static str,
    ) -> Result<TimeWindow, Failure> {
        match (self.maybe_time(from)?, self.maybe_time(until)?) {
            (None, None) => Ok(TimeWindow::always()),
            (starts, ends) => TimeWindow::new(starts, ends).map_err(|_empty| self.corrupt(until)),
        }
    }
}

/// A version as its column has it.
pub(crate) fn version(table: &'static str, version: Version) -> Result<i64, Failure> {
    i64::try_from(version.get()).map_err(|_too_large| Failure::Unfit { table, column: "version" })
}

/// An instant as its column has it, where there may be none.
pub(crate) fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}
