//! Tables that groups write: many rows with one statement.
//!
//! A statement takes one array for each column, whatever the number of rows: so there are few
//! statements, each stays prepared, and a group is one trip to the database for each kind of row.

use sqlx::postgres::PgArguments;
use sqlx::{PgConnection, Postgres};
use ticketing_core::values::Version;

use crate::error::Failure;

/// A statement with its parameters.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// A column: its name and its type.
pub(crate) type Column = (&'static str, &'static str);

/// One value of each row: the array for a column.
pub(crate) fn column<'r, T, V>(rows: &[&'r T], value: impl FnMut(&'r T) -> V) -> Vec<V> {
    rows.iter().copied().map(value).collect()
}

/// The same for values that may not fit.
pub(crate) fn try_column<'r, T, V>(
    rows: &[&'r T],
    value: impl FnMut(&'r T) -> Result<V, Failure>,
) -> Result<Vec<V>, Failure> {
    rows.iter().copied().map(value).collect()
}

/// A table whose rows have an id and a version.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name, as errors have it.
    pub(crate) name: &'static str,
    /// Columns that a new version may change.
    changing: &'static [Column],
    /// Columns that are written once.
    fixed: &'static [Column],
    insert: String,
    update: String,
}

/// What a table keeps.
pub(crate) trait Row: Sync {
    /// The table.
    fn table() -> &'static Table;

    /// Adds the arrays of the columns that may change, in the order of the table.
    fn bind_changing<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure>;

    /// Adds the arrays of the columns that are written once; the first is the id.
    fn bind_fixed<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure>;

    /// Adds the array of the ids.
    fn bind_ids<'q>(query: Query<'q>, rows: &[&'q Self]) -> Query<'q>;
}

impl Table {
    pub(crate) fn new(
        name: &'static str,
        changing: &'static [Column],
        fixed: &'static [Column],
    ) -> Self {
        let columns: Vec<Column> = changing.iter().chain(fixed).copied().collect();
        let insert = insert_from(name, &columns, 1);
        Self { name, changing, fixed, insert, update: update_from(name, changing) }
    }

    /// The statement that inserts, with its first parameter at `first`: for a statement that does
    /// more than this. Answers the number of the parameter after its last one, too.
    pub(crate) fn insert_at(&self, first: usize) -> (String, usize) {
        let columns: Vec<Column> = self.changing.iter().chain(self.fixed).copied().collect();
        (insert_from(self.name, &columns, first), first.saturating_add(columns.len()))
    }

    /// The statement that inserts rows.
    pub(crate) fn insert(&'static self) -> &'static str {
        &self.insert
    }

    /// The statement that replaces rows that are at the version they were decided on.
    pub(crate) fn update(&'static self) -> &'static str {
        &self.update
    }
}

/// Inserts rows, none of which may be there.
pub(crate) async fn insert<T: Row>(conn: &mut PgConnection, rows: &[&T]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = T::bind_changing(sqlx::query(T::table().insert()), rows)?;
    let query = T::bind_fixed(query, rows)?;
    query.execute(conn).await.map_err(Failure::of_statement)?;
    Ok(())
}

/// Replaces rows, each of which must be at its version.
pub(crate) async fn update<T: Row>(
    conn: &mut PgConnection,
    rows: &[(&T, Version)],
) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let table = T::table();
    let (states, before): (Vec<&T>, Vec<Version>) = rows.iter().copied().unzip();
    let before = before.into_iter().map(|before| crate::fields::version(table.name, before));
    let query = T::bind_changing(sqlx::query(table.update()), &states)?;
    let query = T::bind_ids(query, &states).bind(before.collect::<Result<Vec<i64>, _>>()?);
    all_of(table.name, rows.len(), query.execute(conn).await)
}

/// Whether a guarded statement found all the rows that it was to change.
pub(crate) fn all_of(
    table: &'static str,
    rows: usize,
    done: Result<sqlx::postgres::PgQueryResult, sqlx::Error>,
) -> Result<(), Failure> {
    let done = done.map_err(Failure::of_statement)?;
    if usize::try_from(done.rows_affected()) == Ok(rows) {
        Ok(())
    } else {
        Err(Failure::Moved { table })
    }
}

/// `INSERT` of rows that come as one array for each column, from the parameter `first` on.
pub(crate) fn insert_from(table: &str, columns: &[Column], first: usize) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    format!(
        "INSERT INTO ticketing.{table} ({}) SELECT * FROM {}",
        names.join(", "),
        unnest(columns, first)
    )
}

fn update_from(table: &str, changing: &[Column]) -> String {
    let set: Vec<String> =
        changing.iter().map(|(name, _)| format!("{name} = changed.{name}")).collect();
    let mut columns = changing.to_vec();
    columns.extend([("id", "uuid"), ("before", "bigint")]);
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    format!(
        "UPDATE ticketing.{table} AS stored SET {} FROM {} AS changed ({}) \
         WHERE stored.id = changed.id AND stored.version = changed.before",
        set.join(", "),
        unnest(&columns, 1),
        names.join(", ")
    )
}

/// A table of the rows that come as one array for each column.
pub(crate) fn unnest(columns: &[Column], first: usize) -> String {
    let arrays: Vec<String> =
        (first..).zip(columns).map(|(number, (_, sort))| format!("${number}::{sort}[]")).collect();
    format!("unnest({})", arrays.join(", "))
}
