-- Accounts that are gone, and whose listings and orders may not all have ended yet. A row stays until they have.

CREATE TABLE account_departures (
    account  TEXT NOT NULL PRIMARY KEY,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
