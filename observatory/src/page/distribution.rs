//! What a histogram's buckets say about the values in them.

use crate::model::Histogram;

/// Values by bucket, each value counted once (scraped buckets are cumulative).
#[derive(Debug, Clone, Default)]
pub(super) struct Distribution {
    /// Upper bounds in seconds, ascending; the last is infinite.
    pub(super) bounds: Vec<f64>,
    /// One for each bound.
    pub(super) counts: Vec<u64>,
    pub(super) sum: f64,
}

impl Distribution {
    /// Several series of one histogram taken together.
    pub(super) fn of<'a>(series: impl Iterator<Item = &'a Histogram> + Clone) -> Self {
        let mut bounds: Vec<f64> =
            series.clone().flat_map(|one| &one.buckets).map(|bucket| bucket.le).collect();
        bounds.retain(|bound| !bound.is_nan());
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let mut counts = vec![0; bounds.len()];
        let mut sum = 0.0;
        for histogram in series {
            sum += histogram.sum;
            let mut below = 0;
            for bucket in &histogram.buckets {
                let place = bounds.partition_point(|bound| *bound < bucket.le);
                if let Some(count) = counts.get_mut(place) {
                    *count += bucket.count.saturating_sub(below);
                }
                below = below.max(bucket.count);
            }
        }
        Self { bounds, counts, sum }
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean in seconds.
    pub(super) fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum / count as f64)
    }

    /// Estimates a quantile the way Prometheus does: linear within its bucket, and never above the last finite bound.
    pub(super) fn quantile(&self, quantile: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = quantile * count as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (bound, inside) in self.bounds.iter().zip(&self.counts) {
            let inside = *inside as f64;
            if inside > 0.0 && below + inside >= rank {
                let within = ((rank - below) / inside).clamp(0.0, 1.0);
                return Some(if bound.is_finite() { lower + (bound - lower) * within } else { lower });
            }
            below += inside;
            if bound.is_finite() {
                lower = *bound;
            }
        }
        Some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bucket;

    fn histogram(buckets: &[(f64, u64)]) -> Histogram {
        let buckets: Vec<Bucket> =
            buckets.iter().map(|&(le, count)| Bucket { le, count, exemplar: None }).collect();
        let count = buckets.last().map_or(0, |bucket| bucket.count);
        Histogram { name: "h".into(), service: "s".into(), labels: Vec::new(), count, sum: 1.0, buckets }
    }

    #[test]
    fn quantiles_are_interpolated() {
        let series = [histogram(&[(0.1, 50), (0.2, 90), (f64::INFINITY, 100)])];
        let distribution = Distribution::of(series.iter());
        assert_eq!(distribution.counts, [50, 40, 10]);
        let close = |quantile, expected: f64| {
            let found = distribution.quantile(quantile).unwrap();
            assert!((found - expected).abs() < 1e-9, "{quantile}: {found}");
        };
        close(0.25, 0.05);
        close(0.5, 0.1);
        close(0.7, 0.15);
        close(0.99, 0.2);
    }

    #[test]
    fn series_are_added_up_even_with_other_bounds() {
        let series = [histogram(&[(0.1, 1), (f64::INFINITY, 2)]), histogram(&[(0.5, 3), (f64::INFINITY, 3)])];
        let distribution = Distribution::of(series.iter());
        assert_eq!(distribution.bounds, [0.1, 0.5, f64::INFINITY]);
        assert_eq!(distribution.counts, [1, 3, 1]);
    }

    #[test]
    fn an_empty_one_has_no_quantiles() {
        assert_eq!(Distribution::of([].iter()).quantile(0.5), None);
        assert_eq!(Distribution::default().mean(), None);
    }
}
