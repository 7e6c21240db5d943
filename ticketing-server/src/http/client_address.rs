//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use ipnet::{IpNet, Ipv6Net};

/// Where a request comes from, as far as that can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl ClientAddress {
    /// The peer of the connection; behind a trusted proxy, whoever that proxy says it was.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        Self(peer.map(|ConnectInfo(peer)| client(peer.ip(), headers, trusted)))
    }
}

/// Proxies append whom they heard from, so the list is read from its end, for as long as whoever
/// wrote the next entry is trusted.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut heard = peer.to_canonical();
    let lists = headers.get_all("x-forwarded-for").into_iter();
    let entries: Vec<&str> =
        lists.flat_map(|list| list.to_str().unwrap_or("?").split(',')).collect();
    for entry in entries.into_iter().rev() {
        if !is_trusted(heard) {
            break;
        }
        let Some(earlier) = address(entry.trim()) else {
            break;
        };
        heard = earlier;
    }
    heard
}

/// An address, with or without a port.
fn address(entry: &str) -> Option<IpAddr> {
    let address =
        entry.parse().or_else(|_| entry.parse().map(|with_port: SocketAddr| with_port.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// What counts as one client where clients are counted: for IPv6 the network, of which a customer
/// gets at least one whole.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Net::new(address, 64).map_or(address, |net| net.network()).into()
        }
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append("x-forwarded-for", list.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(seen("1.2.3.4", &["9.9.9.9"], &[]), "1.2.3.4");
        assert_eq!(seen("1.2.3.4", &["9.9.9.9"], &["10.0.0.0/8"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["9.9.9.9"], &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(seen("::ffff:10.0.0.1", &["9.9.9.9:443"], &["10.0.0.0/8"]), "9.9.9.9");
    }

    #[test]
    fn what_the_client_itself_wrote_does_not_count() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 9.9.9.9"], &trusted), "9.9.9.9");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "9.9.9.9, fd00::7"], &trusted), "9.9.9.9");
        assert_eq!(
            seen("10.0.0.1", &["6.6.6.6, [2001:db8::1]:80, 10.0.0.2"], &trusted),
            "2001:db8::1"
        );
    }

    #[test]
    fn a_network_counts_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("1.1.1.1"), of("1.1.1.2"));
        assert_eq!(of("::ffff:1.1.1.1"), of("1.1.1.1"));
    }

    #[test]
    fn unreadable_entries_end_the_search() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, unknown"], &trusted), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, ?, 10.0.0.2"], &trusted), "10.0.0.2");
        assert_eq!(seen("10.0.0.1", &[], &trusted), "10.0.0.1");
    }
}
