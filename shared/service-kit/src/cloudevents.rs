//! CloudEvents 1.0 in messages with headers (HTTP, NATS): out in binary mode, in in binary and structured mode.
//! Spec: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod properties;

use api::decode::decode_json;
use api::event::CloudEvent;
use api::problem::ProblemKind;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_TYPE, InvalidHeaderValue};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::ApiError;
use crate::extract::{ApiBody, is_json, media_type, not_json};

/// Structured mode's content type: the whole event is the body.
const STRUCTURED: &str = "application/cloudevents+json";

/// An event as a request in binary mode: attributes as `ce-` headers, its data as a JSON body.
pub fn to_request(event: &CloudEvent) -> Result<(HeaderMap, Vec<u8>), InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let time = event.time.map(|time| time.to_string());
    let attributes = [
        ("ce-specversion", Some(event.specversion.as_str())),
        ("ce-id", Some(event.id.as_str())),
        ("ce-source", Some(event.source.as_str())),
        ("ce-type", Some(event.kind.as_str())),
        ("ce-subject", event.subject.as_deref()),
        ("ce-time", time.as_deref()),
        ("ce-traceparent", event.traceparent.as_deref()),
        ("ce-tracestate", event.tracestate.as_deref()),
    ];
    for (name, value) in attributes {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
        }
    }
    Ok((headers, event.data.to_string().into_bytes()))
}

/// Lets an event that reaches us with no `traceparent` of its delivery (through a broker or a relay that knows
/// nothing of tracing) continue the trace it happened in. Layer it around the router, outside of telemetry. In
/// structured mode the extension is in the body, which nobody has read by then: there the header alone counts.
pub fn trace_of_event(mut request: Request) -> Request {
    if !request.headers().contains_key("traceparent") {
        for (extension, header) in [("ce-traceparent", "traceparent"), ("ce-tracestate", "tracestate")] {
            if let Some(value) = request.headers().get(extension).cloned() {
                request.headers_mut().insert(header, value);
            }
        }
    }
    request
}

/// An event in a request. 400 when an attribute is missing or wrong, 415 when its data is not JSON.
#[derive(Debug)]
pub struct Event(pub CloudEvent);

impl<S: Sync> FromRequest<S> for Event {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let ApiBody(body) = ApiBody::from_request(request, state).await?;
        read(&headers, &body).map(Self)
    }
}

/// An event in a message, in either mode.
pub(crate) fn read(headers: &HeaderMap, body: &Bytes) -> Result<CloudEvent, ApiError> {
    let event = if media_type(headers).as_deref() == Some(STRUCTURED) {
        decode_json(body)?
    } else {
        from_binary(headers, body)?
    };
    if event.specversion != "1.0" {
        return Err(malformed("`specversion` must be 1.0"));
    }
    for (name, value) in [("id", &event.id), ("source", &event.source), ("type", &event.kind)] {
        if value.is_empty() {
            return Err(malformed(&format!("`{name}` must not be empty")));
        }
    }
    Ok(event)
}

fn from_binary(headers: &HeaderMap, body: &Bytes) -> Result<CloudEvent, ApiError> {
    let attribute = |name: &str| match headers.get(format!("ce-{name}")).map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value.to_owned())),
        Some(Err(_)) => Err(malformed(&format!("header `ce-{name}` is not text"))),
    };
    let needed =
        |name: &str| attribute(name)?.ok_or_else(|| malformed(&format!("header `ce-{name}` is missing")));
    let time = match attribute("time")? {
        Some(time) => Some(time.parse().map_err(|_| malformed("header `ce-time` is not an RFC 3339 time"))?),
        None => None,
    };
    let event = CloudEvent {
        specversion: needed("specversion")?,
        id: needed("id")?,
        source: needed("source")?,
        kind: needed("type")?,
        subject: attribute("subject")?,
        time,
        traceparent: attribute("traceparent")?,
        tracestate: attribute("tracestate")?,
        data: serde_json::Value::Null,
    };
    if body.is_empty() {
        return Ok(event);
    }
    // Also keeps out batches, which are `application/cloudevents-batch+json`.
    if !is_json(headers)
        || media_type(headers).is_some_and(|name| name.starts_with("application/cloudevents"))
    {
        return Err(not_json());
    }
    Ok(CloudEvent { data: decode_json(body)?, ..event })
}

fn malformed(detail: &str) -> ApiError {
    ApiError::new(ProblemKind::MalformedRequest, format!("not a CloudEvent: {detail}"))
}
