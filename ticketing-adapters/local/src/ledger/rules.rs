//! What may happen to an intent: a call, decided on the state.

use ticketing_core::domain::payment::DeclineCode;
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::memory::LedgerIntent;
use ticketing_core::ports::{GatewayError, IdSource};
use ticketing_core::values::{IntentRef, RefundRef};

use crate::cards::Card;
use crate::ledger::accounts::{Accounts, after_refund};
use crate::ledger::call::Call;
use crate::ledger::entry::{Became, Effect};

/// What a call will have done, or why it may not.
pub(crate) fn decide(
    accounts: &Accounts,
    call: &Call<'_>,
    ids: &dyn IdSource,
) -> Result<Effect, GatewayError> {
    let known = |name| accounts.intent(name).ok_or_else(|| call.refused("there is no such intent"));
    let became = |intent: &IntentRef, became| Effect::Changed { intent: intent.clone(), became };
    match *call {
        Call::Open(terms) => {
            let intent = IntentRef::new(format!("sandbox_pi_{}", ids.next().simple()));
            let intent = intent.map_err(|invalid| call.refused("no name").with_source(invalid))?;
            Ok(Effect::Opened { intent, terms })
        }
        Call::Confirm(name, method) => {
            waits_for_a_card(known(name)?, call)?;
            Ok(became(name, Card::of(method).makes))
        }
        Call::Authenticate(name, ok) => {
            if known(name)?.status != IntentStatus::NeedsAction {
                return Err(call.refused("the intent does not need the buyer"));
            }
            let failed = Became::Declined(DeclineCode::AuthenticationFailed);
            Ok(became(name, if ok { Became::Authorized } else { failed }))
        }
        Call::Capture(name, amount) => {
            let intent = known(name)?;
            if intent.opened.amount != amount {
                return Err(call.refused("an intent is captured whole"));
            }
            capture(intent, call)
        }
        Call::Void(name) => Ok(void(known(name)?)),
        Call::Refund(name, amount) => {
            if amount.is_zero() || after_refund(known(name)?, amount).is_none() {
                return Err(call.refused("not so much is captured and left"));
            }
            let refund = RefundRef::new(format!("sandbox_re_{}", ids.next().simple()));
            let refund = refund.map_err(|invalid| call.refused("no name").with_source(invalid))?;
            Ok(Effect::Refunded { refund, intent: name.clone(), amount })
        }
    }
}

fn waits_for_a_card(intent: &LedgerIntent, call: &Call<'_>) -> Result<(), GatewayError> {
    match intent.status {
        IntentStatus::NeedsMethod { .. } | IntentStatus::NeedsAction => Ok(()),
        IntentStatus::Processing
        | IntentStatus::Authorized
        | IntentStatus::Captured
        | IntentStatus::Gone => Err(call.refused("the intent waits for no card")),
    }
}

fn capture(intent: &LedgerIntent, call: &Call<'_>) -> Result<Effect, GatewayError> {
    let name = intent.intent.clone();
    match intent.status {
        IntentStatus::Authorized => Ok(Effect::Changed { intent: name, became: Became::Captured }),
        IntentStatus::Captured => Ok(Effect::Unchanged { intent: name }),
        IntentStatus::NeedsMethod { .. }
        | IntentStatus::NeedsAction
        | IntentStatus::Processing
        | IntentStatus::Gone => Err(call.refused("the intent is not authorized")),
    }
}

/// One that is captured stays so.
fn void(intent: &LedgerIntent) -> Effect {
    let name = intent.intent.clone();
    match intent.status {
        IntentStatus::Captured | IntentStatus::Gone => Effect::Unchanged { intent: name },
        IntentStatus::NeedsMethod { .. }
        | IntentStatus::NeedsAction
        | IntentStatus::Processing
        | IntentStatus::Authorized => Effect::Changed { intent: name, became: Became::Gone },
    }
}
