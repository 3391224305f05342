//! Addresses of clients: who counts as one client, and which networks are our own proxies.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Networks, as `TRUSTED_PROXIES` lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Networks and addresses, comma separated: `10.0.0.0/8,192.0.2.7`. `None` when one won't do.
    pub fn parse(text: &str) -> Option<Self> {
        let network = |item: &str| item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)).ok();
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(network)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether an address is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// What counts as one client: an IPv4 address, or the /64 network that an IPv6 host has all to itself.
pub fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_and_addresses_are_read() {
        let networks = Networks::parse("10.0.0.0/8, 192.0.2.7,2001:db8::/32").unwrap();
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::1"] {
            assert!(networks.contain(ip(inside)), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1"] {
            assert!(!networks.contain(ip(outside)), "{outside}");
        }
        for wrong in ["10.0.0.0/33", "proxy", "10.0.0.0/8;11.0.0.0/8"] {
            assert_eq!(Networks::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Networks::parse(""), Some(Networks::default()));
    }

    #[test]
    fn a_holder_is_an_address_or_its_64_bits() {
        assert_eq!(holder(ip("192.0.2.7")), ip("192.0.2.7"));
        assert_eq!(holder(ip("::ffff:192.0.2.7")), ip("192.0.2.7"));
        assert_eq!(holder(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
    }
}
