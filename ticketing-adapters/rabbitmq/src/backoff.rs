//! How long to wait before the next try.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// By then the longest is reached.
const DOUBLINGS: u32 = 7;

/// The wait after so many tries in vain, at least one: twice as long each time, up to a limit.
pub(crate) fn after(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(DOUBLINGS);
    FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit() {
        assert_eq!(after(0), FIRST);
        assert_eq!(after(1), FIRST);
        assert_eq!(after(3), Duration::from_millis(400));
        assert_eq!(after(u32::MAX), LONGEST);
    }
}
