//! The places of connections: so many in all, and so many for each address.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::options::ServingOptions;
use crate::http::address_places::{AddressPlace, AddressPlaces};

/// The places of connections.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    of_addresses: AddressPlaces,
    trusted: Vec<IpNet>,
}

/// One of all places, for whoever connects next.
#[derive(Debug)]
pub(super) struct FreePlace {
    _of_all: OwnedSemaphorePermit,
}

/// The place of a connection; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _free: FreePlace,
    _of_address: Option<AddressPlace>,
}

impl Places {
    pub(super) fn new(options: &ServingOptions) -> Self {
        Self {
            all: Arc::new(Semaphore::new(options.connections.min(Semaphore::MAX_PERMITS))),
            of_addresses: AddressPlaces::new(options.connections_per_address),
            trusted: options.trusted_proxies.clone(),
        }
    }

    /// Waits for a place; nothing only if there will be none.
    pub(super) async fn free(&self) -> Option<FreePlace> {
        let place = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(FreePlace { _of_all: place })
    }

    /// Gives the place to a peer, unless it has too many.
    pub(super) fn give(&self, free: FreePlace, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.trusted.iter().any(|net| net.contains(&peer)) {
            return Some(Place { _free: free, _of_address: None });
        }
        let of_address = self.of_addresses.take(peer)?;
        Some(Place { _free: free, _of_address: Some(of_address) })
    }
}
