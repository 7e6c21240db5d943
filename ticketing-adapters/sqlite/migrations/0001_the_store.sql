-- Everything that is sold, held and paid for.
--
-- All names begin with ticketing_, so that the tables can live in a database with others. Ids are the 16 bytes of
-- their UUID. Times are microseconds since 1970 in UTC. Amounts are in the currency's smallest unit. Booleans are 0
-- and 1. There are no foreign keys: every row is written by the same engine, and each would cost a search per write.

-- One row: the id of this store, which its payments carry at the gateway.
CREATE TABLE ticketing_store (
    id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

-- Listings. They have a rowid because the index over their words needs one.
CREATE TABLE ticketing_tickets (
    no             INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    seller         TEXT NOT NULL,
    version        INTEGER NOT NULL CHECK (version >= 0),
    state          TEXT NOT NULL CHECK (state IN ('on_sale', 'withdrawn')),
    title          TEXT NOT NULL,
    description    TEXT,
    venue          TEXT,
    starts_at      INTEGER,
    price          INTEGER NOT NULL CHECK (price > 0),
    currency       TEXT NOT NULL,
    capacity       INTEGER NOT NULL CHECK (capacity > 0),
    max_per_order  INTEGER,
    max_per_buyer  INTEGER,
    sale_from      INTEGER,
    sale_until     INTEGER,
    listed_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX ticketing_tickets_by_age ON ticketing_tickets (listed_at DESC, id DESC);
CREATE INDEX ticketing_tickets_of_seller ON ticketing_tickets (seller, listed_at DESC, id DESC);

-- The words of titles and venues, by the rowid of the listing. The engine cuts and folds them, so that every storage
-- finds the same: the tokenizer only has to leave them whole.
CREATE VIRTUAL TABLE ticketing_words USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, prefix = '1 2 3 4 5', tokenize = 'ascii'
);

-- The units behind a listing, in a row of their own that changes with every group of reservations. It repeats of the
-- listing what a claim depends on, and when it was listed, so that browsing what can be bought reads one index.
CREATE TABLE ticketing_pools (
    id             BLOB PRIMARY KEY CHECK (length(id) = 16),
    version        INTEGER NOT NULL CHECK (version >= 0),
    listing        INTEGER NOT NULL CHECK (listing >= 0),
    state          TEXT NOT NULL CHECK (state IN ('on_sale', 'clearing', 'withdrawn')),
    sale_from      INTEGER,
    sale_until     INTEGER,
    capacity       INTEGER NOT NULL,
    max_per_order  INTEGER,
    max_per_buyer  INTEGER,
    held           INTEGER NOT NULL CHECK (held >= 0),
    sold           INTEGER NOT NULL CHECK (sold >= 0),
    sold_out       INTEGER NOT NULL CHECK (sold_out = (held + sold >= capacity)),
    listed_at      INTEGER NOT NULL,
    CHECK (held + sold <= capacity)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticketing_pools_to_buy ON ticketing_pools (listed_at DESC, id DESC, sale_from, sale_until)
    WHERE state = 'on_sale' AND sold_out = 0;
CREATE INDEX ticketing_pools_to_clear ON ticketing_pools (id) WHERE state = 'clearing';

-- Units that one buyer has, in pools with a limit per buyer.
CREATE TABLE ticketing_allowances (
    pool     BLOB NOT NULL CHECK (length(pool) = 16),
    buyer    TEXT NOT NULL,
    version  INTEGER NOT NULL CHECK (version >= 0),
    taken    INTEGER NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (pool, buyer)
) STRICT, WITHOUT ROWID;

-- Orders, with the first of their lines: most have no other. due_at is set as long as the order holds units.
CREATE TABLE ticketing_orders (
    id               BLOB PRIMARY KEY CHECK (length(id) = 16),
    buyer            TEXT NOT NULL,
    version          INTEGER NOT NULL CHECK (version >= 0),
    state            TEXT NOT NULL CHECK (
        state IN ('created', 'awaiting_payment', 'cancelling', 'complete', 'cancelled', 'refunded')
    ),
    reason           TEXT,
    attempt          BLOB,
    release_at       INTEGER,
    total            INTEGER NOT NULL CHECK (total >= 0),
    refunded         INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND total),
    currency         TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    pay_deadline     INTEGER,
    extended         INTEGER NOT NULL,
    due_at           INTEGER,
    ticket           BLOB NOT NULL,
    seller           TEXT NOT NULL,
    listing          INTEGER NOT NULL,
    title            TEXT NOT NULL,
    price            INTEGER NOT NULL,
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    returned         INTEGER NOT NULL CHECK (returned BETWEEN 0 AND quantity),
    restocked        INTEGER NOT NULL CHECK (restocked BETWEEN 0 AND returned),
    further_lines    INTEGER NOT NULL CHECK (further_lines >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticketing_orders_of_buyer ON ticketing_orders (buyer, created_at, id);
CREATE INDEX ticketing_orders_due ON ticketing_orders (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX ticketing_orders_live ON ticketing_orders (ticket, due_at, id) WHERE due_at IS NOT NULL;

-- The second line of an order and those after it. due_at is the order's, so that a line is found like one.
CREATE TABLE ticketing_order_lines (
    order_id   BLOB NOT NULL,
    place      INTEGER NOT NULL CHECK (place > 0),
    ticket     BLOB NOT NULL,
    seller     TEXT NOT NULL,
    listing    INTEGER NOT NULL,
    title      TEXT NOT NULL,
    price      INTEGER NOT NULL,
    quantity   INTEGER NOT NULL CHECK (quantity > 0),
    returned   INTEGER NOT NULL CHECK (returned BETWEEN 0 AND quantity),
    restocked  INTEGER NOT NULL CHECK (restocked BETWEEN 0 AND returned),
    due_at     INTEGER,
    PRIMARY KEY (order_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticketing_order_lines_live ON ticketing_order_lines (ticket, due_at, order_id) WHERE due_at IS NOT NULL;

-- Attempts to pay. may_pay is set as long as the attempt may still pay for its order: one of them may.
CREATE TABLE ticketing_payments (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    order_id        BLOB,
    buyer           TEXT,
    version         INTEGER NOT NULL CHECK (version >= 0),
    amount          INTEGER NOT NULL CHECK (amount >= 0),
    currency        TEXT NOT NULL,
    confirmed_by    TEXT NOT NULL CHECK (confirmed_by IN ('server', 'client')),
    intent          TEXT,
    search_only     INTEGER NOT NULL,
    state           TEXT NOT NULL,
    detail          TEXT,
    last_decline    TEXT,
    refunding       INTEGER NOT NULL CHECK (refunding BETWEEN 0 AND amount),
    dispute         TEXT NOT NULL CHECK (dispute IN ('none', 'opened', 'won', 'lost')),
    late_money      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    confirmed_at    INTEGER,
    next_action_at  INTEGER,
    may_pay         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ticketing_payments_may_pay ON ticketing_payments (order_id) WHERE may_pay = 1;
CREATE UNIQUE INDEX ticketing_payments_by_intent ON ticketing_payments (intent) WHERE intent IS NOT NULL;
CREATE INDEX ticketing_payments_of_order ON ticketing_payments (order_id, created_at, id) WHERE order_id IS NOT NULL;
CREATE INDEX ticketing_payments_unsettled ON ticketing_payments (next_action_at, id)
    WHERE next_action_at IS NOT NULL;
CREATE INDEX ticketing_payments_parked ON ticketing_payments (created_at, id) WHERE state = 'needs_operator';

CREATE TABLE ticketing_refunds (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    payment         BLOB NOT NULL,
    order_id        BLOB,
    version         INTEGER NOT NULL CHECK (version >= 0),
    amount          INTEGER NOT NULL CHECK (amount > 0),
    currency        TEXT NOT NULL,
    reason          TEXT,
    attempt         INTEGER NOT NULL,
    begun_at        INTEGER NOT NULL,
    reference       TEXT,
    state           TEXT NOT NULL CHECK (state IN ('requested', 'pending', 'succeeded', 'failed')),
    created_at      INTEGER NOT NULL,
    next_action_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX ticketing_refunds_of_payment ON ticketing_refunds (payment, created_at, id);
CREATE INDEX ticketing_refunds_unsettled ON ticketing_refunds (next_action_at, id)
    WHERE next_action_at IS NOT NULL;
CREATE INDEX ticketing_refunds_failed ON ticketing_refunds (created_at, id) WHERE state = 'failed';

-- What was used under an idempotency key: the version whose event is the answer.
CREATE TABLE ticketing_keys (
    user            TEXT NOT NULL,
    key             TEXT NOT NULL,
    fingerprint     BLOB NOT NULL CHECK (length(fingerprint) = 16),
    answer_kind     TEXT NOT NULL,
    answer_id       BLOB NOT NULL CHECK (length(answer_id) = 16),
    answer_version  INTEGER NOT NULL CHECK (answer_version >= 0),
    used_at         INTEGER NOT NULL,
    PRIMARY KEY (user, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticketing_keys_by_age ON ticketing_keys (used_at);

-- One event for each version of each aggregate; data is the payload. first marks the event that bears the id of its
-- batch, which is how a batch that comes again is known.
CREATE TABLE ticketing_events (
    kind         TEXT NOT NULL,
    id           BLOB NOT NULL CHECK (length(id) = 16),
    version      INTEGER NOT NULL CHECK (version >= 0),
    event        BLOB NOT NULL CHECK (length(event) = 16),
    type         TEXT NOT NULL,
    occurred_at  INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    correlation  BLOB,
    batch        BLOB,
    first        INTEGER NOT NULL,
    data         TEXT NOT NULL,
    PRIMARY KEY (kind, id, version)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ticketing_events_of_batch ON ticketing_events (batch) WHERE first = 1;

-- One row for each group of commits, listing the keys of its events: kind, id and version in 25 bytes each.
CREATE TABLE ticketing_outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    committed_at  INTEGER NOT NULL,
    epoch         INTEGER NOT NULL DEFAULT 0,
    leased_until  INTEGER,
    published     INTEGER NOT NULL DEFAULT 0,
    events        BLOB NOT NULL
) STRICT;
CREATE INDEX ticketing_outbox_waiting ON ticketing_outbox (id) WHERE published = 0;
CREATE INDEX ticketing_outbox_published ON ticketing_outbox (committed_at) WHERE published = 1;

CREATE TABLE ticketing_dead_letters (
    kind     TEXT NOT NULL,
    id       BLOB NOT NULL CHECK (length(id) = 16),
    version  INTEGER NOT NULL CHECK (version >= 0),
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (kind, id, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX ticketing_dead_letters_by_age ON ticketing_dead_letters (at DESC, kind, id, version);

CREATE TABLE ticketing_webhooks (
    gateway       TEXT NOT NULL,
    id            TEXT NOT NULL,
    intent        TEXT,
    about         TEXT NOT NULL,
    detail        TEXT,
    received_at   INTEGER NOT NULL,
    leased_until  INTEGER,
    closed        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (gateway, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticketing_webhooks_by_age ON ticketing_webhooks (closed, received_at, gateway, id);
