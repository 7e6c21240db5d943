//! The places of live streams: so many in all, and so many for each address.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::address_places::{AddressPlace, AddressPlaces};
use crate::http::client_address::ClientAddress;
use crate::http::error::ApiError;
use crate::http::live::options::LiveOptions;
use crate::metrics::{Counted, HttpMetrics};

/// When somebody who found no place may try again: streams come and go with pages.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// The places of live streams.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    of_addresses: AddressPlaces,
    trusted: Vec<IpNet>,
    metrics: HttpMetrics,
}

/// A stream's place; free again when this is dropped.
#[derive(Debug)]
pub(in crate::http::live) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_address: Option<AddressPlace>,
    _counted: Counted,
}

impl Places {
    pub(super) fn new(options: &LiveOptions) -> Self {
        Self {
            all: Arc::new(Semaphore::new(options.streams.min(Semaphore::MAX_PERMITS))),
            of_addresses: AddressPlaces::new(options.streams_per_address),
            trusted: options.trusted_proxies.clone(),
            metrics: options.metrics.clone(),
        }
    }

    /// A place for whoever asks. Where nobody can tell the address, there is none to be counted.
    pub(super) fn take(&self, request: &Parts) -> Result<Place, ApiError> {
        let of_all = Arc::clone(&self.all).try_acquire_owned();
        let of_all = of_all.map_err(|_none_free| ApiError::unavailable(TRY_AGAIN))?;
        let client = ClientAddress::of(&request.extensions, &request.headers, &self.trusted);
        let take = |address| self.of_addresses.take(address);
        let of_address = client.0.map(|it| take(it).ok_or_else(|| ApiError::too_many(TRY_AGAIN)));
        Ok(Place {
            _of_all: of_all,
            _of_address: of_address.transpose()?,
            _counted: self.metrics.stream(),
        })
    }
}
