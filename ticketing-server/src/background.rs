//! Work that goes on in the background: how often it is done, and a word in the log if it ends.

use std::time::Duration;

use ticketing_core::ports::chain;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// The least time between two ticks. With none at all an interval panics.
const LEAST: Duration = Duration::from_millis(1);

/// Ticks at once and then after each of these times, or later: what was missed is not made up for.
pub(crate) fn every(time: Duration) -> Interval {
    let mut ticks = tokio::time::interval(time.max(LEAST));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Does work in a task of its own until that ends. If nobody has stopped it, that is a bug which
/// nobody else would notice.
pub(crate) async fn watched(
    task: &'static str,
    stopped: CancellationToken,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let ended = tokio::spawn(work).await;
    if ended.is_err() || !stopped.is_cancelled() {
        let why = ended.err().map(|died| chain(&died));
        tracing::error!(
            code = "background_ended",
            task,
            error = why,
            "what goes on in the background has ended"
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracing::instrument::WithSubscriber as _;

    use super::*;
    use crate::telemetry::LogFormat;
    use crate::telemetry::testing::kept;

    #[tokio::test]
    async fn no_time_at_all_is_a_short_one() {
        let mut ticks = every(Duration::ZERO);
        ticks.tick().await;
        ticks.tick().await;
        assert_eq!(ticks.period(), LEAST);
    }

    /// Lines of the log about work that has ended.
    async fn told(stopped: bool, work: impl Future<Output = ()> + Send + 'static) -> Vec<String> {
        let (kept, log) = kept("info", LogFormat::Json);
        let stop = CancellationToken::new();
        if stopped {
            stop.cancel();
        }
        watched("upkeep", stop, work).with_subscriber(log).await;
        let lines = kept.lines().into_iter().map(|line| {
            assert_eq!((&line["level"], &line["task"]), (&json!("ERROR"), &json!("upkeep")));
            assert_eq!(line["code"], "background_ended");
            line["error"].as_str().unwrap_or_default().to_owned()
        });
        lines.collect()
    }

    #[tokio::test]
    async fn what_ends_before_it_is_stopped_is_told_to_the_log() {
        assert_eq!(told(false, async {}).await, [""]);
        assert_eq!(told(true, async {}).await, Vec::<String>::new());
        for stopped in [true, false] {
            let lines = told(stopped, async { panic!("on purpose") }).await;
            assert_eq!(lines.len(), 1);
            assert!(lines[0].contains("on purpose"), "{lines:?}");
        }
    }
}
