//! What must hold, or the command fails.

use crate::tally::Summary;
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// Limits given on the command line.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Thresholds {
    /// Fail when the median latency is above this, such as 20ms
    #[arg(long, value_name = "TIME", value_parser = crate::cli::time)]
    pub(crate) max_p50: Option<Duration>,
    /// Fail when one order in a hundred takes longer
    #[arg(long, value_name = "TIME", value_parser = crate::cli::time)]
    pub(crate) max_p99: Option<Duration>,
    /// Fail when one order in a thousand takes longer
    #[arg(long, value_name = "TIME", value_parser = crate::cli::time)]
    pub(crate) max_p999: Option<Duration>,
    /// Fail when more orders than this share end as they should not, such as 1%
    #[arg(long, value_name = "SHARE", value_parser = crate::cli::share)]
    pub(crate) max_errors: Option<f64>,
    /// Fail when fewer orders a second end as they should
    #[arg(long, value_name = "ORDERS")]
    pub(crate) min_throughput: Option<f64>,
}

/// One threshold, and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) limit: String,
    pub(crate) seen: String,
    pub(crate) held: bool,
}

impl Thresholds {
    /// Those that were given.
    pub(crate) fn check(&self, summary: &Summary) -> Vec<Check> {
        let latency = &summary.latency;
        let times = [
            ("p50 at most", self.max_p50, latency.p50),
            ("p99 at most", self.max_p99, latency.p99),
            ("p99.9 at most", self.max_p999, latency.p999),
        ];
        let times = times.into_iter().filter_map(|(name, limit, seen)| {
            let limit = limit?.as_secs_f64() * 1e3;
            Some(Check {
                name,
                limit: format!("{limit} ms"),
                seen: format!("{seen:.2} ms"),
                // Without a single order nothing has held.
                held: seen <= limit && latency.count > 0,
            })
        });
        let errors = self.max_errors.map(|limit| Check {
            name: "errors at most",
            limit: format!("{} %", limit * 100.0),
            seen: format!("{:.2} %", summary.error_share * 100.0),
            held: summary.error_share <= limit && summary.due > 0,
        });
        let throughput = self.min_throughput.map(|limit| Check {
            name: "throughput at least",
            limit: format!("{limit}/s"),
            seen: format!("{:.1}/s", summary.throughput),
            held: summary.throughput >= limit,
        });
        times.chain(errors).chain(throughput).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Quantiles;

    #[test]
    fn each_threshold_holds_or_not() {
        let latency = Quantiles { count: 100, p50: 5.0, p99: 60.0, p999: 80.0, ..Quantiles::default() };
        let summary =
            Summary { due: 100, error_share: 0.02, throughput: 90.0, latency, ..Summary::default() };
        let thresholds = Thresholds {
            max_p50: Some(Duration::from_millis(5)),
            max_p99: Some(Duration::from_millis(50)),
            max_p999: None,
            max_errors: Some(0.01),
            min_throughput: Some(80.0),
        };
        let held: Vec<_> = thresholds.check(&summary).iter().map(|check| (check.name, check.held)).collect();
        let expected = [
            ("p50 at most", true),
            ("p99 at most", false),
            ("errors at most", false),
            ("throughput at least", true),
        ];
        assert_eq!(held, expected);
        assert!(thresholds.check(&Summary::default()).iter().all(|check| !check.held));
        assert!(Thresholds::default().check(&summary).is_empty());
    }
}
