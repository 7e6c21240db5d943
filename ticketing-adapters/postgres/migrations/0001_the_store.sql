-- Everything that is sold, held and paid for.
--
-- Times are microseconds since 1970 in UTC, as the engine counts them: a number is compared and stored without any
-- conversion, and as narrow as a timestamp. Amounts are in the currency's smallest unit. There are no foreign keys: every
-- row is written by the same engine, and each would cost a search and a lock per write. Payloads are bytes, which nobody
-- searches in. Texts in an index are compared byte by byte, whatever the database's language is. What must never be is
-- refused by a constraint.

-- One row: the id of this store, which its payments carry at the gateway. only_one makes a second one impossible.
CREATE TABLE ticketing.store (
    only_one  boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id        uuid NOT NULL
);

-- Listings. words are those of title and venue with a space between them, cut and folded by the engine, so that every
-- storage finds the same.
CREATE TABLE ticketing.tickets (
    id             uuid PRIMARY KEY,
    seller         text COLLATE "C" NOT NULL,
    version        bigint NOT NULL CHECK (version >= 0),
    state          text NOT NULL CHECK (state IN ('on_sale', 'withdrawn')),
    title          text NOT NULL,
    description    text,
    venue          text,
    starts_at      bigint,
    price          bigint NOT NULL CHECK (price > 0),
    currency       text NOT NULL,
    capacity       bigint NOT NULL CHECK (capacity > 0),
    max_per_order  bigint,
    max_per_buyer  bigint,
    sale_from      bigint,
    sale_until     bigint,
    listed_at      bigint NOT NULL,
    words          text NOT NULL
);
CREATE INDEX tickets_by_age ON ticketing.tickets (listed_at DESC, id DESC);
CREATE INDEX tickets_of_seller ON ticketing.tickets (seller, listed_at DESC, id DESC);
CREATE INDEX tickets_by_words ON ticketing.tickets USING gin (array_to_tsvector(string_to_array(words, ' ')));

-- The units behind a listing, in a row of their own that changes with every group of reservations. It repeats of the
-- listing what a claim depends on, and when it was listed, so that browsing what can be bought reads one index. Half of
-- each page stays free, and the counters are in no index, so that a new version of the row finds room beside the old one
-- and no index learns of it.
CREATE TABLE ticketing.pools (
    id             uuid PRIMARY KEY,
    version        bigint NOT NULL CHECK (version >= 0),
    listing        bigint NOT NULL CHECK (listing >= 0),
    state          text NOT NULL CHECK (state IN ('on_sale', 'clearing', 'withdrawn')),
    sale_from      bigint,
    sale_until     bigint,
    capacity       bigint NOT NULL,
    max_per_order  bigint,
    max_per_buyer  bigint,
    held           bigint NOT NULL CHECK (held >= 0),
    sold           bigint NOT NULL CHECK (sold >= 0),
    sold_out       boolean NOT NULL CHECK (sold_out = (held + sold >= capacity)),
    listed_at      bigint NOT NULL,
    CHECK (held + sold <= capacity)
) WITH (fillfactor = 50);
CREATE INDEX pools_to_buy ON ticketing.pools (listed_at DESC, id DESC, sale_from, sale_until)
    WHERE state = 'on_sale' AND NOT sold_out;
CREATE INDEX pools_to_clear ON ticketing.pools (id) WHERE state = 'clearing';

-- Units that one buyer has, in pools with a limit per buyer.
CREATE TABLE ticketing.allowances (
    pool     uuid NOT NULL,
    buyer    text COLLATE "C" NOT NULL,
    version  bigint NOT NULL CHECK (version >= 0),
    taken    bigint NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (pool, buyer)
);

-- Orders, with the first of their lines: most have no other. due_at is set as long as the order holds units.
CREATE TABLE ticketing.orders (
    id             uuid PRIMARY KEY,
    buyer          text COLLATE "C" NOT NULL,
    version        bigint NOT NULL CHECK (version >= 0),
    state          text NOT NULL CHECK (
        state IN ('created', 'awaiting_payment', 'cancelling', 'complete', 'cancelled', 'refunded')
    ),
    reason         text,
    attempt        uuid,
    release_at     bigint,
    total          bigint NOT NULL CHECK (total >= 0),
    refunded       bigint NOT NULL CHECK (refunded BETWEEN 0 AND total),
    currency       text NOT NULL,
    created_at     bigint NOT NULL,
    expires_at     bigint NOT NULL,
    pay_deadline   bigint,
    extended       boolean NOT NULL,
    due_at         bigint,
    ticket         uuid NOT NULL,
    seller         text NOT NULL,
    listing        bigint NOT NULL,
    title          text NOT NULL,
    price          bigint NOT NULL,
    quantity       bigint NOT NULL CHECK (quantity > 0),
    returned       bigint NOT NULL CHECK (returned BETWEEN 0 AND quantity),
    restocked      bigint NOT NULL CHECK (restocked BETWEEN 0 AND returned),
    further_lines  bigint NOT NULL CHECK (further_lines >= 0)
) WITH (fillfactor = 85);
CREATE INDEX orders_of_buyer ON ticketing.orders (buyer, created_at, id);
CREATE INDEX orders_due ON ticketing.orders (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX orders_live ON ticketing.orders (ticket, due_at, id) WHERE due_at IS NOT NULL;

-- The second line of an order and those after it. due_at is the order's, so that a line is found like one.
CREATE TABLE ticketing.order_lines (
    order_id   uuid NOT NULL,
    place      bigint NOT NULL CHECK (place > 0),
    ticket     uuid NOT NULL,
    seller     text NOT NULL,
    listing    bigint NOT NULL,
    title      text NOT NULL,
    price      bigint NOT NULL,
    quantity   bigint NOT NULL CHECK (quantity > 0),
    returned   bigint NOT NULL CHECK (returned BETWEEN 0 AND quantity),
    restocked  bigint NOT NULL CHECK (restocked BETWEEN 0 AND returned),
    due_at     bigint,
    PRIMARY KEY (order_id, place)
);
CREATE INDEX order_lines_live ON ticketing.order_lines (ticket, due_at, order_id) WHERE due_at IS NOT NULL;

-- Attempts to pay. may_pay is set as long as the attempt may still pay for its order: one of them may.
CREATE TABLE ticketing.payments (
    id              uuid PRIMARY KEY,
    order_id        uuid,
    buyer           text,
    version         bigint NOT NULL CHECK (version >= 0),
    amount          bigint NOT NULL CHECK (amount >= 0),
    currency        text NOT NULL,
    confirmed_by    text NOT NULL CHECK (confirmed_by IN ('server', 'client')),
    intent          text COLLATE "C",
    search_only     boolean NOT NULL,
    state           text NOT NULL,
    detail          text,
    last_decline    text,
    refunding       bigint NOT NULL CHECK (refunding BETWEEN 0 AND amount),
    dispute         text NOT NULL CHECK (dispute IN ('none', 'opened', 'won', 'lost')),
    late_money      boolean NOT NULL,
    created_at      bigint NOT NULL,
    confirmed_at    bigint,
    next_action_at  bigint,
    may_pay         boolean NOT NULL
);
CREATE UNIQUE INDEX payments_may_pay ON ticketing.payments (order_id) WHERE may_pay;
CREATE UNIQUE INDEX payments_by_intent ON ticketing.payments (intent) WHERE intent IS NOT NULL;
CREATE INDEX payments_of_order ON ticketing.payments (order_id, created_at, id) WHERE order_id IS NOT NULL;
CREATE INDEX payments_unsettled ON ticketing.payments (next_action_at, id) WHERE next_action_at IS NOT NULL;
CREATE INDEX payments_parked ON ticketing.payments (created_at, id) WHERE state = 'needs_operator';

CREATE TABLE ticketing.refunds (
    id              uuid PRIMARY KEY,
    payment         uuid NOT NULL,
    order_id        uuid,
    version         bigint NOT NULL CHECK (version >= 0),
    amount          bigint NOT NULL CHECK (amount > 0),
    currency        text NOT NULL,
    reason          text,
    attempt         bigint NOT NULL,
    begun_at        bigint NOT NULL,
    reference       text,
    state           text NOT NULL CHECK (state IN ('requested', 'pending', 'succeeded', 'failed')),
    created_at      bigint NOT NULL,
    next_action_at  bigint
);
CREATE INDEX refunds_of_payment ON ticketing.refunds (payment, created_at, id);
CREATE INDEX refunds_unsettled ON ticketing.refunds (next_action_at, id) WHERE next_action_at IS NOT NULL;
CREATE INDEX refunds_failed ON ticketing.refunds (created_at, id) WHERE state = 'failed';

-- What was used under an idempotency key: the version whose event is the answer.
CREATE TABLE ticketing.keys (
    buyer           text COLLATE "C" NOT NULL,
    key             text COLLATE "C" NOT NULL,
    fingerprint     uuid NOT NULL,
    answer_kind     text NOT NULL,
    answer_id       uuid NOT NULL,
    answer_version  bigint NOT NULL CHECK (answer_version >= 0),
    used_at         bigint NOT NULL,
    PRIMARY KEY (buyer, key)
);
CREATE INDEX keys_by_age ON ticketing.keys (used_at);

-- One event for each version of each aggregate; data is the payload. first marks the event that bears the id of its
-- batch, which is how a batch that comes again is known.
CREATE TABLE ticketing.events (
    id           uuid NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    version      bigint NOT NULL CHECK (version >= 0),
    event        uuid NOT NULL,
    type         text NOT NULL,
    occurred_at  bigint NOT NULL,
    actor        text NOT NULL,
    correlation  uuid,
    batch        uuid,
    first        boolean NOT NULL,
    data         bytea NOT NULL,
    PRIMARY KEY (id, kind, version)
);
CREATE UNIQUE INDEX events_of_batch ON ticketing.events (batch) WHERE first;

-- One row for each group of commits, listing the keys of its events: kind, id and version in 25 bytes each. A group
-- that was decided on a wrong prediction has no time at which it was committed, and is refused here.
CREATE TABLE ticketing.outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    committed_at  bigint NOT NULL,
    epoch         bigint NOT NULL DEFAULT 0,
    leased_until  bigint,
    published     boolean NOT NULL DEFAULT false,
    events        bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX outbox_waiting ON ticketing.outbox (id) WHERE NOT published;
CREATE INDEX outbox_published ON ticketing.outbox (committed_at, id) WHERE published;

CREATE TABLE ticketing.dead_letters (
    id       uuid NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    version  bigint NOT NULL CHECK (version >= 0),
    reason   text NOT NULL,
    at       bigint NOT NULL,
    PRIMARY KEY (id, kind, version)
);
CREATE INDEX dead_letters_by_age ON ticketing.dead_letters (at DESC, kind, id, version);

CREATE TABLE ticketing.webhooks (
    gateway       text COLLATE "C" NOT NULL,
    id            text COLLATE "C" NOT NULL,
    intent        text,
    about         text NOT NULL,
    detail        text,
    received_at   bigint NOT NULL,
    leased_until  bigint,
    closed        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (gateway, id)
);
CREATE INDEX webhooks_by_age ON ticketing.webhooks (closed, received_at, gateway, id);
