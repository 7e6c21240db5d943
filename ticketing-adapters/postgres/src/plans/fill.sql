INSERT INTO ticketing.tickets (id, seller, version, state, title, price, currency, capacity, listed_at, words)
SELECT md5(n::text)::uuid, 'seller-' || n % 1000, 0, 'on_sale', 'Row ' || n, 2000, 'USD', 10,
       1700000000000000 + n, 'row ' || CASE n % 2 WHEN 0 THEN 'front' ELSE 'back' END || ' u' || n
FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.pools (id, version, listing, state, capacity, held, sold, sold_out, listed_at)
SELECT md5(n::text)::uuid, 0, 0, CASE WHEN n % 1000 = 1 THEN 'clearing' ELSE 'on_sale' END, 10,
       CASE n % 5 WHEN 0 THEN 10 ELSE 1 END, 0, n % 5 = 0, 1700000000000000 + n
FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.allowances (pool, buyer, version, taken)
SELECT md5(n::text)::uuid, 'buyer-' || n % 1000, 0, 1 FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.orders (id, buyer, version, state, total, refunded, currency, created_at, expires_at, extended,
                              due_at, ticket, seller, listing, title, price, quantity, returned, restocked, further_lines)
SELECT md5(n::text)::uuid, 'buyer-' || n % 1000, 0, CASE n % 10 WHEN 0 THEN 'created' ELSE 'complete' END, 4000, 0, 'USD',
       1700000000000000 + n, 1700000900000000 + n, false, CASE n % 10 WHEN 0 THEN 1700000900000000 + n END,
       md5((n % 100)::text)::uuid, 'seller', 0, 'Row', 2000, 1, 0, 0, 1
FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.order_lines (order_id, place, ticket, seller, listing, title, price, quantity, returned, restocked, due_at)
SELECT id, 1, md5('second')::uuid, seller, 0, 'Row', 2000, 1, 0, 0, due_at FROM ticketing.orders;

INSERT INTO ticketing.payments (id, order_id, buyer, version, amount, currency, confirmed_by, intent, search_only, state,
                                refunding, dispute, late_money, created_at, next_action_at, may_pay)
SELECT md5(n::text)::uuid, md5(n::text)::uuid, 'buyer', 0, 4000, 'USD', 'server', 'pi_' || n, false,
       CASE n % 1000 WHEN 1 THEN 'needs_operator' ELSE 'captured' END, 0, 'none', false, 1700000000000000 + n,
       CASE n % 100 WHEN 0 THEN 1700000000000000 + n END, false
FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.refunds (id, payment, order_id, version, amount, currency, attempt, begun_at, state, created_at, next_action_at)
SELECT md5(n::text)::uuid, md5(n::text)::uuid, md5(n::text)::uuid, 0, 1, 'USD', 0, 0,
       CASE n % 1000 WHEN 1 THEN 'failed' ELSE 'succeeded' END, 1700000000000000 + n,
       CASE n % 100 WHEN 0 THEN 1700000000000000 + n END
FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.keys (buyer, key, fingerprint, answer_kind, answer_id, answer_version, used_at)
SELECT 'buyer-' || n % 1000, 'key-' || n, md5(n::text)::uuid, 'order', md5(n::text)::uuid, 0, 1700000000000000 + n
FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.events (id, kind, version, event, type, occurred_at, actor, batch, first, data)
SELECT md5(n::text)::uuid, 'order', 0, md5('e' || n)::uuid, 'ticketing.order.created.v1', 1700000000000000 + n, 'engine',
       md5('e' || n)::uuid, true, '{}'
FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.outbox (committed_at, published, events)
SELECT 1700000000000000 + n, n < 99900, '' FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.dead_letters (id, kind, version, reason, at)
SELECT md5(n::text)::uuid, 'order', 0, 'no', 1700000000000000 + n FROM generate_series(1, 100000) AS n;

INSERT INTO ticketing.webhooks (gateway, id, about, received_at, closed)
SELECT 'sandbox', n::text, 'intent', 1700000000000000 + n, n < 99900 FROM generate_series(1, 100000) AS n;
