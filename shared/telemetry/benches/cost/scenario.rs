//! What is measured: the crate as services use it, in the configurations that cost differently.

use crate::order;
use std::{future::Future, hint::black_box, pin::Pin, time::Duration};
use telemetry::{
    Telemetry,
    db::Db,
    metrics::Histogram,
    names::{attribute, metric, span_name},
    propagation::{self, RemoteContext, StoredContext},
    span, task,
};
use tracing::{Instrument, info_span};

/// Work that is ready to be measured: what it needs from outside has been made already.
pub type Work = Pin<Box<dyn Future<Output = ()>>>;

pub struct Scenario {
    pub name: &'static str,
    pub brief: &'static str,
    /// Prepares the first number of operations; the work does the second number of them.
    pub prepare: fn(&Telemetry, usize, usize) -> Work,
    /// Operations in one measurement: few enough that no queue overflows before the flush.
    pub count: usize,
    pub arms: &'static [Arm],
}

/// A configuration, as environment variables.
pub struct Arm {
    pub name: &'static str,
    pub env: &'static [(&'static str, &'static str)],
}

const STANDARD: Arm = Arm { name: "standard", env: &[("TELEMETRY_PIPELINE", "standard")] };
const STANDARD_UNSAMPLED: Arm = Arm {
    name: "standard unsampled",
    env: &[("TELEMETRY_PIPELINE", "standard"), ("OTEL_TRACES_SAMPLER", "always_off")],
};
const DIRECT: Arm = Arm { name: "direct", env: &[("TELEMETRY_PIPELINE", "direct")] };
const DIRECT_UNSAMPLED: Arm = Arm {
    name: "direct unsampled",
    env: &[("TELEMETRY_PIPELINE", "direct"), ("OTEL_TRACES_SAMPLER", "always_off")],
};
const OFF: Arm = Arm { name: "off", env: &[("OTEL_SDK_DISABLED", "true")] };

/// Lines that are not written: of a trace that is left out, or of a place that writes too many.
const SAMPLED_OUT: Arm = Arm { name: "sampled out", env: &[("LOG_SAMPLE_RATIO", "0")] };
const LIMITED: Arm = Arm { name: "limited", env: &[("LOG_CALLSITE_LIMIT", "1")] };

/// What an order costs with traces and nothing else, as `loadtest overhead` runs it.
const NOTHING: Arm = Arm {
    name: "nothing",
    env: &[("OTEL_SDK_DISABLED", "true"), ("LOG_LEVEL", "off"), ("OTEL_METRICS_EXPORTER", "none")],
};
const ALONE: Arm = Arm {
    name: "alone",
    env: &[("TELEMETRY_PIPELINE", "direct"), ("LOG_LEVEL", "off"), ("OTEL_METRICS_EXPORTER", "none")],
};
const ALONE_UNSAMPLED: Arm = Arm {
    name: "alone unsampled",
    env: &[
        ("TELEMETRY_PIPELINE", "direct"),
        ("LOG_LEVEL", "off"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ],
};

const ALL: &[Arm] = &[STANDARD, STANDARD_UNSAMPLED, DIRECT, DIRECT_UNSAMPLED, OFF];
const WITH_ALONE: &[Arm] =
    &[STANDARD, STANDARD_UNSAMPLED, DIRECT, DIRECT_UNSAMPLED, OFF, NOTHING, ALONE, ALONE_UNSAMPLED];
/// For what does not ask whether a trace is sampled.
const PIPELINES: &[Arm] = &[STANDARD, DIRECT];
const LINES: &[Arm] = &[STANDARD, STANDARD_UNSAMPLED, DIRECT, DIRECT_UNSAMPLED, OFF, SAMPLED_OUT, LIMITED];

/// For all arms that don't say otherwise: every line passes, and is held against the limit all the same.
pub const LIMIT: (&str, &str) = ("LOG_CALLSITE_LIMIT", "1000000000");

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "span",
        brief: "a child span with six attributes",
        prepare: spans,
        count: 1_024,
        arms: ALL,
    },
    Scenario {
        name: "database",
        brief: "a transaction of 7 statements: span, observation",
        prepare: database,
        count: 512,
        arms: WITH_ALONE,
    },
    Scenario {
        name: "extract",
        brief: "traceparent, two baggage entries",
        prepare: extract,
        count: 1_024,
        arms: PIPELINES,
    },
    Scenario { name: "inject", brief: "the same, outwards", prepare: inject, count: 1_024, arms: PIPELINES },
    Scenario {
        name: "server",
        brief: "a request through the layer",
        prepare: order::server,
        count: 512,
        arms: ALL,
    },
    Scenario {
        name: "client",
        brief: "an attempt through the wrapper",
        prepare: order::client,
        count: 512,
        arms: ALL,
    },
    Scenario {
        name: "line",
        brief: "a log line inside an order's span",
        prepare: lines,
        count: 1_024,
        arms: LINES,
    },
    Scenario {
        name: "observation",
        brief: "of a duration, with exemplar",
        prepare: observations,
        count: 1_024,
        arms: ALL,
    },
    Scenario {
        name: "order",
        brief: "15 spans, 5 lines, 17 observations",
        prepare: order::orders,
        count: 128,
        arms: WITH_ALONE,
    },
];

fn spans(_: &Telemetry, _: usize, count: usize) -> Work {
    Box::pin(
        async move {
            for number in 0..count {
                let span = info_span!(
                    "child",
                    otel.name = "order.checkInventory",
                    otel.kind = "client",
                    { attribute::HTTP_REQUEST_METHOD } = "POST",
                    { attribute::URL_FULL } = "http://127.0.0.1:8083/reservations",
                    { attribute::SERVER_ADDRESS } = "127.0.0.1",
                    { attribute::SERVER_PORT } = 8083_i64,
                    { attribute::HTTP_RESPONSE_STATUS_CODE } = 201_i64,
                    { attribute::ORDER_ITEM_COUNT } = number as i64,
                );
                span.in_scope(|| black_box(&span));
            }
        }
        .instrument(root()),
    )
}

fn database(telemetry: &Telemetry, _: usize, count: usize) -> Work {
    let db = Db::new(telemetry, "sqlite");
    Box::pin(
        async move {
            for _ in 0..count {
                let saved = db.run("order.save", "INSERT", "orders", order::statements());
                black_box(saved.await).unwrap();
            }
        }
        .instrument(root()),
    )
}

fn extract(_: &Telemetry, _: usize, count: usize) -> Work {
    let headers = order::headers();
    Box::pin(async move {
        for _ in 0..count {
            black_box(RemoteContext::extract(black_box(&headers)));
        }
    })
}

fn inject(_: &Telemetry, _: usize, count: usize) -> Work {
    let span = root();
    // With room for all, as in a request that has its other headers already.
    let mut headers = order::headers();
    Box::pin(async move {
        for _ in 0..count {
            propagation::inject(&span, black_box(&mut headers));
        }
    })
}

fn lines(telemetry: &Telemetry, _: usize, count: usize) -> Work {
    let (root, customer) = (root(), telemetry.customer_ref("c-1042"));
    Box::pin(
        async move {
            span::order(order::ORDER_ID);
            span::customer(&customer);
            for _ in 0..count {
                tracing::info!(duration_ms = black_box(12.345), status = "confirmed", "order confirmed");
            }
        }
        .instrument(root),
    )
}

fn observations(telemetry: &Telemetry, _: usize, count: usize) -> Work {
    let durations: Histogram<order::Status> =
        telemetry.metrics().histogram(metric::ORDER_PROCESSING_DURATION);
    Box::pin(
        async move {
            for _ in 0..count {
                durations.observe(&order::Status { status: "confirmed" }, Duration::from_micros(12_345));
            }
        }
        .instrument(root()),
    )
}

/// The span of work for a caller.
fn root() -> tracing::Span {
    let caller = StoredContext {
        traceparent: order::TRACEPARENT.to_owned(),
        tracestate: None,
        baggage: Some(order::BAGGAGE.to_owned()),
    };
    task::continued(span_name::ORDER_PROCESS, &caller)
}
