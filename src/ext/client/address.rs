//! Hosts, and the addresses that only machines nearby can reach. Audio from them is refused by default.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Returns the host and port of a URL, for messages.
pub(super) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns `true` if the host of the URL is this machine, judged without resolving names.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || literal_address(host).is_some_and(|address| address.is_loopback())
}

/// Returns the address of a URL's host, if the host is an address and not a name.
pub(super) fn literal_address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A group of addresses that are not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// This machine.
    Loopback,
    /// The networks of a home, a company or a provider.
    Private,
    /// The same network segment. Cloud providers serve credentials on such an address.
    LinkLocal,
}

/// Network, length of its prefix in bits, zone.
const IPV4: [(Ipv4Addr, u32, Zone); 7] = [
    // A connection to 0.0.0.0 reaches this machine.
    (Ipv4Addr::UNSPECIFIED, 8, Zone::Loopback),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Zone::Loopback),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Zone::Private),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Zone::Private),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Zone::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Zone::Private),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Zone::LinkLocal),
];

const IPV6: [(Ipv6Addr, u32, Zone); 5] = [
    (Ipv6Addr::UNSPECIFIED, 128, Zone::Loopback),
    (Ipv6Addr::LOCALHOST, 128, Zone::Loopback),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Zone::Private),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Zone::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Zone::LinkLocal),
];

/// The IPv6 networks whose last 32 bits are an IPv4 address: the mapped form, and NAT64.
const EMBEDDED: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0)];

impl Zone {
    /// Returns the zone of an address, or `None` if the address is public.
    pub(super) fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_ipv4(address),
            IpAddr::V6(address) => of_ipv6(address),
        }
    }

    /// Returns the word for the zone in an error message.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
        }
    }
}

fn of_ipv4(address: Ipv4Addr) -> Option<Zone> {
    let contains = |network: Ipv4Addr, bits| (network.to_bits() ^ address.to_bits()) >> (32 - bits) == 0;
    IPV4.into_iter().find(|(network, bits, _)| contains(*network, *bits)).map(|(_, _, zone)| zone)
}

fn of_ipv6(address: Ipv6Addr) -> Option<Zone> {
    let bits = address.to_bits();
    if EMBEDDED.iter().any(|network| (network.to_bits() ^ bits) >> 32 == 0) {
        let [.., a, b, c, d] = address.octets();
        return of_ipv4(Ipv4Addr::new(a, b, c, d));
    }
    let contains = |network: Ipv6Addr, length| (network.to_bits() ^ bits) >> (128 - length) == 0;
    IPV6.into_iter().find(|(network, length, _)| contains(*network, *length)).map(|(_, _, zone)| zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_zone(addresses: &[&str], zone: Option<Zone>) {
        for address in addresses {
            assert_eq!(Zone::of(address.parse().unwrap()), zone, "{address}");
        }
    }

    #[test]
    fn zone_of_first_and_last_address_of_each_range_is_not_public() {
        let loopback = ["0.0.0.0", "0.255.255.255", "127.0.0.0", "127.255.255.255", "::", "::1"];
        assert_zone(&loopback, Some(Zone::Loopback));
        let private = [
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "fc00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fec0::1",
        ];
        assert_zone(&private, Some(Zone::Private));
        let link_local = ["169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::", "febf:ffff::ffff"];
        assert_zone(&link_local, Some(Zone::LinkLocal));
    }

    #[test]
    fn zone_of_neighbours_of_each_range_is_public() {
        assert_zone(
            &[
                "1.0.0.0",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "169.253.255.255",
                "169.255.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "192.167.255.255",
                "192.169.0.0",
                "::2",
                "fbff:ffff::",
                "fe00::",
                "ff02::1",
                "2606:4700::1111",
            ],
            None,
        );
    }

    #[test]
    fn zone_of_embedded_ipv4_address_is_that_of_the_address() {
        assert_zone(&["::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "::ffff:0.0.0.0"], Some(Zone::Loopback));
        assert_zone(&["::ffff:10.1.2.3", "64:ff9b::192.168.0.1"], Some(Zone::Private));
        assert_zone(&["::ffff:169.254.169.254"], Some(Zone::LinkLocal));
        assert_zone(&["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"], None);
    }
}
