//! The use cases under races, crashes and bad luck: what must be true when everything has come
//! to rest, and what exactly has become of the order, its units and the money.

mod laws;
mod people;
mod state;
mod wire;
mod world;

mod endings;
mod operators;
mod pay_crash_points;
mod payment_keys;
mod races_cancel;
mod races_client;
mod races_expiry;
mod races_payment;
mod races_price;
mod races_webhook;
mod refunds;
mod refunds_by_hand;
mod refunds_by_sellers;
mod rejections;
mod restore;
mod told_complete;
