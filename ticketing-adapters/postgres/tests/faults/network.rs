//! A bad network under load.

use std::time::Duration;

use crate::books;
use crate::buyers::{Buyers, engine, storage, two_tickets};
use crate::connections::none_is_in_a_transaction;
use crate::database::Database;
use crate::proxy::{Cut, Proxy, Way};

/// How long it may take until everybody buys again after a fault.
const SOON: Duration = Duration::from_secs(15);
/// How long a fault lasts.
const A_WHILE: Duration = Duration::from_millis(700);

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Every connection is ended.
    Cut(Cut),
    /// Nothing comes through one way, for a while.
    Held(&'static [Way]),
    /// The same, and then every connection is ended: what was held back is lost.
    Lost(&'static [Way]),
    /// Everything comes late.
    Late(Duration),
    /// Nobody gets in.
    Closed,
}

const FAULTS: [Fault; 10] = [
    Fault::Cut(Cut::Close),
    Fault::Cut(Cut::Reset),
    Fault::Held(&[Way::ToServer]),
    Fault::Held(&[Way::ToClient]),
    Fault::Held(&[Way::ToServer, Way::ToClient]),
    Fault::Lost(&[Way::ToServer]),
    Fault::Lost(&[Way::ToClient]),
    Fault::Lost(&[Way::ToServer, Way::ToClient]),
    Fault::Late(Duration::from_millis(30)),
    Fault::Closed,
];

impl Fault {
    async fn strike(self, proxy: &Proxy) {
        match self {
            Self::Cut(how) => return proxy.cut(how),
            Self::Held(ways) | Self::Lost(ways) => ways.iter().for_each(|way| proxy.hold(*way)),
            Self::Late(late) => proxy.delay(late),
            Self::Closed => proxy.close(),
        }
        // A fault that lasts: nothing is waited for here but its end.
        tokio::time::sleep(A_WHILE).await;
        if matches!(self, Self::Lost(_)) {
            proxy.cut(Cut::Reset);
        }
        proxy.calm();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_network_loses_and_doubles_nothing() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let proxy = Proxy::to(&database.options).await;
    let storage = storage(&proxy.way_to(&database.options)).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    buyers.buy_much().await;
    for fault in FAULTS {
        for _time in 0..2 {
            let before = buyers.refusals();
            fault.strike(&proxy).await;
            let took = buyers.go_on_within(SOON).await;
            let refused = buyers.refusals() - before;
            println!("{fault:?}: all buy again after {took:?}; told to try again: {refused}");
            buyers.buy_much().await;
        }
    }
    let told = buyers.end().await;
    engine.shutdown().await.unwrap();
    none_is_in_a_transaction(&mut database.connect().await).await;
    storage.close().await;
    told.report();
    books::agree(&database.options, &[&told]).await;
}

/// All connections fall silent at once and for ever, as when an address moves to another machine.
/// New ones are well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_lead_nowhere_are_given_up() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let proxy = Proxy::to(&database.options).await;
    let storage = storage(&proxy.way_to(&database.options)).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    buyers.go_on_within(SOON).await;
    proxy.hold_on_old_connections(Way::ToClient);
    let took = buyers.go_on_within(2 * SOON).await;
    println!("all buy again {took:?} after every connection fell silent");
    let told = buyers.end().await;
    proxy.cut(Cut::Reset);
    engine.shutdown().await.unwrap();
    storage.close().await;
    told.report();
    books::agree(&database.options, &[&told]).await;
}
