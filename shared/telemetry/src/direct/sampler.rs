//! The decision that comes first: whether a trace is kept.

use crate::config::Sampler;
use opentelemetry::trace::{SpanContext, SpanId, TraceId};

impl Sampler {
    /// As the SDK's samplers decide: the same share, and for the same trace ids.
    pub(super) fn keeps(self, parent: Option<&SpanContext>, trace_id: TraceId) -> bool {
        match parent {
            Some(parent) if self.parent_based => parent.is_sampled(),
            _ if self.ratio >= 1.0 => true,
            _ => (u128::from_be_bytes(trace_id.to_bytes()) as u64) >> 1 < self.bound(),
        }
    }

    fn bound(self) -> u64 {
        (self.ratio * (1_u64 << 63) as f64) as u64
    }
}

/// Ids of zeroes are none (W3C Trace Context).
pub(super) fn new_trace_id() -> TraceId {
    TraceId::from(rand::random::<u128>().max(1))
}

pub(super) fn new_span_id() -> SpanId {
    SpanId::from(rand::random::<u64>().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_sdk::trace::{Sampler as SdkSampler, SamplingDecision, ShouldSample};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decides_as_the_sdk_does(ratio in 0.0..=1.0_f64, id: u128) {
            let trace_id = TraceId::from(id);
            let sdk = SdkSampler::TraceIdRatioBased(ratio);
            let decision = sdk.should_sample(
                None, trace_id, "", &opentelemetry::trace::SpanKind::Internal, &[], &[],
            ).decision;
            let ours = Sampler { parent_based: true, ratio }.keeps(None, trace_id);
            prop_assert_eq!(ours, decision == SamplingDecision::RecordAndSample);
        }
    }
}
