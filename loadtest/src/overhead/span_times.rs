//! Nanoseconds a span, as `cargo bench -p telemetry --bench cost -- span` prints them.

use serde::{Deserialize, Serialize};

/// Of one configuration: the 5th, 50th and 95th percentile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SpanTime {
    pub(super) configuration: String,
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
}

/// The lines that are about a span; others are passed over.
pub(super) fn read(printed: &str) -> Vec<SpanTime> {
    printed.lines().filter_map(line).collect()
}

/// `span         standard unsampled        1410      1502      1633  a child span`
fn line(line: &str) -> Option<SpanTime> {
    let mut words = line.strip_prefix("span ")?.split_whitespace().peekable();
    let mut configuration = Vec::new();
    while words.peek()?.parse::<f64>().is_err() {
        configuration.extend(words.next());
    }
    let mut number = || words.next()?.parse().ok();
    let (low, median, high) = (number()?, number()?, number()?);
    Some(SpanTime { configuration: configuration.join(" "), low, median, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_benchmark_prints_is_read() {
        let printed = "operation    configuration            5 %    median      95 %  ns\n\
             span         standard unsampled        1410      1502      1633  a child span with six attributes\n\
             span         off                        201       210       260  a child span with six attributes\n\
             server       off                       5201      5210      5260  a request\n\
             span         broken\n";
        let time = |configuration: &str, low, median, high| SpanTime {
            configuration: configuration.into(),
            low,
            median,
            high,
        };
        let expected = [time("standard unsampled", 1410.0, 1502.0, 1633.0), time("off", 201.0, 210.0, 260.0)];
        assert_eq!(read(printed), expected);
    }
}
