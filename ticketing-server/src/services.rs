//! The services that a process can have.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ticketing_core::Duties;

/// A part of the product that can run in processes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Accounts and sessions.
    Auth,
    /// Listings.
    Tickets,
    /// Reservations, and the end of those that are overdue.
    Orders,
    /// Money.
    Payments,
    /// Timers for deadlines.
    Expiration,
    /// Pages for people.
    Client,
}

/// The services that this process has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services(BTreeSet<Service>);

/// A text that names no services.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no service: name `all`, or some of auth,tickets,orders,payments,expiration,client"
)]
pub struct UnknownService(String);

impl Service {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Auth, Self::Tickets, Self::Orders, Self::Payments, Self::Expiration, Self::Client];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Tickets => "tickets",
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Expiration => "expiration",
            Self::Client => "client",
        }
    }
}

impl Services {
    /// All of them.
    pub fn all() -> Self {
        Self(Service::ALL.into())
    }

    /// Whether this process has that one.
    pub fn has(&self, service: Service) -> bool {
        self.0.contains(&service)
    }

    /// Whether this process has all of them.
    pub fn is_all(&self) -> bool {
        self.0.len() == Service::ALL.len()
    }

    /// The engine's background work that belongs to these services. Whoever writes publishes.
    pub(crate) fn duties(&self) -> Duties {
        let writes = [Service::Tickets, Service::Orders, Service::Payments];
        Duties {
            relay: writes.into_iter().any(|service| self.has(service)),
            sweeper: self.has(Service::Orders),
            reconciler: self.has(Service::Payments),
            expiration: self.has(Service::Expiration),
        }
    }
}

impl FromStr for Services {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        if text.trim() == "all" {
            return Ok(Self::all());
        }
        let named = text.split(',').map(str::trim);
        let services = named.map(|name| {
            let known = Service::ALL.into_iter().find(|service| service.name() == name);
            known.ok_or_else(|| UnknownService(name.to_owned()))
        });
        services.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        let names: Vec<&str> = self.0.iter().map(|service| service.name()).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_one_by_one_or_all_at_once() {
        let some: Services = "orders, tickets".parse().unwrap();
        assert!(
            some.has(Service::Orders) && some.has(Service::Tickets) && !some.has(Service::Auth)
        );
        assert_eq!(some.to_string(), "tickets,orders");
        assert_eq!("all".parse(), Ok(Services::all()));
        assert_eq!("auth,tickets,orders,payments,expiration,client".parse(), Ok(Services::all()));
        assert_eq!(Services::all().to_string(), "all");
        for wrong in ["", "orders,", "order", "ALL"] {
            let error = wrong.parse::<Services>().unwrap_err();
            assert!(error.to_string().contains("auth,tickets,orders"), "{error}");
        }
    }

    #[test]
    fn all_services_have_all_duties_and_each_duty_is_somebodys() {
        assert_eq!(Services::all().duties(), Duties::ALL);
        let of = |name: &str| name.parse::<Services>().unwrap().duties();
        assert_eq!(of("auth,client"), Duties::NONE);
        assert_eq!(of("expiration"), Duties { expiration: true, ..Duties::NONE });
        assert_eq!(of("tickets"), Duties { relay: true, ..Duties::NONE });
        assert_eq!(of("orders"), Duties { relay: true, sweeper: true, ..Duties::NONE });
        assert_eq!(of("payments"), Duties { relay: true, reconciler: true, ..Duties::NONE });
    }
}
