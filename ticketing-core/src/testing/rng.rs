//! Chance out of a seed.

/// A stream of numbers that follows from a seed alone.
///
/// The generator is `SplitMix64`, written out here instead of taken from a crate: a recorded seed
/// must give the same run in every later version. It is for tests; anyone can guess its numbers.
///
/// ```
/// use ticketing_core::testing::SeededRng;
///
/// let mut faults = SeededRng::new(7).fork("faults");
/// let mut same = SeededRng::new(7).fork("faults");
/// assert_eq!(faults.next_u64(), same.next_u64());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeededRng {
    seed: u64,
    state: u64,
}

impl SeededRng {
    /// The stream of a seed. Every seed is as good as any other, zero included.
    pub const fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// The seed that it was made of.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.state)
    }

    /// A number below `n`; zero if `n` is zero. Always takes one number of the stream.
    pub fn below(&mut self, n: u64) -> u64 {
        // The upper half of the product is the draw scaled to `n`. The scaling prefers some
        // numbers by `n` in 2^64, which no test can see, and never has to draw twice.
        let scaled = u128::from(self.next_u64()).wrapping_mul(u128::from(n)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }

    /// A place in a list of `len`; zero if the list is empty.
    pub fn index(&mut self, len: usize) -> usize {
        let place = self.below(u64::try_from(len).unwrap_or(u64::MAX));
        usize::try_from(place).unwrap_or(0)
    }

    /// Yes, in so many of a thousand cases. Always takes one number of the stream, so that a
    /// changed rate does not shift what is drawn after it.
    pub fn chance(&mut self, per_thousand: u32) -> bool {
        self.below(1000) < u64::from(per_thousand)
    }

    /// One of `items`; nothing if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let place = self.index(items.len());
        items.get(place)
    }

    /// Puts `items` into another order, each order as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last.saturating_add(1)));
        }
    }

    /// Another stream, which follows from the seed and the label alone.
    ///
    /// It does not matter how far this stream has been read: a part of a test that draws more
    /// than it used to leaves the other parts as they were.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let hashed = label.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self::new(mixed(mixed(self.seed) ^ hashed))
    }
}

/// Spreads every bit over all of them.
pub(in crate::testing) const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_are_the_published_ones_of_splitmix64() {
        let mut rng = SeededRng::new(1_234_567);
        let numbers: Vec<u64> = (0..5).map(|_| rng.next_u64()).collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(numbers, published);
    }

    /// Written down once: a change here would break every recorded seed.
    #[test]
    fn what_is_drawn_from_a_seed_never_changes() {
        let mut rng = SeededRng::new(7).fork("tasks");
        let below: Vec<u64> = (0..8).map(|_| rng.below(100)).collect();
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        rng.shuffle(&mut items);
        assert_eq!(below, [26, 32, 96, 92, 3, 12, 53, 8]);
        assert_eq!(items, [4, 0, 2, 6, 5, 1, 3, 7]);
    }

    #[test]
    fn below_reaches_every_number_and_no_other() {
        let mut rng = SeededRng::new(0);
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            seen[usize::try_from(rng.below(7)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|times| (800..1200).contains(times)), "{seen:?}");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
        assert!((0..100).any(|_| rng.below(u64::MAX) > u64::MAX / 2));
    }

    #[test]
    fn chances_are_as_likely_as_they_say() {
        let mut rng = SeededRng::new(3);
        let hits = (0..100_000).filter(|_| rng.chance(50)).count();
        assert!((4_500..5_500).contains(&hits), "{hits}");
        assert!((0..1000).all(|_| !rng.chance(0)));
        assert!((0..1000).all(|_| rng.chance(1000)));
    }

    #[test]
    fn a_rate_takes_the_same_numbers_whatever_it_is() {
        let (mut never, mut always) = (SeededRng::new(5), SeededRng::new(5));
        never.chance(0);
        always.chance(1000);
        assert_eq!(never, always);
    }

    #[test]
    fn pick_reaches_every_item() {
        let mut rng = SeededRng::new(11);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            seen.extend(rng.pick(&["a", "b", "c"]).copied());
        }
        assert_eq!(seen.len(), 3);
        assert_eq!(rng.pick::<u8>(&[]), None);
    }

    #[test]
    fn shuffling_reaches_every_order_about_as_often() {
        let mut rng = SeededRng::new(13);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            let mut items = [1, 2, 3];
            rng.shuffle(&mut items);
            *seen.entry(items).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|times| (800..1200).contains(times)), "{seen:?}");
        rng.shuffle::<u8>(&mut []);
    }

    #[test]
    fn forks_differ_by_label_and_not_by_what_was_drawn_before() {
        let mut rng = SeededRng::new(17);
        let early = rng.fork("bus");
        rng.next_u64();
        assert_eq!(rng.fork("bus"), early);
        assert_ne!(rng.fork("gateway"), early);
        assert_ne!(SeededRng::new(18).fork("bus"), early);
        assert_ne!(rng.fork(""), rng);
    }
}
