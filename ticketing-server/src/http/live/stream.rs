//! What all live streams have in common.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use serde::Serialize;
use ticketing_core::ports::chain;

/// How long a connection may be silent before a comment keeps it from being cut on the way.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Something that tells one event after another, until it ends.
pub(super) trait Telling: Send + 'static {
    /// The next event; nothing when there is no other.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

/// Answers with the events as they come.
pub(super) fn answer(telling: impl Telling) -> impl IntoResponse {
    let events = stream::unfold(telling, |mut telling| async move {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(event), telling))
    });
    let body = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies that buffer answers are told not to.
    ([("x-accel-buffering", "no"), ("cache-control", "no-store")], body)
}

/// An event with a JSON body; nothing if it can't be written, which is a bug that is logged.
pub(super) fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    match Event::default().event(name).json_data(data) {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::error!(
                code = "event_unwritten",
                error = chain(&error),
                name,
                "an event of a live stream can't be written"
            );
            None
        }
    }
}
