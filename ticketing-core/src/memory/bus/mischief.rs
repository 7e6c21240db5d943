//! What a bus may do to an event, by a seed.

/// How a bus misbehaves. Every queue draws for itself: one group may lose what another gets
/// twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mischief {
    /// Where the chances come from.
    pub seed: u64,
    /// Of a thousand events, so many come twice.
    pub repeat_per_1000: u32,
    /// Of a thousand events, so many overtake others that wait.
    pub reorder_per_1000: u32,
    /// Of a thousand events, so many are confirmed and lost.
    pub lose_per_1000: u32,
}

/// What came of a [`Mischief`], over all queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MischiefDone {
    /// Events that came twice.
    pub repeated: u64,
    /// Events that overtook others.
    pub reordered: u64,
    /// Events that were confirmed and lost.
    pub lost: u64,
}

/// The chances of a [`Mischief`], one after the other.
#[derive(Debug)]
pub(super) struct Chance {
    mischief: Mischief,
    state: u64,
    done: MischiefDone,
}

impl Chance {
    pub(super) fn new(mischief: Mischief) -> Self {
        Self { mischief, state: mischief.seed, done: MischiefDone::default() }
    }

    pub(super) fn done(&self) -> MischiefDone {
        self.done
    }

    /// How often an event comes: not at all, once or twice.
    pub(super) fn copies(&mut self) -> usize {
        let lost = self.happens(self.mischief.lose_per_1000);
        let repeated = self.happens(self.mischief.repeat_per_1000);
        match (lost, repeated) {
            (true, _) => {
                self.done.lost = self.done.lost.saturating_add(1);
                0
            }
            (false, true) => {
                self.done.repeated = self.done.repeated.saturating_add(1);
                2
            }
            (false, false) => 1,
        }
    }

    /// Where it goes among so many that wait: behind all of them, or before some.
    pub(super) fn place(&mut self, waiting: usize) -> usize {
        if !self.happens(self.mischief.reorder_per_1000) {
            return waiting;
        }
        let places = u64::try_from(waiting).unwrap_or(u64::MAX).max(1);
        let place = usize::try_from(self.draw() % places).unwrap_or(waiting);
        self.done.reordered = self.done.reordered.saturating_add(u64::from(place < waiting));
        place
    }

    fn happens(&mut self, per_1000: u32) -> bool {
        self.draw() % 1000 < u64::from(per_1000)
    }

    /// The next number of `SplitMix64`: small, fast, and the same on every machine.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
