//! Series that others expose, as far as our dashboards, rules and alerts use them. Each with where its name is from, so
//! that it can be looked up when the program's version changes. `job` and `instance` are on all of them.

/// Another program.
pub struct Program {
    /// What it is, and where its names were looked up.
    #[expect(dead_code, reason = "for who reads this list")]
    pub why: &'static str,
    /// Names and labels.
    pub series: &'static [(&'static str, &'static [&'static str])],
}

const SPAN: [&str; 4] = ["service_name", "span_name", "span_kind", "status_code"];
const SPAN_BUCKET: [&str; 5] = ["service_name", "span_name", "span_kind", "status_code", "le"];
const CALL: [&str; 4] = ["client", "server", "connection_type", "failed"];

pub const FOREIGN: &[Program] = &[
    Program {
        why: "Prometheus makes these by itself, for each target and each alert",
        series: &[("up", &[]), ("ALERTS", &["alertname", "alertstate", "severity", "service"])],
    },
    Program {
        why: "Prometheus about itself (its /metrics, 2.42 and 3.14)",
        series: &[
            ("prometheus_tsdb_head_series", &[]),
            ("prometheus_tsdb_head_samples_appended_total", &["type"]),
            ("prometheus_tsdb_exemplar_exemplars_appended_total", &[]),
            ("prometheus_tsdb_exemplar_max_exemplars", &[]),
            ("prometheus_rule_evaluation_failures_total", &["rule_group"]),
            ("prometheus_rule_group_last_duration_seconds", &["rule_group"]),
            ("prometheus_rule_group_interval_seconds", &["rule_group"]),
            ("prometheus_notifications_errors_total", &["alertmanager"]),
            ("prometheus_notifications_dropped_total", &[]),
            ("prometheus_notifications_alertmanagers_discovered", &[]),
        ],
    },
    Program {
        why: "Alertmanager about itself (its /metrics)",
        series: &[("alertmanager_notifications_failed_total", &["integration", "reason"])],
    },
    Program {
        why: "the Collector's connectors span_metrics and service_graph (collector/config.yaml, seen at :8889)",
        series: &[
            ("traces_span_metrics_calls_total", &SPAN),
            ("traces_span_metrics_duration_milliseconds_bucket", &SPAN_BUCKET),
            ("traces_span_metrics_duration_milliseconds_count", &SPAN),
            ("traces_span_metrics_duration_milliseconds_sum", &SPAN),
            ("traces_service_graph_request_total", &CALL),
            ("traces_service_graph_request_failed_total", &CALL),
        ],
    },
    Program {
        why: "the Collector and Jaeger about themselves (seen at :8888)",
        series: &[
            ("otelcol_receiver_accepted_spans_total", &["receiver", "transport"]),
            ("otelcol_receiver_refused_spans_total", &["receiver", "transport"]),
            ("otelcol_exporter_sent_spans_total", &["exporter"]),
            ("otelcol_exporter_send_failed_spans_total", &["exporter"]),
            ("otelcol_exporter_enqueue_failed_spans_total", &["exporter"]),
            ("otelcol_exporter_queue_size", &["exporter", "data_type"]),
            ("otelcol_exporter_queue_capacity", &["exporter", "data_type"]),
            ("otelcol_processor_tail_sampling_global_count_traces_sampled_total", &["sampled", "decision"]),
            (
                "otelcol_processor_tail_sampling_count_traces_sampled_total",
                &["policy", "sampled", "decision"],
            ),
            ("otelcol_processor_tail_sampling_new_trace_id_received_total", &[]),
            ("otelcol_processor_tail_sampling_sampling_traces_on_memory", &[]),
            ("otelcol_processor_tail_sampling_sampling_trace_dropped_too_early_total", &[]),
            ("otelcol_processor_tail_sampling_sampling_late_span_age_seconds_bucket", &["le"]),
            ("otelcol_processor_tail_sampling_sampling_late_span_age_seconds_count", &[]),
            ("otelcol_process_cpu_seconds_total", &[]),
            ("otelcol_process_memory_rss_bytes", &[]),
        ],
    },
    Program {
        why: "the Collector's receivers elasticsearch and http_check, as its exporter prometheus writes them (collector/elk.yaml)",
        series: &[
            ("elasticsearch_cluster_health", &["status"]),
            ("elasticsearch_node_fs_disk_available_bytes", &[]),
            ("elasticsearch_node_fs_disk_total_bytes", &[]),
            ("elasticsearch_node_thread_pool_tasks_finished_total", &["thread_pool_name", "state"]),
            ("elasticsearch_node_thread_pool_tasks_queued", &["thread_pool_name"]),
            ("httpcheck_error", &["http_url", "error_message"]),
            ("httpcheck_status", &["http_url", "http_method", "http_status_class", "http_status_code"]),
        ],
    },
];
