-- Who may sign in, and who is signed in.
--
-- Times are microseconds since 1970 in UTC. Ids of accounts are text, because the engine knows its users by text. What
-- is looked up is compared byte by byte, so that no update of the system's languages ever puts an index out of order.

CREATE TABLE accounts (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    -- As its owner writes it, and as it is compared.
    email        text NOT NULL,
    email_key    text COLLATE "C" NOT NULL UNIQUE,
    password     text NOT NULL,
    -- Counts changes of the password: whoever checked an older one is late.
    credentials  bigint NOT NULL CHECK (credentials >= 0),
    created_at   bigint NOT NULL
);

CREATE TABLE account_sessions (
    id            uuid NOT NULL PRIMARY KEY,
    account       text COLLATE "C" NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at    bigint NOT NULL,
    last_seen_at  bigint NOT NULL,
    expires_at    bigint NOT NULL,
    user_agent    text,
    revoked_at    bigint
);

CREATE INDEX account_sessions_of_account ON account_sessions (account, created_at);
CREATE INDEX account_sessions_by_expiry ON account_sessions (expires_at);
CREATE INDEX account_sessions_by_use ON account_sessions (last_seen_at) WHERE revoked_at IS NULL;

-- Sessions that ended before their time, in the order in which every process must hear of them. They outlive their
-- session's row: a token that is still out there stays refused when its account is gone.
CREATE TABLE account_revocations (
    no          bigint NOT NULL PRIMARY KEY,
    session     uuid NOT NULL UNIQUE,
    expires_at  bigint NOT NULL
);

CREATE INDEX account_revocations_by_expiry ON account_revocations (expires_at);

-- The last number that a revocation got. Whoever takes some holds this row until its transaction has ended, so numbers
-- become visible in their order, and whoever reads up to one has missed none below it. A sequence would not do: its
-- numbers are given out at once, and become visible in any order.
CREATE TABLE account_revocations_last (
    the_one  boolean NOT NULL PRIMARY KEY CHECK (the_one),
    no       bigint NOT NULL CHECK (no >= 0)
);

INSERT INTO account_revocations_last (the_one, no) VALUES (true, 0);

-- Accounts that are gone, and whose listings and orders may not all have ended yet. A row stays until they have.
CREATE TABLE account_departures (
    account  text COLLATE "C" NOT NULL PRIMARY KEY,
    at       bigint NOT NULL
);
