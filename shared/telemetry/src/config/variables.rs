//! The variables of telemetry.

use crate::env::Secret;

const MILLIS: &str = "a whole number of milliseconds";
const COUNT_IN_SPAN: &str = "a number of them in one span";
const HTTP_URL: &str = "an http URL such as http://127.0.0.1:4318";
const PAIRS: &str = "key=value pairs, comma separated, values percent-encoded";

crate::variables! {
    /// The way of spans: `direct` encodes them as they are made, for one OTLP receiver over `grpc` or `http/protobuf`;
    /// `standard` goes through the OpenTelemetry SDK ([ADR 13](adr/0013-a-direct-pipeline.md)).
    TELEMETRY_PIPELINE { takes: "standard or direct", without: "direct where it can be" };
    /// `service.name` of the resource. Not handed on by `waybill up`.
    OTEL_SERVICE_NAME { takes: "a name", without: "the service's own" };
    /// More attributes of the resource.
    OTEL_RESOURCE_ATTRIBUTES { takes: PAIRS };
    /// No traces.
    OTEL_SDK_DISABLED { takes: "true or false", default: "false" };
    /// Formats in which context comes in and goes out.
    OTEL_PROPAGATORS { takes: "tracecontext, baggage (comma separated) or none", default: "tracecontext,baggage" };
    /// Whether anything is observed; with `none`, `/metrics` is empty.
    OTEL_METRICS_EXPORTER { takes: "prometheus or none", default: "prometheus" };
    /// Where spans go.
    OTEL_TRACES_EXPORTER { takes: "otlp, zipkin, console (comma separated) or none", default: "otlp" };
    /// How they go by OTLP.
    OTEL_EXPORTER_OTLP_PROTOCOL { takes: "grpc, http/protobuf or http/json", default: "grpc" };
    /// The receiver of OTLP; over HTTP `/v1/traces` is added. The observatory's under `waybill up`.
    OTEL_EXPORTER_OTLP_ENDPOINT {
        takes: HTTP_URL, without: "http://127.0.0.1:4317; over HTTP http://127.0.0.1:4318", secret: Secret::Password,
    };
    /// The same for spans alone, taken as it is.
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT {
        takes: HTTP_URL, without: "OTEL_EXPORTER_OTLP_ENDPOINT", secret: Secret::Password,
    };
    /// Headers that go with each export.
    OTEL_EXPORTER_OTLP_HEADERS { takes: PAIRS, secret: Secret::Whole };
    /// The same for spans; takes the place of the one before.
    OTEL_EXPORTER_OTLP_TRACES_HEADERS {
        takes: PAIRS, without: "OTEL_EXPORTER_OTLP_HEADERS", secret: Secret::Whole,
    };
    /// What an export may take with all its tries.
    OTEL_EXPORTER_OTLP_TIMEOUT { takes: MILLIS, default: "10000", unit: "ms" };
    /// The same for spans.
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT { takes: MILLIS, without: "OTEL_EXPORTER_OTLP_TIMEOUT", unit: "ms" };
    /// The receiver of Zipkin's v2 JSON.
    OTEL_EXPORTER_ZIPKIN_ENDPOINT {
        takes: HTTP_URL, default: "http://127.0.0.1:9411/api/v2/spans", secret: Secret::Password,
    };
    /// What one request to Zipkin may take.
    OTEL_EXPORTER_ZIPKIN_TIMEOUT { takes: MILLIS, default: "10000", unit: "ms" };
    /// Which traces are recorded, decided at their root; with `parentbased_` whoever calls has decided already.
    OTEL_TRACES_SAMPLER {
        takes: "always_on, always_off, traceidratio, or one of these after parentbased_",
        default: "parentbased_always_on",
    };
    /// The share of `traceidratio`.
    OTEL_TRACES_SAMPLER_ARG { takes: "a share from 0 to 1", default: "1" };
    /// What share of ordinary traces a tail sampler behind this process keeps: only those, slow ones and failed ones
    /// become exemplars ([ADR 12](adr/0012-exemplars-lead-somewhere.md)).
    KEEP_PERCENT { takes: "a percentage from 0 to 100", default: "100", unit: "%" };
    /// Attributes that a span may have.
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT { takes: COUNT_IN_SPAN, default: "128" };
    /// Events that a span may have.
    OTEL_SPAN_EVENT_COUNT_LIMIT { takes: COUNT_IN_SPAN, default: "128" };
    /// Links that a span may have.
    OTEL_SPAN_LINK_COUNT_LIMIT { takes: COUNT_IN_SPAN, default: "128" };
    /// How long a span may wait for a full batch (200 under `waybill up`).
    OTEL_BSP_SCHEDULE_DELAY { takes: MILLIS, default: "5000", unit: "ms" };
    /// Spans that may wait; as many may wait again for a slower one of several destinations. Larger than the
    /// specification's 2048, which a short burst overflows: some 8 MiB at the worst.
    OTEL_BSP_MAX_QUEUE_SIZE { takes: "a number of spans", default: "8192" };
    /// Spans in one export. Smaller than the specification's 512: large batches compete with requests for the processor
    /// ([ADR 4](adr/0004-own-batch-export.md)).
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE { takes: "a number of spans", default: "128" };
    /// What one export may take, whatever the destination.
    OTEL_BSP_EXPORT_TIMEOUT { takes: MILLIS, default: "30000", unit: "ms" };

    /// Which log lines are written; `off`: none at all.
    LOG_LEVEL { takes: "debug, info, warn, error or off", default: "info" };
    /// The share of traces whose lines are written; a trace has all of its lines in all services, or none. WARN and
    /// ERROR always pass.
    LOG_SAMPLE_RATIO { takes: "a share from 0 to 1", default: "1" };
    /// Lines a second that one place in the code may write, of any level, with a second's burst. The default is more
    /// than any line that is written once an order, and far less than what a loop writes that has gone wrong.
    LOG_CALLSITE_LIMIT { takes: "a number of lines a second, or 0 for no limit", default: "5000" };
    /// Receivers of JSON lines. The observatory under `waybill up`.
    LOG_SHIP {
        takes: "tcp://host:port, tls://host:port, udp://host:port (comma separated), or none", default: "none",
    };
    /// Certificates (PEM) that a `tls://` receiver is trusted by.
    LOG_SHIP_CA { takes: "the path of a file", without: "the system's" };
    /// A file of one process that lines are written to as well. Of a folder (one that exists, or a name that ends with
    /// `/`) it is `<service>.log`; under `waybill up` give a folder. [More](TELEMETRY.md#where-lines-go).
    LOG_FILE { takes: "the path of a file or a folder" };
    /// When another file is begun.
    LOG_FILE_MAX_BYTES { takes: "a number of bytes", default: "100000000", unit: "bytes" };
    /// How long old files are kept.
    LOG_FILE_MAX_AGE_DAYS { takes: "a number of days", default: "28", unit: "days" };
    /// How many old files are kept.
    LOG_FILE_BACKUPS { takes: "a number of files", default: "3" };
    /// Whether old files are compressed.
    LOG_FILE_COMPRESS { takes: "true or false", default: "true" };
    /// Key of the references to customers, the same in all services; or a ring of 256 keys
    /// ([ADR 16](adr/0016-forgetting-a-customer.md)). In a file it is read again every 2 s; under `waybill up`
    /// `data/customer-ref.key` is a ring.
    CUSTOMER_REF_KEY {
        takes: "16 bytes or more, or a whole key ring", without: "random at every start", secret: Secret::Whole,
    };
}
