//! The memory that answers take while their clients don't.
//!
//! Over HTTP/1 a connection has one answer at a time. HTTP/2 has as many as streams, and a client need
//! not read any of them. So each connection has memory for one, and what is beyond that comes out of a
//! store that all of them share: there is more of it than clients that read ever need.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

/// What a connection may have whatever the others have: an answer that is compressed, and parts of it.
const OF_EACH: usize = 384 * 1024;

/// The memory of all connections. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// What one connection has of it. Clones are the same connection's.
#[derive(Debug, Clone)]
pub(super) struct Share {
    of_all: Memory,
    taken: Arc<AtomicUsize>,
    is_too_much: CancellationToken,
}

/// Memory that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    bytes: usize,
    of: Share,
}

impl Memory {
    pub(super) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// The share of one more connection.
    pub(super) fn share(&self) -> Share {
        Share { of_all: self.clone(), taken: Arc::default(), is_too_much: CancellationToken::new() }
    }
}

impl Share {
    /// Takes so much of it. It is there already, so nobody can be refused; but who had its share before
    /// that, while there is too little left for all, has too much.
    pub(super) fn take(&self, bytes: usize) -> Taken {
        let had = self.taken.fetch_add(bytes, Ordering::Relaxed);
        let all_had = self.of_all.taken.fetch_add(bytes, Ordering::Relaxed);
        if had > OF_EACH && all_had.saturating_add(bytes) > self.of_all.most {
            self.is_too_much.cancel();
        }
        Taken { bytes, of: self.clone() }
    }

    /// Ends once the connection has had too much.
    pub(super) async fn too_much(&self) {
        self.is_too_much.cancelled().await;
    }
}

impl Taken {
    /// Gives some of it back.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.of.taken.fetch_sub(bytes, Ordering::Relaxed);
        self.of.of_all.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_too_much(share: &Share) -> bool {
        share.is_too_much.is_cancelled()
    }

    #[test]
    fn one_answer_is_never_too_much() {
        let memory = Memory::new(0);
        let share = memory.share();
        let compressor = share.take(OF_EACH);
        let part = share.take(OF_EACH);
        assert!(!is_too_much(&share));
        drop((compressor, part));
        let other = share.take(100 * OF_EACH);
        assert!(!is_too_much(&share));
        drop(other);
    }

    #[test]
    fn more_than_a_share_is_too_much_when_little_is_left() {
        let memory = Memory::new(10 * OF_EACH);
        let (one, other) = (memory.share(), memory.share());
        let mut much = one.take(9 * OF_EACH);
        let part = other.take(OF_EACH + 1);
        assert!(!is_too_much(&other), "it had nothing before");
        much.shrink(OF_EACH);
        let fits = other.take(OF_EACH - 1);
        assert!(!is_too_much(&other), "all of it fits");
        let last = other.take(1);
        assert!(is_too_much(&other) && !is_too_much(&one));
        drop((much, part, fits, last));
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
        assert_eq!(one.taken.load(Ordering::Relaxed), 0);
    }
}
