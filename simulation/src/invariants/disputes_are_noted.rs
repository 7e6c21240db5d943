//! W1: a webhook that was taken is dealt with. Only a webhook tells of a dispute, so that one
//! which was taken and then lost shows here and nowhere else.

use ticketing_core::domain::payment::Dispute;

use crate::findings::Findings;
use crate::invariants::Ending;

pub(super) fn check(ending: &Ending<'_>, findings: &Findings) {
    for intent in ending.disputed {
        let mut payments = ending.books.payments.iter();
        let payment = payments.find(|payment| payment.intent.as_ref() == Some(intent));
        let noted = payment.is_some_and(|payment| payment.dispute == Dispute::Opened);
        findings
            .check(noted, "W1", || format!("the dispute of {intent} was told, and is not noted"));
    }
}
