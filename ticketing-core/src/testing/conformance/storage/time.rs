//! The storage's time, and what may be applied at it.

use std::time::Duration;

use super::outcome::{Outcome, time_of};
use super::samples::units_for_sale;
use super::scene::{Scene, commit};
use crate::ports::resolve::SKEW_MAX;
use crate::testing::builders::{a_buyer, a_seller, user};
use crate::testing::conformance::verdict::{found, only, worked};
use crate::values::{TimeWindow, Timestamp};

const MICRO: Duration = Duration::from_micros(1);

/// The clock never goes back, whoever asks, and commits tell the same one.
pub async fn time_never_goes_back(scene: &Scene) {
    let handles = scene.handles(3).await;
    let mut last = Timestamp::MIN;
    for handle in handles.iter().cycle().take(30) {
        let now = worked(handle.now().await, "now");
        assert!(last <= now, "{last} then {now}");
        let listed = scene.make_at(now).list(&a_seller(), units_for_sale(1));
        let committed = commit(&**handle, vec![listed.batch]).await;
        let committed = found(committed.now, "the storage's time");
        assert!(now <= committed, "{now} then {committed}");
        last = committed;
    }
}

/// Time that the harness lets pass has passed for the storage.
pub async fn time_passes(scene: &Scene) {
    let before = scene.now().await;
    scene.pass(1).await;
    let after = scene.now().await;
    assert!(after.since(before) >= scene.tick(), "{before}, one tick, {after}");
}

/// A batch is applied when the storage's time is inside its window, whatever the batch thinks:
/// the beginning is inside and the end is not.
pub async fn a_window_is_checked_at_the_storages_time(scene: &Scene) {
    for (from, until) in [
        (None, Some(-1)),
        (None, Some(0)),
        (None, Some(1)),
        (Some(-1), None),
        (Some(0), None),
        (Some(1), None),
        (Some(-1), Some(1)),
        (Some(0), Some(1)),
        (Some(-1), Some(0)),
        (Some(1), Some(2)),
    ] {
        let now = scene.now().await;
        let at = |micros: Option<i64>| {
            micros.map(|micros| Timestamp::from_micros(now.as_micros().saturating_add(micros)))
        };
        let window = worked(TimeWindow::new(at(from), at(until)), "a window");
        check(scene, now, window, Duration::ZERO).await;
    }
    let now = scene.now().await;
    let hour = Duration::from_hours(1);
    let wide = TimeWindow::new(Some(now.minus(hour)), Some(now.plus(hour)));
    check(scene, now, worked(wide, "a window"), Duration::ZERO).await;
}

/// A batch that was decided too long before the storage's time, or after it, is out of time.
pub async fn a_decision_must_be_near_the_storages_time(scene: &Scene) {
    let second = Duration::from_secs(1);
    let near = [Duration::ZERO, second, SKEW_MAX.saturating_sub(MICRO), SKEW_MAX];
    let far =
        [SKEW_MAX.saturating_add(MICRO), SKEW_MAX.saturating_mul(2), Duration::from_hours(24)];
    for skew in near.into_iter().chain(far) {
        let now = scene.now().await;
        check(scene, now.minus(skew), TimeWindow::always(), skew).await;
        let now = scene.now().await;
        check(scene, now.plus(skew), TimeWindow::always(), skew).await;
    }
}

/// A reservation that was decided when its sale opens is not applied before that.
pub async fn a_reservation_waits_for_its_sale(scene: &Scene) {
    let opens = scene.now().await.plus(Duration::from_millis(1500));
    let listing = scene.list(units_for_sale(5).sale_starts_at(opens)).await;
    let lines = [(&listing.ticket, 1)];
    let early = scene.make_at(opens).reserve(&a_buyer(), &lines).batch;
    let committed = scene.group(vec![early.clone()]).await;
    if committed.now.is_some_and(|now| now < opens) {
        assert_eq!(Outcome::all(&committed), [Outcome::OutOfTime], "before it opens");
        scene.pass(1).await;
    }
    scene.namespace().pass(Duration::from_millis(1500)).await;
    scene.reserve(&user("later"), &lines).await;
}

/// A deadline that passes between decision and commit is told with the storage's time.
pub async fn a_refusal_for_time_tells_the_time(scene: &Scene) {
    let now = scene.now().await;
    let batch = scene.batch(now).within(TimeWindow::ending(now)).build();
    let committed = scene.group(vec![batch]).await;
    let refused = found(only(committed.outcomes, "one outcome").err(), "a refusal");
    let told = found(time_of(&refused), "the time");
    assert_eq!(Some(told), committed.now, "the time of the commit");
    assert!((now..=scene.now().await).contains(&told), "{told}");
}

/// Commits a listing that was decided at `decided`, to be applied within `window`, and holds the
/// outcome against the time at which the storage says that it decided.
async fn check(scene: &Scene, decided: Timestamp, window: TimeWindow, skew: Duration) {
    let make = scene.make_at(decided).within(window);
    let batch = make.list(&a_seller(), units_for_sale(1)).batch;
    let committed = scene.group(vec![batch.clone()]).await;
    let now = found(committed.now, "the storage's time");
    let apart = now.since(decided).max(decided.since(now));
    let expected = if window.contains(now) && apart <= SKEW_MAX {
        Outcome::applied(&batch)
    } else {
        Outcome::OutOfTime
    };
    let outcome = only(Outcome::all(&committed), "one outcome");
    assert_eq!(outcome, expected, "decided at {decided}, at {now}, within {window:?}");
    if scene.namespace().time_stands() {
        assert_eq!(apart, skew, "the clock stands still");
    }
}
