//! How often one may try to sign in or up, by account and by address.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::email::Email;
use super::error::AccountError;
use crate::http::client_address::network;

/// How often: a number at once, and one more after each pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: NonZeroU32,
    /// After how long one more is allowed.
    pub pause: Duration,
}

/// How often one may try. A try that succeeds costs as much as one that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// To sign in to, or up as, one e-mail address; 10 at once, then two a minute.
    pub per_account: Option<Rate>,
    /// To sign in from one address; 50 at once, then one a second.
    pub sign_ins_per_address: Option<Rate>,
    /// To sign up from one address; 50 at once, then two a minute.
    pub sign_ups_per_address: Option<Rate>,
}

impl Rate {
    /// A rate; zero at once means one.
    pub fn new(burst: u32, pause: Duration) -> Self {
        Self { burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN), pause }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            per_account: Some(Rate::new(10, Duration::from_secs(30))),
            sign_ins_per_address: Some(Rate::new(50, Duration::from_secs(1))),
            sign_ups_per_address: Some(Rate::new(50, Duration::from_secs(30))),
        }
    }
}

/// Counts tries. Its clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    accounts: Limit<String>,
    sign_ins: Limit<IpAddr>,
    sign_ups: Limit<IpAddr>,
}

impl Limits {
    pub(crate) fn new(rates: &RateLimits) -> Self {
        Self {
            accounts: Limit::new(rates.per_account),
            sign_ins: Limit::new(rates.sign_ins_per_address),
            sign_ups: Limit::new(rates.sign_ups_per_address),
        }
    }

    /// Counts a try to sign in.
    pub(crate) fn sign_in(&self, email: &Email, from: Option<IpAddr>) -> Result<(), AccountError> {
        from.map_or(Ok(()), |from| self.sign_ins.count(&network(from)))?;
        self.accounts.count(&email.key().to_owned())
    }

    /// Counts a try to sign up.
    pub(crate) fn sign_up(&self, email: &Email, from: Option<IpAddr>) -> Result<(), AccountError> {
        from.map_or(Ok(()), |from| self.sign_ups.count(&network(from)))?;
        self.accounts.count(&email.key().to_owned())
    }

    /// Counts a try to confirm something with the password of a session's account.
    pub(crate) fn confirm(&self, email: &Email) -> Result<(), AccountError> {
        self.accounts.count(&email.key().to_owned())
    }

    /// Forgets those whose tries are long ago.
    pub(crate) fn forget_old(&self) {
        self.accounts.forget_old();
        self.sign_ins.forget_old();
        self.sign_ups.forget_old();
    }
}

#[derive(Debug)]
struct Limit<K: Hash + Eq + Clone>(Option<Arc<DefaultKeyedRateLimiter<K>>>);

/// How many keys are counted before old ones are looked for out of turn.
const MANY: usize = 100_000;

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(rate: Option<Rate>) -> Self {
        let quota = rate.and_then(|it| Some(Quota::with_period(it.pause)?.allow_burst(it.burst)));
        Self(quota.map(|quota| Arc::new(RateLimiter::keyed(quota))))
    }

    fn count(&self, key: &K) -> Result<(), AccountError> {
        let Some(limiter) = &self.0 else {
            return Ok(());
        };
        if limiter.len() >= MANY {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|early| {
            AccountError::TooMany(early.wait_time_from(DefaultClock::default().now()))
        })
    }

    fn forget_old(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

impl<K: Hash + Eq + Clone> Clone for Limit<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        text.parse().unwrap()
    }

    fn limits(per_account: u32, per_address: u32) -> Limits {
        let rate = |burst| Some(Rate::new(burst, Duration::from_hours(1)));
        Limits::new(&RateLimits {
            per_account: rate(per_account),
            sign_ins_per_address: rate(per_address),
            sign_ups_per_address: rate(per_address),
        })
    }

    fn is_refused(tried: Result<(), AccountError>) -> bool {
        match tried {
            Ok(()) => false,
            Err(AccountError::TooMany(wait)) => {
                assert!(Duration::ZERO < wait && wait <= Duration::from_hours(1), "{wait:?}");
                true
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn an_account_is_counted_whatever_its_case_and_from_wherever() {
        let limits = limits(2, 100);
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), Some([1, 1, 1, 1].into()))));
        assert!(!is_refused(limits.sign_in(&email("A@B.org"), None)));
        assert!(is_refused(limits.sign_in(&email("a@B.org"), Some([2, 2, 2, 2].into()))));
        assert!(is_refused(limits.confirm(&email("a@b.org"))));
        assert!(!is_refused(limits.sign_in(&email("c@b.org"), Some([1, 1, 1, 1].into()))));
    }

    #[test]
    fn an_address_is_counted_whoever_it_tries_to_be() {
        let limits = limits(100, 1);
        let from = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert!(!is_refused(limits.sign_up(&email("a@b.org"), from("2001:db8::1"))));
        assert!(is_refused(limits.sign_up(&email("c@b.org"), from("2001:db8::ffff"))));
        assert!(!is_refused(limits.sign_up(&email("c@b.org"), from("2001:db8:0:1::1"))));
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), from("2001:db8::1"))));
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), from("1.1.1.1"))));
        assert!(is_refused(limits.sign_in(&email("a@b.org"), from("::ffff:1.1.1.1"))));
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let none = RateLimits {
            per_account: None,
            sign_ins_per_address: None,
            sign_ups_per_address: Some(Rate::new(1, Duration::ZERO)),
        };
        let limits = Limits::new(&none);
        for _ in 0..100 {
            assert!(!is_refused(limits.sign_up(&email("a@b.org"), Some([1, 1, 1, 1].into()))));
        }
    }

    #[test]
    fn those_that_may_try_again_are_forgotten() {
        let limits = Limits::new(&RateLimits {
            per_account: Some(Rate::new(1, Duration::from_nanos(1))),
            ..RateLimits::default()
        });
        for number in 0..100 {
            limits.confirm(&email(&format!("a{number}@b.org"))).unwrap();
        }
        limits.forget_old();
        assert_eq!(limits.accounts.0.unwrap().len(), 0);
    }
}
