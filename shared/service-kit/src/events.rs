//! The way of `order-events`: one port, two transports. [`http`] posts each event to its receiver and needs nothing;
//! [`nats`] goes through JetStream, for more than one machine and more than one receiver.

pub mod http;
pub mod nats;

use std::time::Duration;

use api::event::CloudEvent;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use telemetry::env::parse;
use telemetry::propagation::StoredContext;
use telemetry::{ConfigError, Env};

use crate::access::PeerToken;
use crate::cloudevents;
use crate::config::variables::{EVENT_ATTEMPTS, EVENTS_REPLICAS, EVENTS_URL};
use http::HttpPublisher;
use nats::{NatsPublisher, NatsServer};

/// `EVENTS_URL`: how events go from the order service to the others.
#[derive(Debug, Clone)]
pub enum EventsUrl {
    /// `http://…`: the receiver's URL.
    Http(Url),
    /// `nats://host:port`
    Nats(NatsServer),
}

impl EventsUrl {
    /// Reads `EVENTS_URL` and, for NATS, `EVENT_ATTEMPTS` and `EVENTS_REPLICAS`. Unset it is the inventory service of this machine.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let url: Url = env.read(&EVENTS_URL, parse::value)?;
        let wrong = || EVENTS_URL.wrong(&url);
        match url.scheme() {
            "http" if url.has_host() && url.username().is_empty() && url.password().is_none() => {
                Ok(Self::Http(url))
            }
            "nats" => {
                let replicas = env.read(&EVENTS_REPLICAS, parse::within(1..=5))?;
                NatsServer::new(&url, attempts(env)?, replicas).map(Self::Nats).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

/// `EVENT_ATTEMPTS`: how often an event is refused before it is a dead letter; [`back_off`] is between two of them.
pub fn attempts(env: &Env) -> Result<u32, ConfigError> {
    env.read(&EVENT_ATTEMPTS, parse::within(1..=1000))
}

/// How long an event rests after it was refused for the `refusals`th time: twice as long each time, up to five
/// minutes, less up to a half by chance, so that what failed together does not come again together.
pub fn back_off(refusals: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_mins(5);
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(refusals.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST).mul_f64(rand::random_range(0.5..=1.0))
}

/// Sends events. A cheap handle.
#[derive(Clone)]
pub enum Publisher {
    /// To one receiver.
    Http(HttpPublisher),
    /// To a stream.
    Nats(NatsPublisher),
}

impl Publisher {
    /// A publisher that gives each event at most `timeout`. It connects when the first event is published. A receiver
    /// over HTTP is shown `token`; a stream has rights of its own.
    pub fn new(url: &EventsUrl, timeout: Duration, token: Option<PeerToken>) -> Result<Self, reqwest::Error> {
        Ok(match url {
            EventsUrl::Http(url) => Self::Http(HttpPublisher::new(url.clone(), timeout, token)?),
            EventsUrl::Nats(server) => Self::Nats(NatsPublisher::new(server.clone(), timeout)),
        })
    }

    /// `messaging.system`: `http` or `nats`.
    pub fn system(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Nats(_) => nats::SYSTEM,
        }
    }

    /// Sends one event and waits until it is taken: by the receiver, or by the stream. `context` is that of the
    /// PRODUCER span. `delivery` is the same for every try of one delivery; a stream takes it once.
    pub async fn publish(
        &self,
        event: &CloudEvent,
        context: &StoredContext,
        delivery: &str,
    ) -> Result<(), PublishError> {
        match self {
            Self::Http(http) => http.publish(event, context).await,
            Self::Nats(nats) => nats.publish(event, context, delivery).await,
        }
    }
}

/// Why an event was not delivered, in words that hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is nobody to take any event, so it says nothing about this one.
    #[error("{0}")]
    Away(String),
    /// This event was not taken, or it is not known whether it was.
    #[error("{0}")]
    NotTaken(String),
}

/// An event in binary mode, with the context of its delivery beside that of its happening.
fn to_message(event: &CloudEvent, context: &StoredContext) -> Result<(HeaderMap, Vec<u8>), PublishError> {
    let unfit = |_| PublishError::NotTaken("an attribute does not fit into a header".to_owned());
    let (mut headers, body) = cloudevents::to_request(event).map_err(unfit)?;
    let context = [
        ("traceparent", Some(&context.traceparent).filter(|value| !value.is_empty())),
        ("tracestate", context.tracestate.as_ref()),
        ("baggage", context.baggage.as_ref()),
    ];
    for (name, value) in context {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).map_err(unfit)?);
        }
    }
    Ok((headers, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_end() {
        assert!((100..=200).contains(&back_off(1).as_millis()));
        assert!((200..=400).contains(&back_off(2).as_millis()));
        assert!((150..=300).contains(&back_off(12).as_secs()));
        assert!((150..=300).contains(&back_off(u32::MAX).as_secs()));
    }

    #[test]
    fn only_what_can_be_reached_is_taken() {
        let url = |held| EventsUrl::from_env(&Env::from_pairs([("EVENTS_URL", held)]));
        assert!(matches!(url(""), Ok(EventsUrl::Http(url)) if url.path() == "/events"));
        assert!(matches!(url("http://inventory:8083/events"), Ok(EventsUrl::Http(_))));
        assert!(matches!(url("nats://127.0.0.1:4222"), Ok(EventsUrl::Nats(_))));
        for wrong in
            ["ftp://x", "nats:", "nats://", "https://x/events", "nats://h/path", "http://u:geheim@h/e"]
        {
            let error = url(wrong).unwrap_err().to_string();
            assert!(error.contains("EVENTS_URL") && !error.contains("geheim"), "{error}");
        }
        assert!(!format!("{:?}", url("nats://u:geheim@h:4222")).contains("geheim"));
    }
}
