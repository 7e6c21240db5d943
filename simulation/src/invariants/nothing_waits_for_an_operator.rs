//! M5: no payment is left to a person. The simulated gateway never has another sum than ours and
//! never refuses our account, so that nothing here is beyond a machine.

use ticketing_core::domain::PaymentState;

use crate::findings::Findings;
use crate::invariants::Ending;

pub(super) fn check(ending: &Ending<'_>, findings: &Findings) {
    for payment in &ending.books.payments {
        let parked = matches!(payment.state, PaymentState::NeedsOperator { .. });
        findings.check(!parked, "M5", || format!("payment {} waits for an operator", payment.id));
    }
}
