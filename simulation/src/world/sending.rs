//! A client's command, as one task of the process that it was sent to.

use std::pin::pin;

use futures_util::future::{Either, select};
use ticketing_core::domain::view::{OrderView, RefundView, TicketView};
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{PaymentMethod, Runtime};
use ticketing_core::testing::builders::user;
use ticketing_core::values::{IdempotencyKey, TicketId};
use ticketing_core::{Caller, Error, Reason, Refunder, Ticketing};

use crate::clients::{Answer, Command};
use crate::plan::Manner;

use super::World;

impl World {
    /// Sends a command as it is to be sent.
    pub(super) fn send(&mut self, command: &Command, manner: Manner) {
        let key = if manner.keyed { self.next_key() } else { None };
        self.send_once(command, key.clone(), manner);
        if manner.twice {
            let elsewhere = Manner { process: manner.process.wrapping_add(1), ..manner };
            self.send_once(command, key, elsewhere);
        }
    }

    /// Sends it to one process. If that dies, or the client hangs up, nothing is heard.
    pub(super) fn send_once(
        &mut self,
        command: &Command,
        key: Option<IdempotencyKey>,
        manner: Manner,
    ) {
        let correlation = self.next_correlation();
        let at = self.runtime.elapsed();
        let place = self.clients.sends(command.clone(), key.clone(), correlation, at);
        let Some(process) = self.process(manner.process) else { return };
        let node = process.node.id();
        self.trace.line(Some(node), || format!("command {place} {command:?} under {key:?}"));
        let caller = Caller::default().with_correlation(correlation);
        let caller = match key {
            Some(key) => caller.with_key(key),
            None => caller,
        };
        let engine = process.engine.caller(caller);
        let (clients, trace) = (self.clients.clone(), self.trace.clone());
        let (gateway, command) = (self.memory_gateway.clone(), command.clone());
        let runtime = std::sync::Arc::clone(&process.node);
        process.node.spawn(Box::pin(async move {
            let done = pin!(perform(&engine, &gateway, command));
            let answer = match manner.hangs_up_after {
                None => done.await,
                Some(after) => match select(done, runtime.sleep(after)).await {
                    Either::Left((answer, _)) => answer,
                    Either::Right(((), _)) => {
                        trace.line(Some(node), || format!("command {place}: client hung up"));
                        return;
                    }
                },
            };
            trace.line(Some(node), || format!("command {place}: {answer:?}"));
            clients.hears(place, answer);
        }));
    }
}

async fn perform(engine: &Ticketing, gateway: &MemoryGateway, command: Command) -> Answer {
    match command {
        Command::List { seller, new } => {
            of_ticket(engine.tickets().list_for_sale(seller, new).await)
        }
        Command::Edit { seller, ticket, new } => {
            of_ticket(engine.tickets().edit(&seller, ticket, new, None).await)
        }
        Command::Withdraw { seller, ticket, cancel_holds } => {
            of_ticket(engine.tickets().withdraw(&seller, ticket, cancel_holds).await)
        }
        Command::Reserve { buyer, lines } => of_order(engine.orders().reserve(buyer, lines).await),
        Command::Cancel { buyer, order } => of_order(engine.orders().cancel(&buyer, order).await),
        Command::Extend { buyer, order } => of_order(engine.orders().extend(&buyer, order).await),
        Command::Pay { buyer, order, token } => {
            let method = PaymentMethod::card_token(token);
            match engine.payments().pay(&buyer, order, method).await {
                Ok(receipt) => {
                    Answer::Paid { order: receipt.payment.order_id, outcome: receipt.outcome() }
                }
                Err(error) => refused(&error),
            }
        }
        Command::Open { buyer, order, token } => {
            match engine.payments().open(&buyer, order).await {
                Ok(receipt) => {
                    if let Some(intent) = &receipt.payment.gateway_id {
                        // The bank may say no, which is the gateway's to tell.
                        gateway.confirm_as_client(intent, &PaymentMethod::card_token(token)).ok();
                    }
                    let order = receipt.payment.order_id;
                    Answer::Paid { order, outcome: receipt.outcome() }
                }
                Err(error) => refused(&error),
            }
        }
        Command::Refund { order, request } => {
            let by = Refunder::Operator(user("operator"));
            of_refund(engine.refunds().request(by, order, request).await)
        }
        Command::RetryRefund { refund } => {
            of_refund(engine.operator().retry_refund(&user("operator"), refund).await)
        }
    }
}

fn of_ticket(answer: Result<TicketView, Error>) -> Answer {
    answer.map_or_else(|error| refused(&error), Answer::Ticket)
}

fn of_order(answer: Result<OrderView, Error>) -> Answer {
    answer.map_or_else(|error| refused(&error), Answer::Order)
}

fn of_refund(answer: Result<RefundView, Error>) -> Answer {
    answer.map_or_else(|error| refused(&error), Answer::Refund)
}

/// What an error tells: that nothing was changed, or nothing at all.
fn refused(error: &Error) -> Answer {
    let code = error.code();
    if let Error::Rejected(rejection) = error {
        return Answer::Refused { code, ticket: ticket_of(&rejection.reason) };
    }
    let unchanged =
        matches!(error, Error::NotFound(_) | Error::Conflict | Error::Overloaded { .. });
    if unchanged { Answer::Refused { code, ticket: None } } else { Answer::Unknown { code } }
}

fn ticket_of(reason: &Reason) -> Option<TicketId> {
    if let Reason::Claim { ticket, .. } = reason { Some(*ticket) } else { None }
}
