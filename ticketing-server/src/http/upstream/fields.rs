//! Header fields on their way through.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

use crate::http::layers::LayerOptions;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Fields that belong to one connection, beside those that `Connection` names and those of proxies.
const OF_ONE_CONNECTION: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes what belongs to the connection that the message came on (RFC 9110, section 7.6.1).
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = named_by_connection(headers).collect();
    for name in named.iter().chain(&OF_ONE_CONNECTION) {
        headers.remove(name);
    }
    remove_beginning_with("proxy-", headers);
}

/// The fields that `Connection` names.
pub(super) fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let lists = headers.get_all(header::CONNECTION).into_iter();
    let names = lists.flat_map(|list| list.to_str().unwrap_or_default().split(','));
    names.filter_map(|name| name.trim().parse().ok())
}

fn remove_beginning_with(prefix: &str, headers: &mut HeaderMap) {
    let found = headers.keys().filter(|name| name.as_str().starts_with(prefix));
    for name in found.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// What the client is told of where a request came from.
#[derive(Debug, Clone)]
pub(super) struct Forwarding {
    trusted: Arc<[IpNet]>,
    scheme: HeaderValue,
}

impl Forwarding {
    pub(super) fn new(options: &LayerOptions) -> Self {
        let scheme = if options.secure { "https" } else { "http" };
        let trusted = options.trusted_proxies.clone().into();
        Self { trusted, scheme: HeaderValue::from_static(scheme) }
    }

    /// Makes the header of a request from a browser that of a request to the client.
    pub(super) fn tell(&self, parts: &mut Parts) {
        let host = host(parts);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
        let headers = &mut parts.headers;
        remove_hop_by_hop(headers);
        if !peer.is_some_and(|peer| self.is_trusted(peer)) {
            remove_beginning_with("x-forwarded-", headers);
            headers.remove(header::FORWARDED);
        }
        if let Some(peer) = peer.and_then(|peer| HeaderValue::try_from(peer.to_string()).ok()) {
            headers.append(FORWARDED_FOR, peer);
        }
        headers.entry(FORWARDED_PROTO).or_insert_with(|| self.scheme.clone());
        if let Some(host) = host {
            headers.entry(FORWARDED_HOST).or_insert_with(|| host.clone());
            headers.insert(header::HOST, host);
        }
        join_cookies(headers);
    }

    fn is_trusted(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&peer))
    }
}

/// The host that the browser asked for. HTTP/2 has it in the address.
fn host(parts: &Parts) -> Option<HeaderValue> {
    let told = parts.headers.get(header::HOST).cloned();
    let authority = || parts.uri.authority().and_then(|it| it.as_str().parse().ok());
    told.or_else(authority)
}

/// HTTP/2 may send cookies in several fields, HTTP/1 in one only (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> =
        headers.get_all(header::COOKIE).into_iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}
