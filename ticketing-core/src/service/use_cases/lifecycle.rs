//! Starting, being healthy, working in the background, and coming to an end.

use std::sync::Mutex;

use async_trait::async_trait;

use super::watched_storage::HeldUp;
use super::*;
use crate::builder::{Builder, StartError};
use crate::ports::runtime::Runtime;
use crate::service::duty;
use crate::service::settings::InvalidSettings;
use crate::service::shutdown::Stopper;
use crate::testing::builders::{a_buyer, a_new_ticket};

fn start(world: &StepRuntime, builder: Builder) -> Result<Ticketing, StartError> {
    world.block_on(builder.runtime(world.node()).start(), STEPS).unwrap()
}

fn complete() -> Builder {
    Ticketing::builder().storage(MemoryStorage::new()).gateway(MemoryGateway::new())
}

#[test]
fn an_engine_needs_a_storage_a_gateway_and_something_to_run_on() {
    let world = StepRuntime::new(1);
    let missing = |outcome: Result<Ticketing, StartError>| {
        let error = outcome.unwrap_err();
        let StartError::Missing(what) = error else { panic!("{error}") };
        what
    };
    let without_storage = Ticketing::builder().gateway(MemoryGateway::new());
    assert!(missing(start(&world, without_storage)).starts_with("storage: "));
    let without_gateway = Ticketing::builder().storage(MemoryStorage::new());
    assert!(missing(start(&world, without_gateway)).starts_with("payment gateway: "));
    let outside = world.block_on(complete().start(), STEPS).unwrap();
    assert_eq!(missing(outside), "tokio runtime to be started in");
}

#[test]
fn settings_that_contradict_themselves_start_nothing() {
    let world = StepRuntime::new(1);
    let refused = |builder: Builder| {
        let error = start(&world, builder).unwrap_err();
        let StartError::Settings(invalid) = error else { panic!("{error}") };
        invalid
    };
    let with = |change: fn(&mut Settings)| refused(complete().settings(change));
    assert_eq!(refused(complete().hold_for(Duration::ZERO)), InvalidSettings::NoHold);
    assert_eq!(refused(complete().hold_cap(MINUTE)), InvalidSettings::CapBelowHold);
    assert_eq!(with(|it| it.holds.cap = MINUTE), InvalidSettings::CapBelowHold);
    let short = Settings::RETENTION_MIN.saturating_sub(SECOND);
    assert_eq!(
        refused(complete().settings(|it| it.event_retention = short)),
        InvalidSettings::RetentionTooShort
    );
    assert_eq!(with(|it| it.group_max = 0), InvalidSettings::NoRoom);
    assert_eq!(with(|it| it.queue_max = 1), InvalidSettings::NoRoom);
    assert_eq!(with(|it| it.outbox_max = 0), InvalidSettings::NoRoom);
    assert_eq!(with(|it| it.sweep_every = Duration::ZERO), InvalidSettings::NoPause);
    assert_eq!(with(|it| it.reconcile_every = Duration::ZERO), InvalidSettings::NoPause);
    assert_eq!(world.tasks(), 0, "nothing is left running");
}

#[test]
fn the_longest_hold_follows_from_the_hold_unless_it_is_named() {
    let world = StepRuntime::new(1);
    let cap = |builder: Builder| start(&world, builder).unwrap().engine.settings.holds.cap;
    let grace = Settings::default().holds.grace;
    assert_eq!(cap(complete()), HOLD + HOLD + grace);
    assert_eq!(cap(complete().hold_for(MINUTE).pay_grace(SECOND)), MINUTE + MINUTE + SECOND);
    assert_eq!(cap(complete().hold_for(MINUTE).hold_cap(HOLD)), HOLD);
    assert_eq!(cap(complete().settings(|it| it.holds.cap = 9 * HOLD)), 9 * HOLD);
    assert_eq!(cap(complete().hold_cap(2 * HOLD).settings(|it| it.group_max = 7)), 2 * HOLD);
}

#[test]
fn an_engine_starts_in_the_storages_time_or_not_at_all() {
    let market = Market::new();
    let parts = || {
        let builder = Ticketing::builder().storage(market.storage.clone());
        builder.gateway(market.gateway.clone()).duties(Duties::NONE)
    };
    let engine = start(&market.world, parts()).unwrap();
    let off = engine.now().since(market.now()).max(market.now().since(engine.now()));
    assert!(off < SECOND, "the system's clock, corrected");
    for call in ["now", "store_id"] {
        market.storage.fail(call);
        let failed = start(&market.world, parts()).unwrap_err();
        assert!(matches!(failed, StartError::Storage(_)), "{failed}");
        market.storage.mend();
    }
}

#[test]
fn health_is_whether_the_storage_answers() {
    let market = Market::new();
    market.run(market.engine.health()).unwrap();
    market.storage.fail("now");
    assert_eq!(code(market.run(market.engine.health())), "unavailable");
    market.storage.mend();
    market.run(market.engine.health()).unwrap();
}

#[test]
fn shutting_down_writes_what_waits_and_leaves_no_task() {
    let market = Market::with(Duties::ALL, |_| {});
    let ticket = market.list(a_new_ticket()).id;
    market.pass(MINUTE);
    market.storage.hold_up(HeldUp::All);
    let (orders, another) = (market.engine.orders(), market.engine.clone());
    let (placed, ()) = market.run(async {
        let stop = async {
            market.engine.engine.runtime.sleep(SECOND).await;
            let go_on = async {
                market.engine.engine.runtime.sleep(Duration::from_millis(1)).await;
                market.storage.hold_up(HeldUp::None);
            };
            let (one, other, ()) =
                tokio::join!(biased; market.engine.shutdown(), another.shutdown(), go_on);
            one.and(other).unwrap();
        };
        tokio::join!(biased; orders.reserve(a_buyer(), [(ticket, 1)]), stop)
    });
    assert_eq!(market.order(placed.unwrap().id).version, crate::values::Version::FIRST);
    market.settle();
    assert_eq!(market.world.tasks(), 0);
    assert_eq!(code(market.reserve("late", &[(ticket, 1)])), "unavailable");
    market.run(market.engine.shutdown()).unwrap();
    assert_eq!(market.run(market.engine.tickets().get(ticket)).unwrap().inventory.held, 1);
}

#[test]
fn a_forgotten_engine_leaves_no_task_either() {
    let market = Market::with(Duties::ALL, |_| {});
    market.list(a_new_ticket());
    market.pass(MINUTE);
    let Market { world, engine, .. } = market;
    assert!(world.tasks() > 0);
    drop(engine);
    world.run_until_idle(STEPS).unwrap();
    assert_eq!(world.tasks(), 0);
}

#[test]
fn an_idle_engine_sleeps() {
    let market = Market::with(Duties::ALL, |_| {});
    market.pass(MINUTE);
    let steps = market.world.steps();
    market.pass(MINUTE);
    let per_second = (market.world.steps() - steps) / 60;
    assert!(per_second < 100, "{per_second} polls a second for nothing");
}

#[test]
fn events_reach_whoever_listens() {
    let market = Market::with(Duties { relay: true, ..Duties::NONE }, |_| {});
    let mut events = market.run(market.engine.events()).unwrap();
    let ticket = market.list(a_new_ticket()).id;
    let told: Vec<_> = (0..2).map(|_| market.run(events.next()).unwrap().event).collect();
    let types: Vec<EventType> = told.iter().map(|event| event.data.event_type()).collect();
    assert_eq!(types, [EventType::TicketCreated, EventType::InventoryChanged]);
    assert!(told.iter().all(|event| event.key().aggregate.id == ticket.as_uuid()));
}

/// A duty that fails as often as it is told to, then idles, and writes down when it was stepped.
struct Restless {
    failures: usize,
    steps: Arc<Mutex<Vec<Duration>>>,
    runtime: Arc<dyn Runtime>,
}

#[async_trait]
impl Duty for Restless {
    fn name(&self) -> &'static str {
        "restless"
    }

    async fn step(&mut self) -> Result<Progress, Error> {
        self.steps.lock().unwrap().push(self.runtime.elapsed());
        if self.failures == 0 {
            return Ok(Progress::Idle);
        }
        self.failures -= 1;
        Err(Error::bug("as told"))
    }

    async fn idle(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[test]
fn a_duty_that_fails_pauses_longer_each_time_and_stops_when_told() {
    let world = StepRuntime::new(1);
    let runtime: Arc<dyn Runtime> = world.node();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let restless =
        Restless { failures: 10, steps: Arc::clone(&steps), runtime: Arc::clone(&runtime) };
    let mut stopper = Stopper::new();
    let (listener, guard) = (stopper.listener(), stopper.guard());
    runtime.spawn(Box::pin({
        let runtime = Arc::clone(&runtime);
        async move {
            duty::run(restless, runtime, listener).await;
            drop(guard);
        }
    }));
    world.run_for(Duration::from_hours(1), STEPS).unwrap();
    let steps = steps.lock().unwrap().clone();
    let pauses: Vec<u128> =
        steps.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).as_millis()).collect();
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    assert_eq!(world.tasks(), 1, "it idles for ever");
    world.block_on(stopper.stop(), STEPS).unwrap();
    assert_eq!(world.tasks(), 0);
}
