//! BUG: no caller is told that a part of the engine broke its own contract.

use crate::clients::Answer;
use crate::findings::Findings;
use crate::invariants::Ending;

pub(super) fn check(ending: &Ending<'_>, findings: &Findings) {
    for sent in ending.sent {
        let answer = sent.answer.as_ref().map(|answered| &answered.answer);
        if let Some(Answer::Unknown { code: "internal" }) = answer {
            findings.add("BUG", || format!("{:?} was answered by a bug", sent.command));
        }
    }
}
