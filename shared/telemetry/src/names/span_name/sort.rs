//! Sorts of spans: what all spans of a sort say.

use crate::names::attribute as key;
use Need::{Always, When};

/// A span's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Answers a request.
    Server,
    /// Asks another service or a database.
    Client,
    /// Sends a message.
    Producer,
    /// Acts on a message.
    Consumer,
    /// Work within a process.
    Internal,
}

impl SpanKind {
    /// As OpenTelemetry writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "SERVER",
            Self::Client => "CLIENT",
            Self::Producer => "PRODUCER",
            Self::Consumer => "CONSUMER",
            Self::Internal => "INTERNAL",
        }
    }
}

/// What made a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A request that is answered.
    Request,
    /// A request to another service.
    Call,
    /// A database transaction.
    Transaction,
    /// A message that is sent.
    Publish,
    /// A message that is acted on.
    Process,
    /// Work that is apart from a request.
    Work,
}

/// When a span has an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// On every span.
    Always,
    /// On some.
    When(&'static str),
}

const ANSWERED: Need = When("an answer was sent or came");
const FAILED: Need = When("the span has failed");
const IN_BAGGAGE: Need = When("the baggage has it");
const OVER_HTTP: Need = When("the message came over HTTP");

impl Sort {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Request, Self::Call, Self::Transaction, Self::Publish, Self::Process, Self::Work];

    /// In the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Call => "call",
            Self::Transaction => "transaction",
            Self::Publish => "publish",
            Self::Process => "process",
            Self::Work => "work",
        }
    }

    /// The kind of its spans.
    pub const fn kind(self) -> SpanKind {
        match self {
            Self::Request => SpanKind::Server,
            Self::Call | Self::Transaction => SpanKind::Client,
            Self::Publish => SpanKind::Producer,
            Self::Process => SpanKind::Consumer,
            Self::Work => SpanKind::Internal,
        }
    }

    /// What its spans say.
    pub const fn attributes(self) -> &'static [(&'static str, Need)] {
        match self {
            Self::Request => &[
                (key::HTTP_REQUEST_METHOD, Always),
                (key::HTTP_ROUTE, When("a route takes it")),
                (key::HTTP_RESPONSE_STATUS_CODE, ANSWERED),
                (key::URL_PATH, Always),
                (key::URL_SCHEME, Always),
                (key::SERVER_ADDRESS, Always),
                (key::SERVER_PORT, When("the Host header has one")),
                (key::CLIENT_ADDRESS, Always),
                (key::LOG_INDEX, Always),
                (key::SESSION_ID, IN_BAGGAGE),
                (key::CUSTOMER_TIER, IN_BAGGAGE),
                (key::ERROR_TYPE, FAILED),
            ],
            Self::Call => &[
                (key::HTTP_REQUEST_METHOD, Always),
                (key::HTTP_RESPONSE_STATUS_CODE, ANSWERED),
                (key::URL_FULL, Always),
                (key::SERVER_ADDRESS, Always),
                (key::SERVER_PORT, Always),
                (key::ERROR_TYPE, FAILED),
            ],
            Self::Transaction => &[
                (key::DB_SYSTEM_NAME, Always),
                (key::DB_OPERATION_NAME, Always),
                (key::DB_COLLECTION_NAME, Always),
                (key::DB_QUERY_SUMMARY, Always),
                (key::ERROR_TYPE, FAILED),
            ],
            Self::Publish => &[
                (key::MESSAGING_SYSTEM, Always),
                (key::MESSAGING_DESTINATION_NAME, Always),
                (key::MESSAGING_OPERATION_NAME, Always),
                (key::MESSAGING_OPERATION_TYPE, Always),
                (key::MESSAGING_MESSAGE_ID, Always),
                (key::SESSION_ID, IN_BAGGAGE),
                (key::CUSTOMER_TIER, IN_BAGGAGE),
                (key::ERROR_TYPE, FAILED),
            ],
            Self::Process => &[
                (key::MESSAGING_SYSTEM, Always),
                (key::MESSAGING_DESTINATION_NAME, Always),
                (key::MESSAGING_OPERATION_NAME, Always),
                (key::MESSAGING_OPERATION_TYPE, Always),
                (key::MESSAGING_MESSAGE_ID, When("it is an event")),
                (key::HTTP_ROUTE, OVER_HTTP),
                (key::HTTP_RESPONSE_STATUS_CODE, OVER_HTTP),
                (key::LOG_INDEX, Always),
                (key::SESSION_ID, IN_BAGGAGE),
                (key::CUSTOMER_TIER, IN_BAGGAGE),
                (key::ERROR_TYPE, FAILED),
            ],
            Self::Work => {
                &[(key::SESSION_ID, IN_BAGGAGE), (key::CUSTOMER_TIER, IN_BAGGAGE), (key::ERROR_TYPE, FAILED)]
            }
        }
    }
}
