//! A3: a command that was refused has changed nothing: no event belongs to its affair.

use std::collections::BTreeSet;

use crate::clients::Answer;
use crate::findings::Findings;
use crate::invariants::Ending;

pub(super) fn check(ending: &Ending<'_>, findings: &Findings) {
    let changed: BTreeSet<_> =
        ending.books.events.iter().filter_map(|event| event.header.correlation).collect();
    for sent in ending.sent {
        let answer = sent.answer.as_ref().map(|answered| &answered.answer);
        if let Some(Answer::Refused { code, .. }) = answer {
            findings.check(!changed.contains(&sent.correlation), "A3", || {
                format!("{:?} was refused ({code}), and changed something", sent.command)
            });
        }
    }
}
