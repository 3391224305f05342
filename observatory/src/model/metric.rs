use super::TraceId;

/// A measured value with the trace it was measured in.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// The trace that caused the value.
    pub trace_id: TraceId,
    /// The value, in the metric's unit.
    pub value: f64,
    /// Seconds since the Unix epoch.
    pub timestamp: Option<f64>,
}

/// One bucket of a histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Upper bound, inclusive; `+Inf` for the last.
    pub le: f64,
    /// Values at or under the bound (cumulative).
    pub count: u64,
    /// The newest value of this bucket that had a trace.
    pub exemplar: Option<Exemplar>,
}

/// One series of a histogram as last scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Metric name without `_bucket`.
    pub name: String,
    /// The service it was scraped from.
    pub service: String,
    /// Labels without `le`.
    pub labels: Vec<(String, String)>,
    /// All values.
    pub count: u64,
    /// Their sum, in the metric's unit.
    pub sum: f64,
    /// By bound, ascending.
    pub buckets: Vec<Bucket>,
}

/// An exemplar and the series it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplar {
    /// The service it was scraped from.
    pub service: String,
    /// Metric name, without `_bucket`; with `_total` for a counter.
    pub metric: String,
    /// Labels without `le`.
    pub labels: Vec<(String, String)>,
    /// The value and its trace.
    pub exemplar: Exemplar,
}
