//! Identifiers: UUIDv7 (RFC 9562), so that they sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Invalid;

macro_rules! uuid_v7 {
    ($(#[$doc:meta])* $name:ident, $takes:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(
            feature = "openapi",
            schema(
                value_type = String,
                pattern = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7[0-9A-Fa-f]{3}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
                examples("019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b")
            )
        )]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id, later than every id this process made before.
            #[allow(clippy::new_without_default, reason = "two defaults that differ would surprise")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            /// Takes the hyphenated form only, in either case.
            fn from_str(text: &str) -> Result<Self, Invalid> {
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 && id.get_version_num() == 7 => Ok(Self(id)),
                    _ => Err(Invalid($takes)),
                }
            }
        }

        /// From a database's own type for it.
        impl TryFrom<Uuid> for $name {
            type Error = Invalid;

            fn try_from(id: Uuid) -> Result<Self, Invalid> {
                if id.get_version_num() == 7 { Ok(Self(id)) } else { Err(Invalid($takes)) }
            }
        }

        /// To a database's own type for it.
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

uuid_v7!(
    /// One order, in every service.
    OrderId,
    "an order id is a UUIDv7 such as 019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b"
);
uuid_v7!(
    /// One charge, as the payment service names it.
    TransactionId,
    "a transaction id is a UUIDv7"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_hyphenated_version_7() {
        let id = OrderId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().replace('-', "").parse::<OrderId>().is_err());
        assert!("c232ab00-9414-41d0-9f4b-1f0f1e2d3a4b".parse::<OrderId>().is_err(), "version 4");
        assert!("".parse::<OrderId>().is_err());
        assert_eq!(OrderId::try_from(Uuid::from(id)), Ok(id));
        assert!(OrderId::try_from(Uuid::nil()).is_err());
    }
}
