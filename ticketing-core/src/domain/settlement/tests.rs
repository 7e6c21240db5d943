//! What a gateway's word does: to every payment and order there is, in the races that such words
//! run in, and in any order at all.

mod books;
mod races;
mod refunds;
mod sequences;
mod table;

use crate::domain::payment::fixtures::AMOUNT;
use crate::domain::settlement::{IntentReport, IntentStatus};
use crate::values::Money;

/// The gateway's word, with the amount that we asked for and nothing given back.
fn word(status: IntentStatus) -> IntentReport {
    IntentReport { status, amount: AMOUNT, refunded: Money::usd(0) }
}
