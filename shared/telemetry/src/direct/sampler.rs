//! The decision that comes first: whether a trace is kept. And its ids.

use crate::{config::Sampler, propagation::Ids, redact::reads_as_card};
use opentelemetry::trace::{SpanId, TraceId};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use std::cell::RefCell;

impl Sampler {
    /// As the SDK's samplers decide: the same share, and for the same trace ids.
    pub(crate) fn keeps(self, parent: Option<Ids>, trace_id: TraceId) -> bool {
        match parent {
            Some(parent) if self.parent_based => parent.sampled,
            _ if self.ratio >= 1.0 => true,
            _ => (u128::from_be_bytes(trace_id.to_bytes()) as u64) >> 1 < self.bound(),
        }
    }

    fn bound(self) -> u64 {
        (self.ratio * (1_u64 << 63) as f64) as u64
    }
}

thread_local! {
    /// Not for secrets, which ids are not; its seed is from the system's generator.
    static RANDOM: RefCell<SmallRng> = RefCell::new(SmallRng::from_seed(rand::random()));
}

fn random() -> u64 {
    RANDOM.try_with(|random| random.borrow_mut().random()).unwrap_or_else(|_| rand::random())
}

/// Ids of zeroes are none (W3C Trace Context).
pub(super) fn new_trace_id() -> TraceId {
    let id = u128::from(random()) << 64 | u128::from(random());
    TraceId::from(id.max(1))
}

/// None that a service would refuse because it reads as a card number.
pub(super) fn new_span_id() -> SpanId {
    loop {
        let id = random().max(1);
        if !reads_as_card(id.into()) {
            return SpanId::from(id);
        }
    }
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
