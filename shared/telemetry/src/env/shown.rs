//! Values as people may see them.

use crate::redact::{is_secret_name, scrub};

pub(super) const HIDDEN: &str = "(hidden)";

/// Without what a URL says of whom it is asked as, and what is asked with it; without what a `key=value` pair calls a
/// secret; without card numbers; in one line. Rather too much is taken out than too little.
pub(super) fn clean(held: &str) -> String {
    let held: String = held.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let held = match (held.find("://"), held.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let (before, from) = held.split_at(scheme + "://".len());
            let host = from.rsplit_once('@').map_or("", |(_, host)| host);
            format!("{before}{HIDDEN}@{host}")
        }
        _ => held,
    };
    let held = match held.split_once("://").and_then(|(_, rest)| rest.split_once('?')) {
        Some((_, asked)) => format!("{}{HIDDEN}", held.strip_suffix(asked).unwrap_or_default()),
        None => held,
    };
    let pairs: Vec<String> = held.split(',').map(pair).collect();
    scrub(&pairs.join(",")).into_owned()
}

fn pair(text: &str) -> String {
    match text.split_once('=') {
        Some((key, _)) if is_secret_name(key) => format!("{key}={HIDDEN}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_stays() {
        for held in ["10000", "127.0.0.1:8080", "sqlite:data/order.db", "otlp, zipkin", "team=tea,stage=dev"]
        {
            assert_eq!(clean(held), held);
        }
        assert_eq!(clean("http://a:1/x,http://b:2/y"), "http://a:1/x,http://b:2/y");
    }

    #[test]
    fn what_is_secret_goes() {
        for (held, expected) in [
            ("postgres://ada:hunter2@db:5432/order", "postgres://(hidden)@db:5432/order"),
            ("nats://hunter2@nats:4222", "nats://(hidden)@nats:4222"),
            ("http://ada:hun@ter2@x/", "http://(hidden)@x/"),
            ("http://x/a?key=hunter2", "http://x/a?(hidden)"),
            ("http://x/?a@hunter2?b", "http://(hidden)@hunter2?(hidden)"),
            ("team=tea,api_key=hunter2", "team=tea,api_key=(hidden)"),
            ("a\nb", "a\u{fffd}b"),
        ] {
            assert_eq!(clean(held), expected);
        }
        assert!(!clean("4242424242424242").contains("4242424242424242"));
    }

    proptest::proptest! {
        #[test]
        fn no_password_of_a_url_is_shown(before in "\\PC{0,9}", after in "\\PC{0,9}") {
            let held = format!("nats://ada:{before}hunter2{after}@x:4222");
            proptest::prop_assert!(!clean(&held).contains("hunter2"));
        }
    }
}
