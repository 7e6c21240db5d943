//! The places of live streams: so many in all, and so many for each address, which may name so many
//! different tickets.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use ipnet::IpNet;
use ticketing_core::values::{PageLimit, TicketId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::names::{NamedTickets, Names};
use crate::http::address_places::{AddressPlace, AddressPlaces};
use crate::http::client_address::ClientAddress;
use crate::http::error::ApiError;
use crate::http::live::options::LiveOptions;
use crate::metrics::{Counted, HttpMetrics};

/// When somebody who found no place may try again: streams come and go with pages.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// How many tickets of its own each stream of an address may name on average. With as many as one
/// stream may name, a single address could take all that a process shows.
const NAMES_PER_STREAM: usize = 10;

/// The places of live streams.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    of_addresses: AddressPlaces,
    /// What the streams of each address name.
    names: NamedTickets,
    trusted: Vec<IpNet>,
    metrics: HttpMetrics,
}

/// A stream's place; free again when this is dropped.
#[derive(Debug)]
pub(in crate::http::live) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_address: Option<(AddressPlace, Names)>,
    _counted: Counted,
}

impl Places {
    pub(super) fn new(options: &LiveOptions) -> Self {
        let names = options.streams_per_address.saturating_mul(NAMES_PER_STREAM);
        Self {
            all: Arc::new(Semaphore::new(options.streams.min(Semaphore::MAX_PERMITS))),
            of_addresses: AddressPlaces::new(options.streams_per_address),
            // Enough for one stream with all that it may name.
            names: NamedTickets::new(names.max(PageLimit::MAX.get())),
            trusted: options.trusted_proxies.clone(),
            metrics: options.metrics.clone(),
        }
    }

    /// A place for whoever asks, and names these tickets. Where nobody can tell the address, there is
    /// none to be counted.
    pub(super) fn take(
        &self,
        request: &Parts,
        names: &BTreeSet<TicketId>,
    ) -> Result<Place, ApiError> {
        let of_all = Arc::clone(&self.all).try_acquire_owned();
        let of_all = of_all.map_err(|_none_free| ApiError::unavailable(TRY_AGAIN))?;
        let client = ClientAddress::of(&request.extensions, &request.headers, &self.trusted);
        let of_address = client.0.map(|address| {
            self.of_address(address, names).ok_or_else(|| ApiError::too_many(TRY_AGAIN))
        });
        Ok(Place {
            _of_all: of_all,
            _of_address: of_address.transpose()?,
            _counted: self.metrics.stream(),
        })
    }

    fn of_address(
        &self,
        address: IpAddr,
        names: &BTreeSet<TicketId>,
    ) -> Option<(AddressPlace, Names)> {
        Some((self.of_addresses.take(address)?, self.names.take(address, names)?))
    }
}
