//! Many rows with one statement.
//!
//! What a statement costs beside its rows (a trip to the connection's thread and back) is more than
//! a row costs, so a group is written and looked up in as few statements as there are kinds of rows.
//! Statements come in a few sizes only, so that all of them stay prepared.

use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::error::Failure;

/// A statement with its parameters.
pub(crate) type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// How many rows one statement may have, the most first. SQLite takes 32,766 parameters.
const SIZES: [usize; 4] = [128, 32, 8, 1];

/// The same statement for each of the sizes.
#[derive(Debug)]
struct Sized([(usize, Arc<str>); SIZES.len()]);

impl Sized {
    /// The text before the rows, a row of so many parameters, and what follows.
    fn new(before: &str, width: usize, after: &str) -> Self {
        let parameters = vec!["?"; width].join(", ");
        let sized = |size| {
            let rows = vec![format!("({parameters})"); size].join(", ");
            (size, Arc::from(format!("{before}{rows}{after}")))
        };
        Self(SIZES.map(sized))
    }

    /// Cuts `items` into pieces that have a statement.
    fn pieces<'a, T>(&'a self, items: &'a [T]) -> impl Iterator<Item = (&'a Arc<str>, &'a [T])> {
        let mut rest = items;
        std::iter::from_fn(move || {
            let fits = |(size, _): &&(usize, Arc<str>)| *size <= rest.len();
            let (size, sql) = self.0.iter().find(fits)?;
            let (piece, left) = rest.split_at_checked(*size)?;
            rest = left;
            Some((sql, piece))
        })
    }

    #[cfg(test)]
    fn smallest(&self) -> &str {
        let [.., (_, smallest)] = &self.0;
        smallest
    }

    /// Writes each item; `bind` adds its values.
    async fn write<T: Sync>(
        &self,
        conn: &mut SqliteConnection,
        items: &[T],
        bind: impl Fn(Query, &T) -> Result<Query, Failure>,
    ) -> Result<(), Failure> {
        for (sql, piece) in self.pieces(items) {
            let mut query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
            for item in piece {
                query = bind(query, item)?;
            }
            query.execute(&mut *conn).await.map_err(Failure::of_write)?;
        }
        Ok(())
    }
}

/// What stands before and after the keys in a search for these columns of the rows that have one of
/// them.
///
/// The keys are a table of their own that is walked, and each row is searched for: SQLite finds no
/// index for several columns in a list.
fn search(columns: &str, from: &str, key: &[&str]) -> (String, String) {
    let names: Vec<String> = (1..=key.len()).map(|number| format!("k{number}")).collect();
    let equal = key.iter().zip(&names).map(|(column, name)| format!("{column} = wanted.{name}"));
    let equal = equal.collect::<Vec<_>>().join(" AND ");
    let before = format!("WITH wanted ({}) AS (VALUES ", names.join(", "));
    let after = format!(") SELECT {columns} FROM wanted CROSS JOIN {from} WHERE {equal}");
    (before, after)
}

/// Inserts rows into one table.
#[derive(Debug)]
pub(crate) struct Insert(Sized);

impl Insert {
    /// Into these columns.
    pub(crate) fn into(table: &str, columns: &[&str]) -> Self {
        let before = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
        Self(Sized::new(&before, columns.len(), ""))
    }

    /// Inserts a row for each item; `bind` adds its values in the order of the columns.
    pub(crate) async fn rows<T: Sync>(
        &self,
        conn: &mut SqliteConnection,
        items: &[T],
        bind: impl Fn(Query, &T) -> Result<Query, Failure>,
    ) -> Result<(), Failure> {
        self.0.write(conn, items, bind).await
    }
}

/// Removes rows by their keys.
#[derive(Debug)]
pub(crate) struct Removal(Sized);

impl Removal {
    /// From this table, those whose `key` has the values of one of the items.
    pub(crate) fn from(table: &str, key: &[&str]) -> Self {
        let columns = key.join(", ");
        let (before, after) = search(&columns, table, key);
        let before = format!("DELETE FROM {table} WHERE ({columns}) IN ({before}");
        Self(Sized::new(&before, key.len(), &format!("{after})")))
    }

    /// The statement for one item.
    #[cfg(test)]
    pub(crate) fn sql(&self) -> &str {
        self.0.smallest()
    }

    /// Removes the rows that there are.
    pub(crate) async fn rows<T: Sync>(
        &self,
        conn: &mut SqliteConnection,
        keys: &[T],
        bind: impl Fn(Query, &T) -> Result<Query, Failure>,
    ) -> Result<(), Failure> {
        self.0.write(conn, keys, bind).await
    }
}

/// Finds rows by their keys.
#[derive(Debug)]
pub(crate) struct Lookup(Sized);

impl Lookup {
    /// These columns of the rows whose `key` has the values of one of the items.
    pub(crate) fn by(columns: &str, from: &str, key: &[&str]) -> Self {
        let (before, after) = search(columns, from, key);
        Self(Sized::new(&before, key.len(), &after))
    }

    /// The statement for one item.
    #[cfg(test)]
    pub(crate) fn sql(&self) -> &str {
        self.0.smallest()
    }

    /// The rows that there are, in no order, each through `read`.
    pub(crate) async fn rows<T: Sync, R>(
        &self,
        conn: &mut SqliteConnection,
        keys: &[T],
        bind: impl Fn(Query, &T) -> Result<Query, Failure>,
        mut read: impl FnMut(&SqliteRow) -> Result<R, Failure>,
    ) -> Result<Vec<R>, Failure> {
        let mut found = Vec::with_capacity(keys.len());
        for (sql, piece) in self.0.pieces(keys) {
            let mut query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
            for key in piece {
                query = bind(query, key)?;
            }
            let mut rows = query.fetch(&mut *conn);
            while let Some(row) = rows.try_next().await? {
                found.push(read(&row)?);
            }
        }
        Ok(found)
    }
}
