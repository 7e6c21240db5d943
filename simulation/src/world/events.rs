//! What befalls the world, as the plan says.

use std::time::Duration;

use ticketing_core::domain::ConfirmedBy;
use ticketing_core::domain::payment::Dispute;
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::ports::{
    IdSource as _, OpenIntent, PaymentGateway as _, PaymentMethod, RefundStatus, Runtime as _,
    Storage as _,
};
use ticketing_core::testing::{FaultKind, Operation};
use ticketing_core::values::{IntentRef, Money, OrderId, PaymentId, Timestamp};

use crate::plan::Event;

use super::{STEPS_MAX, World};

/// How far back everything is published again.
const PUBLISHED_AGAIN: Duration = Duration::from_mins(5);

impl World {
    pub(super) fn befall(&mut self, event: Event) {
        self.tally.note(event.word());
        match event {
            Event::Crash { process, steps } => self.crash(process, steps),
            Event::SetClock { process, ahead_millis } => self.set_clock(process, ahead_millis),
            Event::ForgetTimers => self.timers.forget(),
            Event::ForgetPublished(publications) => self.bus.forget_next(publications),
            Event::PublishAgain => self.publish_since(self.clock.now().minus(PUBLISHED_AGAIN)),
            Event::Bank { content } => self.bank(content),
            Event::RefundByHand { cents } => self.refund_by_hand(cents),
            Event::SpoilRefund { hangs: true } => self.memory_gateway.hold_next_refund(),
            Event::SpoilRefund { hangs: false } => self.memory_gateway.fail_next_refund(),
            Event::EndRefunds { well } => self.end_refunds(well),
            Event::Dispute => self.dispute(),
            Event::ForgeWebhook => self.forge(),
            Event::Fault { operation, nth, kind } => self.faults.nth(operation, nth, kind),
            Event::LongestDelay(longest) => self.faults.set_longest_delay(longest),
            Event::Outage { operation, down } => self.outage(operation, down),
            Event::HoldPost(waits) => self.post_waits = waits,
            Event::DeliverPost(order) => self.deliver_all(order),
            Event::KeepErrors(rate) => self.gateway.keep_errors(rate),
            Event::OddWebhook { known } => self.tell_oddly(known),
            Event::ForeignIntent => self.open_foreign_intent(),
            Event::Backup => self.backup = Some(self.storage.get().fork()),
            Event::Restore => self.restore(),
            Event::NobodyIsUp { days } => self.nobody_is_up(days),
        }
    }

    fn crash(&mut self, place: u8, steps: u32) {
        for _ in 0..steps {
            if !self.runtime.step() && !self.runtime.advance_to_next_timer() {
                break;
            }
        }
        if let Some(process) = self.process(place) {
            self.trace.line(Some(process.node.id()), || "dies".to_owned());
            process.node.crash();
        }
    }

    /// Everybody is down for days, while the gateway's webhooks wait in the post. Nobody polls
    /// meanwhile, so that days take no longer than seconds.
    fn nobody_is_up(&mut self, days: u32) {
        self.collect();
        for process in &self.processes {
            process.node.crash();
        }
        let time = Duration::from_hours(24).saturating_mul(days);
        self.note_stuck(self.runtime.run_for(time, STEPS_MAX));
        self.restart_all();
    }

    fn set_clock(&mut self, place: u8, ahead_millis: i64) {
        if let Some(process) = self.process(place) {
            process.clock.set_offset(ahead_millis.saturating_mul(1_000));
        }
        let number = self.plan.processes.len().max(1);
        if let Some(plan) = self.plan.processes.get_mut(usize::from(place) % number) {
            plan.ahead_millis = ahead_millis;
        }
    }

    fn outage(&self, operation: Operation, down: bool) {
        let rate = if down { 1_000 } else { 0 };
        self.faults.set_rate_of(operation, FaultKind::Before, rate);
    }

    pub(super) fn publish_since(&self, since: Timestamp) {
        let Some(process) = self.process(0) else { return };
        let engine = process.engine.clone();
        process.node.spawn(Box::pin(async move {
            // Whoever hears nothing of it does it again.
            engine.publish_again(since).await.ok();
        }));
    }

    /// The intents that are in that state, the newest last.
    fn intents(&self, wanted: impl Fn(IntentStatus) -> bool) -> Vec<IntentRef> {
        let intents = self.memory_gateway.ledger().intents.into_iter();
        intents.filter(|intent| wanted(intent.status)).map(|intent| intent.intent).collect()
    }

    fn bank(&mut self, content: bool) {
        let waiting = self.intents(|status| status == IntentStatus::NeedsAction);
        if let Some(intent) = self.rng.pick(&waiting) {
            // An intent that moved on needs nobody any more.
            self.memory_gateway.authenticate(intent, content).ok();
        }
    }

    fn refund_by_hand(&mut self, cents: u32) {
        let captured = self.intents(|status| status == IntentStatus::Captured);
        if let Some(intent) = self.rng.pick(&captured) {
            // There may be nothing left to give back.
            self.memory_gateway.refund_at_gateway(intent, Money::usd(cents)).ok();
        }
    }

    pub(super) fn end_refunds(&self, well: bool) {
        let status = if well { RefundStatus::Succeeded } else { RefundStatus::Failed };
        for refund in self.memory_gateway.ledger().refunds {
            if refund.status == RefundStatus::Pending {
                // It is in the ledger, so the gateway knows it.
                self.memory_gateway.settle_refund(&refund.reference, status).ok();
            }
        }
    }

    fn dispute(&mut self) {
        let captured = self.intents(|status| status == IntentStatus::Captured);
        let known = &self.disputed;
        let fresh: Vec<IntentRef> =
            captured.into_iter().filter(|intent| !known.contains(intent)).collect();
        if let Some(intent) = self.rng.pick(&fresh) {
            self.memory_gateway.dispute(intent, Dispute::Opened);
            self.disputed.push(intent.clone());
        }
    }

    /// Somebody opens an intent with our store's id, for an attempt that never was.
    fn open_foreign_intent(&mut self) {
        let (storage, gateway) = (self.storage.get(), self.memory_gateway.clone());
        let (attempt, order) = (self.ids.next(), self.ids.next());
        let opening = async move {
            let Ok(store) = storage.store_id().await else { return };
            let intent = OpenIntent {
                attempt: PaymentId::from_uuid(attempt),
                order: OrderId::from_uuid(order),
                store,
                amount: Money::usd(1_000),
                confirmed_by: ConfirmedBy::Server,
                key: format!("foreign:{attempt}"),
            };
            let visa = PaymentMethod::card_token("tok_visa");
            if let Ok(opened) = gateway.open(&intent).await {
                let key = format!("confirm:{}", intent.key);
                drop(gateway.confirm(&opened.intent, &visa, &key).await);
            }
        };
        if let Err(stuck) = self.runtime.block_on(opening, STEPS_MAX) {
            self.findings.add("L5", || stuck.to_string());
        }
    }

    /// The database is put back from its copy. Every process dies with it.
    fn restore(&mut self) {
        let Some(backup) = self.backup.take() else { return };
        for process in &self.processes {
            process.node.crash();
        }
        self.restored = true;
        let shared = std::sync::Arc::new(backup.clone());
        self.bus.restored(std::sync::Arc::<ticketing_core::memory::MemoryStorage>::clone(&shared));
        self.gateway.restored(shared);
        self.consumer.forget();
        self.leases.forget();
        self.storage.set(backup);
        self.restart_all();
    }
}
