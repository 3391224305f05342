//! Customers, of whom the platform knows an id only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::card::holds_card_number;

/// A customer's id: 1 to 64 of `A-Z a-z 0-9 _ . : -`, and not a card number. Spans and log lines know a customer
/// only by a keyed hash of it, so its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(
        description = "A customer's id: 1 to 64 of `A-Z a-z 0-9 _ . : -`, and not a card number.",
        pattern = "^[A-Za-z0-9_.:-]{1,64}$",
        examples("c-1042")
    )
)]
pub struct CustomerId(String);

impl CustomerId {
    /// The id, for the database and the customer's own answers.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerId([redacted])")
    }
}

impl FromStr for CustomerId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(Invalid("a customer id has 1 to 64 letters, digits, or any of _ . : -"));
        }
        if holds_card_number(text) {
            return Err(Invalid("a customer id cannot be a card number"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for CustomerId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> Self {
        id.0
    }
}
