//! What the order service tells the others (`order-events`), as CloudEvents 1.0.

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::timestamp::Timestamp;

/// The destination order events are published to.
pub const ORDER_EVENTS: &str = "order-events";

/// What happened to an order. The CloudEvents `type` is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEventKind {
    /// It is reserved and paid: `order.confirmed`.
    Confirmed,
    /// It was taken back: `order.cancelled`.
    Cancelled,
}

impl OrderEventKind {
    /// The CloudEvents `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "order.confirmed",
            Self::Cancelled => "order.cancelled",
        }
    }

    /// The kind of a CloudEvents `type`; none when it is not one of ours.
    pub fn from_type(name: &str) -> Option<Self> {
        [Self::Confirmed, Self::Cancelled].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The `data` of an order event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// The order it happened to.
    pub order_id: OrderId,
}

/// An event's envelope: the context attributes of CloudEvents 1.0, and its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// With `source` unique; the same for every delivery.
    pub id: String,
    /// Who says so, such as `/order-service`.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it happened to: the order's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Extension "distributed tracing": the context the event happened in, whatever carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Other vendors' state of the same extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// The rest in the terms of the `type`.
    #[serde(default)]
    pub data: serde_json::Value,
}
