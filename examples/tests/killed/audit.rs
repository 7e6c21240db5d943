//! What buyers were told, compared with what is stored.

use std::collections::BTreeMap;

use ticketing_core::domain::{CancelReason, Order, OrderState};
use ticketing_core::memory::Books;

use crate::acknowledgements::{Known, buyer};

/// Everything that a buyer was told and that is not so; and whoever has more than was asked for.
pub(crate) fn lost(told: &BTreeMap<u32, Known>, books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut orders: BTreeMap<String, Vec<&Order>> = BTreeMap::new();
    for order in &books.orders {
        orders.entry(order.buyer.to_string()).or_default().push(order);
    }
    for (number, known) in told {
        let theirs = orders.remove(buyer(*number).unwrap().as_str()).unwrap_or_default();
        if theirs.len() > 1 {
            wrong.push(format!("buyer {number} asked for one order and has {}", theirs.len()));
        }
        if let Some(id) = known.order {
            let order = theirs.into_iter().find(|order| order.id == id);
            wrong.extend(not_so(known, order).map(|what| format!("order {id}: {what}")));
        }
    }
    wrong.extend(orders.keys().map(|buyer| format!("{buyer} never asked and has an order")));
    wrong
}

fn not_so(known: &Known, order: Option<&Order>) -> Option<String> {
    let Some(order) = order else {
        return Some("it was reserved and is not there".to_owned());
    };
    let paid = matches!(order.state, OrderState::Complete { .. });
    let cancelled = order.state == OrderState::Cancelled { reason: CancelReason::Buyer };
    let so = (paid || !known.paid) && (cancelled || !known.cancelled);
    (!so).then(|| format!("told {known:?}, and it is {:?}", order.state))
}
