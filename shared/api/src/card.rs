//! Card numbers, which must reach the payment service and nothing else.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::Invalid;

/// A card number of 13 to 19 digits that passes the Luhn check (ISO/IEC 7812-1).
///
/// It has no `Serialize` and its `Debug` hides it, so it cannot slip into a log line, a span or an error. The two
/// bodies that must carry it say so, field by field, with `serialize_with = "CardNumber::expose"`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "UncheckedCard")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(
        description = "A card number: 13 to 19 digits that pass the Luhn check.",
        pattern = "^[0-9]{13,19}$",
        format = "card-number",
        examples("4242424242424242")
    )
)]
pub struct CardNumber(String);

impl CardNumber {
    /// The last four digits, which may be shown and stored.
    pub fn last4(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }

    /// The whole number, for the card processor only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Writes the whole number into a request body.
    pub(crate) fn expose<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber([redacted])")
    }
}

/// What a client sent as its card number, not looked at yet; `Debug` hides it too.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct UncheckedCard(String);

impl fmt::Debug for UncheckedCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UncheckedCard([redacted])")
    }
}

impl From<&str> for UncheckedCard {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl TryFrom<UncheckedCard> for CardNumber {
    type Error = Invalid;

    fn try_from(card: UncheckedCard) -> Result<Self, Invalid> {
        if is_card_number(&card.0) {
            Ok(Self(card.0))
        } else {
            Err(Invalid("a card number has 13 to 19 digits, without spaces, and a valid check digit"))
        }
    }
}

/// True when the whole text is a card number.
fn is_card_number(text: &str) -> bool {
    (13..=19).contains(&text.len()) && luhn(text)
}

/// True when a text from outside holds a card number: as a run of digits within it, or as all of it once the
/// usual separators are gone. Ids and SKUs are logged and stored, so none of them may be one.
pub fn holds_card_number(text: &str) -> bool {
    let joined: String = text.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ':' | ' ')).collect();
    is_card_number(&joined) || text.split(|c: char| !c.is_ascii_digit()).any(is_card_number)
}

/// The Luhn check: every second digit from the right counts double, less nine when that makes it two digits.
fn luhn(digits: &str) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let digit = u32::from(byte - b'0');
        sum += match (place % 2, digit) {
            (0, _) => digit,
            (_, 0..=4) => digit * 2,
            _ => digit * 2 - 9,
        };
    }
    sum % 10 == 0
}
