//! Whether the client of a connection takes what is sent to it, and asks for anything.
//!
//! The protocols can't tell. To HTTP/1 an answer that nobody reads is a socket that is not ready; to
//! HTTP/2 it is a stream without a window, on a connection that answers every ping. So each part of
//! an answer is followed from here until it is written: as long as one is in memory, it is known, and
//! so is when the last bytes of it were taken. Heads have no parts; of them it is known since when the
//! socket has no room.

use std::collections::HashMap;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use hyper::body::{Buf, Bytes, Frame, SizeHint};
use tokio::time::Instant;

use super::memory::{Share, Taken};

/// What it takes to compress an answer, for as long as that goes on.
const COMPRESSOR: usize = 256 * 1024;

/// The pulse of one connection. Clones are the same connection's.
#[derive(Debug, Clone)]
pub(super) struct Pulse {
    state: Arc<Mutex<State>>,
    memory: Share,
}

#[derive(Debug)]
struct State {
    /// Requests whose answers don't end yet.
    running: usize,
    /// When the last of them ended, or the connection began.
    quiet_since: Instant,
    /// Parts of answers that are not written yet, with the time when some of it last was.
    parts: HashMap<u64, Instant>,
    next_part: u64,
    /// Since when the socket has no room for what is to be written, if it has none.
    blocked_since: Option<Instant>,
}

impl Pulse {
    pub(super) fn new(memory: Share) -> Self {
        let quiet_since = Instant::now();
        let state = State {
            running: 0,
            quiet_since,
            parts: HashMap::new(),
            next_part: 0,
            blocked_since: None,
        };
        Self { state: Arc::new(Mutex::new(state)), memory }
    }

    /// A request begins.
    pub(super) fn begin(&self) -> Running {
        let mut state = self.state();
        state.running = state.running.saturating_add(1);
        drop(state);
        Running(self.clone())
    }

    /// Whether nothing was asked for so long.
    pub(super) fn is_quiet_for(&self, time: Duration) -> bool {
        let state = self.state();
        state.running == 0 && state.parts.is_empty() && state.quiet_since.elapsed() >= time
    }

    /// Whether the client has taken nothing for so long of something that waits for it.
    pub(super) fn is_stuck_for(&self, time: Duration) -> bool {
        let state = self.state();
        let mut waiting = state.parts.values().chain(&state.blocked_since);
        waiting.any(|since| since.elapsed() >= time)
    }

    /// Something was written, or there was no room for it.
    pub(super) fn wrote<T>(&self, written: &Poll<T>) {
        let mut state = self.state();
        state.blocked_since = match written {
            Poll::Ready(_) => None,
            Poll::Pending => state.blocked_since.or_else(|| Some(Instant::now())),
        };
    }

    /// Whether something waits for room on the socket.
    pub(super) fn is_blocked(&self) -> bool {
        self.state().blocked_since.is_some()
    }

    /// Ends once more waits for this client than there is memory for.
    pub(super) async fn too_much_waits(&self) {
        self.memory.too_much().await;
    }

    /// What it takes to compress an answer.
    pub(super) fn compressor(&self) -> Taken {
        self.memory.take(COMPRESSOR)
    }

    /// Whether part of an answer's body is not written yet.
    pub(super) fn has_parts(&self) -> bool {
        !self.state().parts.is_empty()
    }

    fn part(&self, bytes: Bytes) -> Part {
        let memory = self.memory.take(bytes.len());
        let mut state = self.state();
        let number = state.next_part;
        state.next_part = number.wrapping_add(1);
        state.parts.insert(number, Instant::now());
        drop(state);
        Part { bytes, number, pulse: self.clone(), memory }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose answer does not end yet.
#[derive(Debug)]
pub(super) struct Running(Pulse);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running = state.running.saturating_sub(1);
        state.quiet_since = Instant::now();
    }
}

/// Part of an answer, until it is written.
#[derive(Debug)]
pub(super) struct Part {
    bytes: Bytes,
    number: u64,
    pulse: Pulse,
    memory: Taken,
}

impl Buf for Part {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, written: usize) {
        self.bytes.advance(written);
        self.memory.shrink(written);
        self.pulse.state().parts.insert(self.number, Instant::now());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.pulse.state().parts.remove(&self.number);
    }
}

/// The body of an answer, whose parts are followed.
#[derive(Debug)]
pub(super) struct Followed {
    body: Body,
    running: Running,
}

impl Followed {
    pub(super) fn new(body: Body, running: Running) -> Self {
        Self { body, running }
    }
}

impl hyper::body::Body for Followed {
    type Data = Part;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Part>, axum::Error>>> {
        let Self { body, running } = self.get_mut();
        let frame = Pin::new(body).poll_frame(cx);
        frame.map_ok(|frame| frame.map_data(|bytes| running.0.part(bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::*;

    #[test]
    fn a_socket_without_room_is_stuck_until_it_takes_something() {
        let pulse = Pulse::new(Memory::new(0).share());
        assert!(!pulse.is_blocked() && !pulse.is_stuck_for(Duration::ZERO));
        pulse.wrote(&Poll::<()>::Pending);
        assert!(pulse.is_blocked() && pulse.is_stuck_for(Duration::ZERO));
        assert!(!pulse.is_stuck_for(Duration::MAX));
        pulse.wrote(&Poll::Ready(()));
        assert!(!pulse.is_blocked() && !pulse.is_stuck_for(Duration::ZERO));
    }
}
