//! What is ordered: orders that work, that are declined, and that are out of stock, in given shares.

use bytes::Bytes;
use rand::{RngExt, rngs::StdRng};
use serde::Serialize;
use std::str::FromStr;

/// What an order is meant to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Success,
    Decline,
    OutOfStock,
}

/// What there is enough of, however long the load lasts.
const IN_STOCK: [&str; 6] =
    ["TEA-ASSAM", "TEA-DARJEELING", "TEA-EARL-GREY", "TEA-JASMINE", "TEA-SENCHA", "CUP-STONEWARE"];
const OUT_OF_STOCK: &str = "POT-CAST-IRON";
const ACCEPTED: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Success, Self::Decline, Self::OutOfStock];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Decline => "decline",
            Self::OutOfStock => "out-of-stock",
        }
    }

    /// The status that such an order must be answered with.
    pub(crate) fn expected(self) -> u16 {
        match self {
            Self::Success => 201,
            Self::Decline => 402,
            Self::OutOfStock => 409,
        }
    }

    /// The body of a request, of one of a thousand customers.
    pub(crate) fn body(self, random: &mut StdRng) -> Bytes {
        let customer = random.random_range(1000..2000);
        let sku = match self {
            Self::OutOfStock => OUT_OF_STOCK,
            _ => IN_STOCK.get(random.random_range(0..IN_STOCK.len())).copied().unwrap_or_default(),
        };
        let card = if self == Self::Decline { DECLINED } else { ACCEPTED };
        Bytes::from(format!(
            r#"{{"customer_id":"c-{customer}","items":[{{"sku":"{sku}","quantity":1}}],"payment":{{"method":"card","card_number":"{card}"}}}}"#
        ))
    }
}

/// Weights of the kinds, in the order of [`Kind::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mix([u32; 3]);

impl Mix {
    /// Orders that work, and nothing else.
    pub(crate) const GOOD: Self = Self([1, 0, 0]);

    pub(crate) fn draw(self, random: &mut StdRng) -> Kind {
        let [success, decline, short] = self.0;
        match random.random_range(0..success + decline + short) {
            n if n < success => Kind::Success,
            n if n < success + decline => Kind::Decline,
            _ => Kind::OutOfStock,
        }
    }
}

impl FromStr for Mix {
    type Err = String;

    /// `success=85,decline=10,out-of-stock=5`: weights, in any order, those left out are zero.
    fn from_str(text: &str) -> Result<Self, String> {
        const TAKES: &str = "weights up to 1000000 such as success=85,decline=10,out-of-stock=5";
        let mut weights = [0; 3];
        for pair in text.split(',') {
            let (name, weight) = pair.split_once('=').ok_or(TAKES)?;
            let place = Kind::ALL.iter().position(|kind| kind.name() == name).ok_or(TAKES)?;
            let weight = weight.parse().ok().filter(|weight| *weight <= 1_000_000).ok_or(TAKES)?;
            *weights.get_mut(place).ok_or(TAKES)? = weight;
        }
        if weights == [0; 3] { Err(TAKES.to_owned()) } else { Ok(Self(weights)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use serde_json::Value;

    #[test]
    fn weights_are_kept() {
        let mix: Mix = "decline=10,success=85,out-of-stock=5".parse().unwrap();
        let mut random = StdRng::seed_from_u64(1);
        let drawn: Vec<Kind> = (0..10_000).map(|_| mix.draw(&mut random)).collect();
        let count = |kind| drawn.iter().filter(|drawn| **drawn == kind).count();
        assert!((8_300..8_700).contains(&count(Kind::Success)));
        assert!((850..1_150).contains(&count(Kind::Decline)));
        assert!((400..600).contains(&count(Kind::OutOfStock)));
    }

    #[test]
    fn wrong_weights_are_refused() {
        for text in
            ["", "success", "success=0", "success=-1", "luck=3", "success=1;decline=1", "success=9999999"]
        {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }

    #[test]
    fn bodies_are_json_and_differ_where_they_must() {
        let mut random = StdRng::seed_from_u64(1);
        let [good, declined, short] = Kind::ALL.map(|kind| {
            let body: Value = serde_json::from_slice(&kind.body(&mut random)).unwrap();
            (body["items"][0]["sku"].clone(), body["payment"]["card_number"].clone())
        });
        assert_eq!(declined.1, DECLINED);
        assert_eq!(short.0, OUT_OF_STOCK);
        assert!(good.1 == ACCEPTED && good.0 != OUT_OF_STOCK);
    }
}
