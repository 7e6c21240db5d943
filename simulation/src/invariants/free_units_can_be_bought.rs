//! L4: a while after the last release, every process sells what is free.

use ticketing_core::Ticketing;
use ticketing_core::domain::PoolState;
use ticketing_core::memory::Books;
use ticketing_core::testing::builders::user;

use crate::findings::Findings;

/// Who buys at the end.
pub(crate) const LATE_BUYER: &str = "somebody-late";

/// Reserves one unit of everything that has one left, in the name of somebody who has none, and
/// gives it back.
pub(crate) async fn what_is_free_can_be_bought(
    engine: &Ticketing,
    books: &Books,
    findings: &Findings,
) {
    let late = user(LATE_BUYER);
    for pool in &books.pools {
        if pool.state != PoolState::OnSale || pool.available() == 0 {
            continue;
        }
        match engine.orders().reserve(late.clone(), [(pool.id, 1)]).await {
            Ok(order) => {
                let back = engine.orders().cancel(&late, order.id).await;
                findings.check(back.is_ok(), "L4", || format!("{} can't be cancelled", order.id));
            }
            Err(error) => findings.add("L4", || {
                format!("{} of {} are free, but: {error}", pool.available(), pool.id)
            }),
        }
    }
}
