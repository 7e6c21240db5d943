//! Batches for tests that commit by hand.

use ticketing_core::domain::{Actor, NewTicket, Ticket};
use ticketing_core::ports::{BatchBuilder, Cause, IdSource, RandomIds, Storage, WriteBatch};
use ticketing_core::values::{Money, TicketId, UserId};
use ticketing_postgres::PostgresStorage;

/// Lists a ticket of that title.
pub(crate) async fn listing(storage: &PostgresStorage, title: &str) -> WriteBatch {
    let (seller, now) = (UserId::new("seller").unwrap(), storage.now().await.unwrap());
    let id = TicketId::from_uuid(RandomIds.next());
    let new = NewTicket::new(title, Money::usd(20_00));
    let decision = Ticket::list(id, seller.clone(), new, now).unwrap();
    let cause = Cause { actor: Actor::User(seller), correlation: None };
    BatchBuilder::new(cause, &RandomIds, now).ticket(decision).build()
}
