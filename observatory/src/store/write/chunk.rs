//! Sorting exported spans by trace.

use std::collections::{BTreeSet, HashMap};

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, TracesData, status::StatusCode,
};
use prost::Message as _;

use crate::decode::{service_of, text_attribute};
use crate::model::{Nanos, TraceId};

/// What a span can be searched by: its service, name and kind (OTLP's number).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Operation {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) kind: i32,
}

/// The range that the spans of one operation in one chunk lie in.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) earliest: Nanos,
    pub(super) latest: Nanos,
    pub(super) shortest: Nanos,
    pub(super) longest: Nanos,
    pub(super) errors: u32,
}

/// Spans of one trace that are stored together.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) start: Nanos,
    pub(super) hits: HashMap<Operation, Hit>,
    pub(super) orders: BTreeSet<String>,
    spans: TracesData,
    /// Which scope of the incoming spans the last one came from: spans of one scope stay together.
    last_source: usize,
}

/// The chunks of one transaction.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    pub(super) by_trace: HashMap<TraceId, Chunk>,
    sources: usize,
}

impl Chunks {
    /// Adds every span to the chunk of its trace. Spans without a valid trace id were refused before.
    pub(super) fn add(&mut self, exported: Vec<ResourceSpans>) {
        for ResourceSpans { resource, scope_spans, .. } in exported {
            let service = service_of(resource.as_ref()).to_owned();
            for ScopeSpans { scope, spans, .. } in scope_spans {
                self.sources += 1;
                for span in spans {
                    let Some(trace_id) = TraceId::from_bytes(&span.trace_id) else { continue };
                    let chunk = self.by_trace.entry(trace_id).or_insert_with(Chunk::new);
                    chunk.index(&service, &span);
                    chunk.push(self.sources, resource.as_ref(), scope.as_ref(), span);
                }
            }
        }
    }
}

impl Chunk {
    fn new() -> Self {
        Self {
            start: Nanos::MAX,
            hits: HashMap::new(),
            orders: BTreeSet::new(),
            spans: TracesData::default(),
            last_source: 0,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        self.spans.encode_to_vec()
    }

    fn index(&mut self, service: &str, span: &Span) {
        let start = span.start_time_unix_nano;
        let duration = span.end_time_unix_nano.saturating_sub(start);
        let is_error = span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
        self.start = self.start.min(start);
        let operation = Operation { service: service.to_owned(), name: span.name.clone(), kind: span.kind };
        let hit = self.hits.entry(operation).or_insert(Hit {
            earliest: start,
            latest: start,
            shortest: duration,
            longest: duration,
            errors: 0,
        });
        hit.earliest = hit.earliest.min(start);
        hit.latest = hit.latest.max(start);
        hit.shortest = hit.shortest.min(duration);
        hit.longest = hit.longest.max(duration);
        hit.errors += u32::from(is_error);
        if let Some(order_id) = text_attribute(&span.attributes, "order.id")
            && !self.orders.contains(order_id)
        {
            self.orders.insert(order_id.to_owned());
        }
    }

    fn push(
        &mut self,
        source: usize,
        resource: Option<&Resource>,
        scope: Option<&InstrumentationScope>,
        span: Span,
    ) {
        if self.last_source != source {
            self.last_source = source;
            self.spans.resource_spans.push(ResourceSpans {
                resource: resource.cloned(),
                scope_spans: vec![ScopeSpans { scope: scope.cloned(), ..ScopeSpans::default() }],
                schema_url: String::new(),
            });
        }
        let last = self.spans.resource_spans.last_mut().and_then(|resource| resource.scope_spans.last_mut());
        if let Some(scope_spans) = last {
            scope_spans.spans.push(span);
        }
    }
}
