//! What must always hold of the tables, each as a query for whatever breaks it.

use std::fmt::Write as _;

/// Something that must always hold, whatever was done and whatever failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// The code of the invariant.
    pub code: &'static str,
    /// Selects an id and what is wrong with it, for everything that is wrong.
    sql: &'static str,
}

const fn check(name: &'static str, code: &'static str, sql: &'static str) -> Check {
    Check { name, code, sql }
}

/// What several checks ask about.
const VIEWS: &str = "
WITH lines AS (
    SELECT id AS order_id, state, due_at IS NOT NULL AS live, buyer, ticket, listing, price, quantity, returned,
           restocked
    FROM ticketing.orders
    UNION ALL
    SELECT o.id, o.state, o.due_at IS NOT NULL, o.buyer, l.ticket, l.listing, l.price, l.quantity, l.returned,
           l.restocked
    FROM ticketing.order_lines l JOIN ticketing.orders o ON o.id = l.order_id
),
claims AS (
    SELECT order_id, buyer, ticket, listing, quantity,
           CASE WHEN live THEN quantity ELSE 0 END AS held,
           CASE WHEN state IN ('complete', 'refunded') THEN quantity - restocked ELSE 0 END AS sold
    FROM lines
),
units AS (SELECT ticket, sum(held) AS held, sum(sold) AS sold FROM claims GROUP BY ticket),
taken AS (
    SELECT c.ticket AS pool, c.buyer, sum(c.held + c.sold) AS taken
    FROM claims c JOIN ticketing.pools p ON p.id = c.ticket
    WHERE p.max_per_buyer IS NOT NULL GROUP BY c.ticket, c.buyer HAVING sum(c.held + c.sold) > 0
),
-- Payments that are, or once were, with an operator, who may send them back to be looked up.
operated AS (
    SELECT id FROM ticketing.payments WHERE state = 'needs_operator'
    UNION SELECT id FROM ticketing.events WHERE kind = 'payment' AND position('needs_operator'::bytea IN data) > 0
),
-- What each payment that was captured retains in its order.
captured AS (
    SELECT p.id, p.order_id, p.amount, p.currency, p.refunding, o.total, o.refunded, o.id IS NOT NULL AS is_kept,
           (SELECT coalesce(sum(r.amount), 0) FROM ticketing.refunds r WHERE r.payment = p.id) AS refunds
    FROM ticketing.payments p LEFT JOIN ticketing.orders o
         ON o.id = p.order_id AND o.attempt = p.id AND o.state IN ('complete', 'refunded')
    WHERE p.state = 'captured'
),
stored AS (
    SELECT 'ticket' AS kind, id, version FROM ticketing.tickets
    UNION ALL SELECT 'pool', id, version FROM ticketing.pools
    UNION ALL SELECT 'order', id, version FROM ticketing.orders
    UNION ALL SELECT 'payment', id, version FROM ticketing.payments
    UNION ALL SELECT 'refund', id, version FROM ticketing.refunds
),
told AS (
    SELECT kind, id, min(version) AS first, max(version) AS last, count(*) AS events
    FROM ticketing.events GROUP BY kind, id
)
";

/// Everything that must always hold.
pub const CHECKS: &[Check] = &[
    check(
        "units_fit_the_capacity",
        "I1",
        "SELECT id, held || ' held and ' || sold || ' sold of ' || capacity FROM ticketing.pools
         WHERE held < 0 OR sold < 0 OR held + sold > capacity",
    ),
    check(
        "held_units_are_those_of_live_orders",
        "I2",
        "SELECT p.id, p.held || ' held, but orders hold ' || coalesce(u.held, 0)
         FROM ticketing.pools p LEFT JOIN units u ON u.ticket = p.id WHERE p.held <> coalesce(u.held, 0)",
    ),
    check(
        "sold_units_are_those_of_paid_orders",
        "I2",
        "SELECT p.id, p.sold || ' sold, but orders bought ' || coalesce(u.sold, 0)
         FROM ticketing.pools p LEFT JOIN units u ON u.ticket = p.id WHERE p.sold <> coalesce(u.sold, 0)",
    ),
    check(
        "lines_name_different_pools_that_exist",
        "I6",
        "SELECT order_id, 'a line of no pool' FROM lines
         WHERE NOT EXISTS (SELECT 1 FROM ticketing.pools p WHERE p.id = ticket)
         UNION ALL SELECT order_id, 'two lines of one pool' FROM lines
         GROUP BY order_id HAVING count(*) > count(DISTINCT ticket)",
    ),
    check(
        "orders_have_all_their_lines",
        "I6",
        "SELECT o.id, o.further_lines || ' further lines, but there are others' FROM ticketing.orders o
         WHERE o.further_lines <> (SELECT count(*) FROM ticketing.order_lines l WHERE l.order_id = o.id)
         UNION ALL SELECT l.order_id, 'a line of no order' FROM ticketing.order_lines l
         WHERE NOT EXISTS (SELECT 1 FROM ticketing.orders o WHERE o.id = l.order_id)",
    ),
    check(
        "allowances_count_the_buyers_units",
        "I7",
        "SELECT a.pool, a.buyer || ' is counted with ' || a.taken || ', and has ' || coalesce(t.taken, 0)
         FROM ticketing.allowances a LEFT JOIN taken t ON t.pool = a.pool AND t.buyer = a.buyer
         WHERE a.taken <> coalesce(t.taken, 0)
         UNION ALL SELECT t.pool, t.buyer || ' has ' || t.taken || ', and is not counted' FROM taken t
         WHERE NOT EXISTS (SELECT 1 FROM ticketing.allowances a WHERE a.pool = t.pool AND a.buyer = t.buyer)",
    ),
    check(
        "orders_are_within_the_limits",
        "I7",
        "SELECT c.order_id, c.quantity || ' units, and ' || p.max_per_order || ' are allowed'
         FROM claims c JOIN ticketing.pools p ON p.id = c.ticket AND p.listing = c.listing
         WHERE c.quantity > p.max_per_order
         UNION ALL SELECT p.id, c.buyer || ' has ' || sum(c.held + c.sold) || ' of ' || p.max_per_buyer
         FROM claims c JOIN ticketing.pools p ON p.id = c.ticket AND p.listing = c.listing
         GROUP BY p.id, c.buyer HAVING sum(c.held + c.sold) > p.max_per_buyer",
    ),
    check(
        "pools_repeat_their_listings",
        "I8",
        "SELECT t.id, 'the pool is not as its listing' FROM ticketing.tickets t
         LEFT JOIN ticketing.pools p ON p.id = t.id
         WHERE p.id IS NULL OR p.listing <> t.version OR p.capacity <> t.capacity
         OR p.sale_from IS DISTINCT FROM t.sale_from OR p.sale_until IS DISTINCT FROM t.sale_until
         OR p.max_per_order IS DISTINCT FROM t.max_per_order OR p.max_per_buyer IS DISTINCT FROM t.max_per_buyer
         OR p.listed_at <> t.listed_at OR (p.state = 'on_sale') <> (t.state = 'on_sale')
         UNION ALL SELECT p.id, 'a pool of no listing' FROM ticketing.pools p
         WHERE NOT EXISTS (SELECT 1 FROM ticketing.tickets t WHERE t.id = p.id)",
    ),
    check(
        "live_orders_have_a_deadline",
        "T1",
        "SELECT id, state || CASE WHEN due_at IS NULL THEN ' without' ELSE ' with' END || ' a deadline' FROM ticketing.orders
         WHERE (due_at IS NOT NULL) <> (state IN ('created', 'awaiting_payment', 'cancelling'))
         UNION ALL SELECT o.id, 'a line with another deadline'
         FROM ticketing.order_lines l JOIN ticketing.orders o ON o.id = l.order_id
         WHERE l.due_at IS DISTINCT FROM o.due_at",
    ),
    check(
        "totals_are_the_sums_of_their_lines",
        "O2",
        "SELECT o.id, 'it costs ' || o.total || ', its lines ' || sum(l.price * l.quantity)
         FROM ticketing.orders o JOIN lines l ON l.order_id = o.id
         GROUP BY o.id HAVING o.total <> sum(l.price * l.quantity)
         UNION ALL SELECT id, 'more of it is refunded than there is' FROM ticketing.orders
         WHERE refunded NOT BETWEEN 0 AND total
         UNION ALL SELECT order_id, 'more units came back than were bought' FROM lines
         WHERE restocked < 0 OR restocked > returned OR returned > quantity",
    ),
    check(
        "paid_orders_have_their_payment",
        "O6",
        "SELECT o.id, o.state || ', but not paid' FROM ticketing.orders o
         WHERE o.state IN ('complete', 'refunded') AND NOT EXISTS (
             SELECT 1 FROM ticketing.payments p
             WHERE p.id = o.attempt AND p.order_id = o.id AND p.amount = o.total
             AND (p.state IN ('authorized', 'captured') OR p.id IN (SELECT id FROM operated)))
         UNION ALL SELECT p.id, 'authorized for an order that is not complete' FROM ticketing.payments p
         WHERE p.state = 'authorized' AND NOT EXISTS (
             SELECT 1 FROM ticketing.orders o
             WHERE o.id = p.order_id AND o.attempt = p.id AND o.state IN ('complete', 'refunded'))",
    ),
    check(
        "captured_money_is_retained_or_goes_back",
        "M1",
        "SELECT NULL::uuid, sum(amount) || ' of ' || currency || ' captured, accounted for are '
             || sum(refunding + CASE WHEN is_kept THEN total - refunded ELSE 0 END)
         FROM captured GROUP BY currency
         HAVING sum(amount) <> sum(refunding + CASE WHEN is_kept THEN total - refunded ELSE 0 END)",
    ),
    check(
        "captured_charges_have_one_owner",
        "M2",
        "SELECT id, 'captured for no order, and not owed back' FROM captured WHERE NOT is_kept AND refunding <> amount
         UNION ALL SELECT id, 'its refunds are not what goes back of it' FROM captured WHERE refunds <> refunding
         UNION ALL SELECT id, 'it and its order refund different sums' FROM captured
         WHERE is_kept AND refunded <> refunding",
    ),
    check(
        "orders_have_one_live_payment",
        "M3",
        "SELECT order_id, count(*) || ' live payments' FROM ticketing.payments
         WHERE may_pay AND order_id IS NOT NULL GROUP BY order_id HAVING count(*) > 1
         UNION ALL SELECT order_id, 'paid for ' || count(*) || ' times' FROM captured
         WHERE order_id IS NOT NULL AND refunding <> amount GROUP BY order_id HAVING count(*) > 1",
    ),
    check(
        "refunds_stay_within_what_was_captured",
        "M4",
        "SELECT p.id, 'more goes back than was taken' FROM ticketing.payments p
         WHERE p.refunding > p.amount
         OR p.amount < (SELECT coalesce(sum(r.amount), 0) FROM ticketing.refunds r WHERE r.payment = p.id)
         UNION ALL SELECT id, 'money goes back that was not captured' FROM ticketing.payments
         WHERE refunding > 0 AND state <> 'captured' AND id NOT IN (SELECT id FROM operated)
         UNION ALL SELECT r.id, 'a refund of no payment' FROM ticketing.refunds r
         WHERE NOT EXISTS (SELECT 1 FROM ticketing.payments p WHERE p.id = r.payment)",
    ),
    check(
        "payments_ask_for_the_orders_total",
        "M5",
        "SELECT p.id, 'it asks for another sum than its order, or of another buyer' FROM ticketing.payments p
         LEFT JOIN ticketing.orders o ON o.id = p.order_id WHERE p.order_id IS NOT NULL
         AND (o.id IS NULL OR o.total <> p.amount OR o.currency <> p.currency OR o.buyer IS DISTINCT FROM p.buyer)",
    ),
    check(
        "versions_have_no_gaps",
        "E1",
        "SELECT id, kind || ' is told from ' || first || ' to ' || last || ' by ' || events || ' events' FROM told
         WHERE last - first + 1 <> events",
    ),
    check(
        "the_last_event_tells_of_the_stored_version",
        "E3",
        "SELECT t.id, t.kind || ' is told at ' || t.last || ', and stored at ' || coalesce(s.version::text, 'none')
         FROM told t LEFT JOIN stored s ON s.kind = t.kind AND s.id = t.id WHERE s.version IS DISTINCT FROM t.last",
    ),
    check(
        "dead_letters_have_a_reason",
        "E7",
        "SELECT id, kind || ' at ' || version || ' was given up' FROM ticketing.dead_letters WHERE trim(reason) = ''",
    ),
    check(
        "keys_have_an_answer",
        "K1",
        "SELECT k.answer_id, 'the answer of a key, and it is not there' FROM ticketing.keys k
         LEFT JOIN stored s ON s.kind = k.answer_kind AND s.id = k.answer_id
         WHERE s.version IS NULL OR s.version < k.answer_version",
    ),
];

/// The query of a check, for so many findings.
pub(super) fn limited(check: &Check, most: u32) -> String {
    let mut sql = VIEWS.to_owned();
    sql.push_str(check.sql);
    // A text takes what is written into it.
    write!(sql, " LIMIT {most}").ok();
    sql
}
