//! Whose request it is: the address behind our own proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use service_kit::address::Networks;

/// The client's address. Only what a proxy of ours has added is believed: read from the right, the first address that
/// is not one of ours. Where the proxies name somebody by both headers and not the same, one of the headers is the
/// client's own invention, and the proxy itself counts as the client.
pub(super) fn address(peer: IpAddr, headers: &HeaderMap, proxies: &Networks) -> IpAddr {
    if !proxies.contain(peer) {
        return peer;
    }
    let behind = |name, read: fn(&str) -> Option<IpAddr>| {
        headers.contains_key(name).then(|| walk(peer, headers, proxies, name, read))
    };
    match (behind("x-forwarded-for", plain), behind("forwarded", forwarded_for)) {
        (Some(address), None) | (None, Some(address)) => address,
        (Some(one), Some(other)) if one == other => one,
        _ => peer,
    }
}

fn walk(
    peer: IpAddr,
    headers: &HeaderMap,
    proxies: &Networks,
    name: &str,
    read: fn(&str) -> Option<IpAddr>,
) -> IpAddr {
    let lines: Vec<&str> =
        headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    let mut address = peer;
    for item in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !proxies.contain(address) {
            break;
        }
        // Beyond what cannot be read nobody knows whose words they are.
        let Some(next) = read(item.trim()) else { break };
        address = next;
    }
    address
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]:4711`
fn plain(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// `for="[2001:db8::7]:4711";proto=https` (RFC 7239)
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    plain(node.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn asked_by(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let proxies = Networks::parse("10.0.0.0/8, fd00::/8").unwrap();
        let lines = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        lines.for_each(|(name, value)| {
            map.append(name, value);
        });
        address(peer.parse().unwrap(), &map, &proxies).to_string()
    }

    const XFF: &str = "x-forwarded-for";
    const FORWARDED: &str = "forwarded";

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(
            asked_by("192.0.2.1", &[(XFF, "198.51.100.1"), (FORWARDED, "for=198.51.100.1")]),
            "192.0.2.1"
        );
    }

    #[test]
    fn the_rightmost_that_is_not_ours() {
        for (value, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("6.6.6.6,198.51.100.1:4711,[fd00::1]:80", "198.51.100.1"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("198.51.100.1, unknown", "10.0.0.1"),
            ("198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(asked_by("10.0.0.1", &[(XFF, value)]), expected, "{value}");
        }
        assert_eq!(asked_by("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(asked_by("10.0.0.1", &[(XFF, "6.6.6.6"), (XFF, "198.51.100.1")]), "198.51.100.1");
        assert_eq!(asked_by("::ffff:10.0.0.1", &[(XFF, "198.51.100.1")]), "198.51.100.1");
    }

    #[test]
    fn the_standard_header() {
        for (value, expected) in [
            ("for=198.51.100.1", "198.51.100.1"),
            ("for=6.6.6.6, for=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
            ("proto=https; For=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("for=\"6.6.6.6, for=198.51.100.1", "198.51.100.1"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(asked_by("10.0.0.1", &[(FORWARDED, value)]), expected, "{value}");
        }
    }

    #[test]
    fn two_headers_that_disagree_are_the_proxys_matter() {
        let both = |other| asked_by("10.0.0.1", &[(XFF, "198.51.100.1"), (FORWARDED, other)]);
        assert_eq!(both("for=198.51.100.1"), "198.51.100.1");
        assert_eq!(both("for=6.6.6.6"), "10.0.0.1");
    }
}
