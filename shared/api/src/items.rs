//! What is ordered: stock-keeping units and how many of them.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::card::holds_card_number;

/// The name of a product: 1 to 64 of `A-Z 0-9 -`, and not a card number, because it is logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(pattern = "^[A-Z0-9-]{1,64}$", examples("TEA-EARL-GREY")))]
pub struct Sku(String);

impl Sku {
    /// The SKU as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sku {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(Invalid("a SKU has 1 to 64 capital letters, digits or hyphens"));
        }
        if holds_card_number(text) {
            return Err(Invalid("a SKU cannot be a card number"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Sku {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

/// How many pieces: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = i64, minimum = 1, maximum = 1000, examples(2)))]
pub struct Quantity(u16);

impl Quantity {
    /// The number of pieces.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = Invalid;

    fn try_from(pieces: i64) -> Result<Self, Invalid> {
        match u16::try_from(pieces) {
            Ok(pieces @ 1..=1000) => Ok(Self(pieces)),
            _ => Err(Invalid("a quantity is a whole number from 1 to 1000")),
        }
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0.into()
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Which product.
    pub sku: Sku,
    /// How many of it.
    pub quantity: Quantity,
}

/// The lines of an order: 1 to 100, no SKU twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Item>", into = "Vec<Item>")]
pub struct Items(Vec<Item>);

/// The most lines an order may have.
pub(crate) const MOST_ITEMS: usize = 100;

impl Items {
    /// The lines, in the order they were given.
    pub fn as_slice(&self) -> &[Item] {
        &self.0
    }
}

impl TryFrom<Vec<Item>> for Items {
    type Error = Invalid;

    fn try_from(items: Vec<Item>) -> Result<Self, Invalid> {
        if !(1..=MOST_ITEMS).contains(&items.len()) {
            return Err(Invalid("an order has 1 to 100 items"));
        }
        let mut seen = HashSet::new();
        if !items.iter().all(|item| seen.insert(&item.sku)) {
            return Err(Invalid("each SKU may stand once: add up the quantities"));
        }
        Ok(Self(items))
    }
}

impl From<Items> for Vec<Item> {
    fn from(items: Items) -> Self {
        items.0
    }
}
