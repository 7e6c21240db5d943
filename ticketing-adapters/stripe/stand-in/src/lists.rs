//! Lists: newest first, by cursors.

use serde_json::{Value, json};

use crate::answer::Failure;
use crate::form::Form;
use crate::intents::expands;
use crate::ledger::Intent;
use crate::shown;
use crate::stand_in::State;

const LIMIT: i64 = 10;
const LIMIT_MAX: i64 = 100;

impl State {
    pub(crate) fn list(&self, form: &Form) -> Result<Value, Failure> {
        form.knows_only(&["created", "limit", "starting_after", "ending_before", "expand"])?;
        let limit = form.integer("limit")?.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Failure::invalid("This value must be between 1 and 100", "limit"));
        }
        let limit = usize::try_from(limit).unwrap_or(1);
        let listed = self.within(form)?;
        let after = self.place(form, "starting_after", &listed)?;
        let before = self.place(form, "ending_before", &listed)?;
        let (page, more) = match (after, before) {
            (Some(_), Some(_)) => {
                return Err(Failure::invalid("Only one cursor may be given", "starting_after"));
            }
            (None, None) => from_the_top(&listed, limit),
            (Some(after), None) => from_the_top(listed.get(after..).unwrap_or_default(), limit),
            (None, Some(before)) => to_the_end(listed.get(..before).unwrap_or_default(), limit),
        };
        let expanded = expands(form, "data.latest_charge")?;
        let data: Vec<Value> =
            page.iter().map(|intent| shown::intent(&self.ledger, intent, expanded)).collect();
        Ok(json!({
            "object": "list", "url": "/v1/payment_intents", "has_more": more, "data": data,
        }))
    }

    /// Those that were created in the time that was asked for, newest first.
    fn within(&self, form: &Form) -> Result<Vec<&Intent>, Failure> {
        let bound = |name: &str| form.integer(&format!("created[{name}]"));
        let (gte, gt, lte, lt) = (bound("gte")?, bound("gt")?, bound("lte")?, bound("lt")?);
        let within = |intent: &&Intent| {
            let at = intent.created;
            gte.is_none_or(|bound| at >= bound)
                && gt.is_none_or(|bound| at > bound)
                && lte.is_none_or(|bound| at <= bound)
                && lt.is_none_or(|bound| at < bound)
        };
        Ok(self.ledger.intents.iter().rev().filter(within).collect())
    }

    /// The place in the list that a cursor names: behind it for one, before it for the other.
    fn place(
        &self,
        form: &Form,
        cursor: &str,
        listed: &[&Intent],
    ) -> Result<Option<usize>, Failure> {
        let Some(id) = form.get(cursor) else { return Ok(None) };
        let intent = self
            .ledger
            .intent(id)
            .ok_or_else(|| Failure::coded("resource_missing", "No such payment_intent", cursor))?;
        // Names are given in order, so the list is sorted by them.
        let place = if cursor == "starting_after" {
            listed.partition_point(|listed| listed.id >= intent.id)
        } else {
            listed.partition_point(|listed| listed.id > intent.id)
        };
        Ok(Some(place))
    }
}

fn from_the_top<'a>(listed: &[&'a Intent], limit: usize) -> (Vec<&'a Intent>, bool) {
    (listed.iter().take(limit).copied().collect(), listed.len() > limit)
}

fn to_the_end<'a>(listed: &[&'a Intent], limit: usize) -> (Vec<&'a Intent>, bool) {
    let from = listed.len().saturating_sub(limit);
    (listed.get(from..).unwrap_or_default().to_vec(), from > 0)
}
