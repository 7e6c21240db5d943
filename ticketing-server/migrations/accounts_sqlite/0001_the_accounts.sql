-- Who may sign in, and who is signed in.
--
-- Times are microseconds since 1970 in UTC. Ids of sessions are the 16 bytes of their UUID; ids of accounts are text,
-- because the engine knows its users by text.

CREATE TABLE accounts (
    id           TEXT NOT NULL PRIMARY KEY,
    -- As its owner writes it, and as it is compared.
    email        TEXT NOT NULL,
    email_key    TEXT NOT NULL UNIQUE,
    password     TEXT NOT NULL,
    -- Counts changes of the password: whoever checked an older one is late.
    credentials  INTEGER NOT NULL CHECK (credentials >= 0),
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_sessions (
    id            BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account       TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    user_agent    TEXT,
    revoked_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX account_sessions_of_account ON account_sessions (account, created_at);
CREATE INDEX account_sessions_by_expiry ON account_sessions (expires_at);
CREATE INDEX account_sessions_by_use ON account_sessions (last_seen_at) WHERE revoked_at IS NULL;

-- Sessions that ended before their time, in the order in which every process must hear of them. They outlive their
-- session's row: a token that is still out there stays refused when its account is gone.
CREATE TABLE account_revocations (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    session     BLOB NOT NULL UNIQUE CHECK (length(session) = 16),
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX account_revocations_by_expiry ON account_revocations (expires_at);
