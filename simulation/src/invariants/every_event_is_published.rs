//! E4: every event that was committed was confirmed by the bus at least once, by the relay or
//! because it was published again.

use crate::findings::Findings;
use crate::invariants::Ending;

pub(super) fn check(ending: &Ending<'_>, findings: &Findings) {
    for event in &ending.books.events {
        let key = event.key();
        findings.check(ending.confirmed.contains(&key), "E4", || {
            format!("{} at {} was never published", key.aggregate, key.version)
        });
    }
}
