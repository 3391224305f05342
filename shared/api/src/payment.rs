//! What the payment service takes and answers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::card::CardNumber;
use crate::ids::{OrderId, TransactionId};
use crate::money::Money;

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PaymentMethod {
    /// By card.
    Card,
}

impl PaymentMethod {
    /// The name on the wire, in spans and in databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
        }
    }
}

impl fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PaymentMethod {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "card" { Ok(Self::Card) } else { Err(Invalid("the payment method is `card`")) }
    }
}

/// `POST /charges`: take this amount for this order. Asking again with the same amount answers the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeRequest {
    /// The order; it is charged once at most.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// By what.
    pub method: PaymentMethod,
    /// The card.
    #[serde(serialize_with = "CardNumber::expose")]
    pub card_number: CardNumber,
}

/// A charge that went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The payment service's name for it.
    pub transaction_id: TransactionId,
    /// The last four digits of the card.
    pub card_last4: String,
}

/// `POST /charges/{order_id}/refund`: what has become of the order's charge. None of its money is held any more, and
/// none ever will be. Asking again answers the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// What has become of it.
    pub state: RefundState,
}

/// What has become of a charge whose money must not be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// The money went back to the card.
    Refunded,
    /// No money was taken, and a charge that comes late is refused.
    Voided,
    /// The card had been declined: no money was taken.
    Declined,
}

impl RefundState {
    /// The name on the wire, in spans, metrics and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refunded => "refunded",
            Self::Voided => "voided",
            Self::Declined => "declined",
        }
    }
}
