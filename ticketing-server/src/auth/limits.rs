//! How often one may try to sign in or up, by account and by address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

use super::email::Email;
use super::error::AccountError;
use crate::http::client_address::network;
use crate::rate_limit::KeyedLimit;

/// How often: a number at once, and one more after each pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: NonZeroU32,
    /// After how long one more is allowed.
    pub pause: Duration,
}

/// How often one may try. A try that succeeds costs as much as one that fails.
///
/// An account is counted together with the address that a try comes from, so that a stranger who
/// tries to get in does not keep its owner out. Tries from many addresses at once share a limit that
/// is far higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// To sign in to, or up as, one e-mail address from one address; 10 at once, then two a minute.
    pub per_account_and_address: Option<Rate>,
    /// To sign in to, or up as, one e-mail address from wherever; 500 at once, then one in two
    /// seconds.
    pub per_account: Option<Rate>,
    /// To confirm something with the password of the account that is signed in; 10 at once, then two
    /// a minute.
    pub confirmations_per_account: Option<Rate>,
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

    /// A pause of zero is no limit.
    fn quota(self) -> Option<Quota> {
        Some(Quota::with_period(self.pause)?.allow_burst(self.burst))
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            per_account_and_address: Some(Rate::new(10, Duration::from_secs(30))),
            per_account: Some(Rate::new(500, Duration::from_secs(2))),
            confirmations_per_account: Some(Rate::new(10, Duration::from_secs(30))),
            sign_ins_per_address: Some(Rate::new(50, Duration::from_secs(1))),
            sign_ups_per_address: Some(Rate::new(50, Duration::from_secs(30))),
        }
    }
}

/// Counts tries. Its clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    accounts_from: KeyedLimit<(String, Option<IpAddr>)>,
    accounts: KeyedLimit<String>,
    confirmations: KeyedLimit<String>,
    sign_ins: KeyedLimit<IpAddr>,
    sign_ups: KeyedLimit<IpAddr>,
}

impl Limits {
    pub(crate) fn new(rates: &RateLimits) -> Self {
        let quota = |rate: Option<Rate>| rate.and_then(Rate::quota);
        Self {
            accounts_from: KeyedLimit::new(quota(rates.per_account_and_address)),
            accounts: KeyedLimit::new(quota(rates.per_account)),
            confirmations: KeyedLimit::new(quota(rates.confirmations_per_account)),
            sign_ins: KeyedLimit::new(quota(rates.sign_ins_per_address)),
            sign_ups: KeyedLimit::new(quota(rates.sign_ups_per_address)),
        }
    }

    /// Counts a try to sign in.
    pub(crate) fn sign_in(&self, email: &Email, from: Option<IpAddr>) -> Result<(), AccountError> {
        self.enter(&self.sign_ins, email, from)
    }

    /// Counts a try to sign up.
    pub(crate) fn sign_up(&self, email: &Email, from: Option<IpAddr>) -> Result<(), AccountError> {
        self.enter(&self.sign_ups, email, from)
    }

    /// What is refused for its address does not count for the account.
    fn enter(
        &self,
        addresses: &KeyedLimit<IpAddr>,
        email: &Email,
        from: Option<IpAddr>,
    ) -> Result<(), AccountError> {
        let (account, from) = (email.key().to_owned(), from.map(network));
        from.map_or(Ok(()), |from| addresses.count(&from)).map_err(AccountError::TooMany)?;
        let tried_from = (account, from);
        self.accounts_from.count(&tried_from).map_err(AccountError::TooMany)?;
        self.accounts.count(&tried_from.0).map_err(AccountError::TooMany)
    }

    /// Counts a try to confirm something with the password of a session's account. Nobody without a
    /// session of the account can use these tries up, from wherever it comes.
    pub(crate) fn confirm(&self, email: &Email) -> Result<(), AccountError> {
        self.confirmations.count(&email.key().to_owned()).map_err(AccountError::TooMany)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: [u8; 4] = [1, 1, 1, 1];
    const STRANGER: [u8; 4] = [2, 2, 2, 2];

    fn email(text: &str) -> Email {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn hourly(burst: u32) -> Rate {
        Rate::new(burst, Duration::from_hours(1))
    }

    fn limits(change: impl FnOnce(&mut RateLimits)) -> Limits {
        let mut rates = RateLimits {
            per_account_and_address: Some(hourly(100)),
            per_account: Some(hourly(100)),
            confirmations_per_account: Some(hourly(100)),
            sign_ins_per_address: Some(hourly(100)),
            sign_ups_per_address: Some(hourly(100)),
        };
        change(&mut rates);
        Limits::new(&rates)
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
    fn a_stranger_does_not_keep_the_owner_out() {
        let limits = limits(|rates| rates.per_account_and_address = Some(hourly(2)));
        let ada = email("a@b.org");
        while !is_refused(limits.sign_in(&ada, Some(STRANGER.into()))) {}
        assert!(is_refused(limits.sign_up(&ada, Some(STRANGER.into()))));
        assert!(!is_refused(limits.sign_in(&email("A@B.org"), Some(OWNER.into()))));
        assert!(!is_refused(limits.sign_in(&email("c@b.org"), Some(STRANGER.into()))));
        assert!(!is_refused(limits.confirm(&ada)), "only who is signed in confirms");
    }

    #[test]
    fn an_account_is_counted_whatever_its_case() {
        let limits = limits(|rates| rates.per_account_and_address = Some(hourly(2)));
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), Some(OWNER.into()))));
        assert!(!is_refused(limits.sign_in(&email("A@B.org"), Some(OWNER.into()))));
        assert!(is_refused(limits.sign_in(&email("a@B.org"), Some(OWNER.into()))));
    }

    #[test]
    fn a_network_is_one_address_to_an_account() {
        let limits = limits(|rates| rates.per_account_and_address = Some(hourly(1)));
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), Some(address("2001:db8::1")))));
        assert!(is_refused(limits.sign_in(&email("a@b.org"), Some(address("2001:db8::ffff")))));
        // Where nobody can tell the address, all are one.
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), None)));
        assert!(is_refused(limits.sign_in(&email("a@b.org"), None)));
    }

    #[test]
    fn many_addresses_together_are_slowed_down_too() {
        let limits = limits(|rates| rates.per_account = Some(hourly(20)));
        let ada = email("a@b.org");
        let refused = (0..30_u8).filter(|it| {
            let address = [9, 9, 9, *it].into();
            is_refused(limits.sign_in(&ada, Some(address)))
        });
        assert_eq!(refused.count(), 10);
    }

    #[test]
    fn what_is_refused_for_its_address_does_not_count_for_the_account() {
        let limits = limits(|rates| {
            rates.per_account_and_address = Some(hourly(1));
            rates.per_account = Some(hourly(2));
        });
        let ada = email("a@b.org");
        for _ in 0..10 {
            limits.sign_in(&ada, Some(STRANGER.into())).ok();
        }
        assert!(!is_refused(limits.sign_in(&ada, Some(OWNER.into()))));
    }

    #[test]
    fn the_own_password_is_not_guessed_either() {
        let limits = limits(|rates| rates.confirmations_per_account = Some(hourly(2)));
        let ada = email("a@b.org");
        assert!(!is_refused(limits.confirm(&ada)));
        assert!(!is_refused(limits.confirm(&ada)));
        assert!(is_refused(limits.confirm(&ada)));
    }

    #[test]
    fn an_address_is_counted_whoever_it_tries_to_be() {
        let limits = limits(|rates| {
            rates.sign_ins_per_address = Some(hourly(1));
            rates.sign_ups_per_address = Some(hourly(1));
        });
        assert!(!is_refused(limits.sign_up(&email("a@b.org"), Some(address("2001:db8::1")))));
        assert!(is_refused(limits.sign_up(&email("c@b.org"), Some(address("2001:db8::ffff")))));
        assert!(!is_refused(limits.sign_up(&email("c@b.org"), Some(address("2001:db8:0:1::1")))));
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), Some(address("2001:db8::1")))));
        assert!(!is_refused(limits.sign_in(&email("a@b.org"), Some(address("1.1.1.1")))));
        assert!(is_refused(limits.sign_in(&email("a@b.org"), Some(address("::ffff:1.1.1.1")))));
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let limits = limits(|rates| {
            rates.per_account = None;
            rates.per_account_and_address = None;
            rates.sign_ups_per_address = Some(Rate::new(1, Duration::ZERO));
        });
        for _ in 0..1_000 {
            assert!(!is_refused(limits.sign_up(&email("a@b.org"), Some(OWNER.into()))));
        }
    }
}
