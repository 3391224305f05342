//! Which trace may stand as an exemplar: one that the trace backend will still have when somebody clicks on it.
//!
//! Behind a tail sampler most ordinary traces are gone. Its share of them is decided by the trace id alone, so this
//! process can decide the same: an exemplar is a trace that failed, one that was slow, or one of that share.

use crate::{hex::push_hex, propagation::current_ids};
use opentelemetry::trace::TraceId;
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use std::{fmt, time::Duration};

/// The tail sampler's threshold for slow traces (`collector/config.yaml`).
const SLOW: Duration = Duration::from_secs(1);
/// The salt of the Collector's tail sampler, where its configuration names none.
const SALT: &[u8] = b"default-hash-seed";
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The label of an exemplar. 42 characters with its name: far below the 128 that OpenMetrics allows. They are written
/// when somebody reads them: most exemplars are replaced before.
#[derive(Clone, Debug)]
pub(super) struct TraceLabel(TraceId);

impl EncodeLabelSet for TraceLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        let mut text = String::with_capacity(32);
        push_hex(&mut text, &self.0.to_bytes());
        ("trace_id", text).encode(encoder.encode_label())
    }
}

/// What instruments are told when they are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observing {
    /// Without, they do nothing (`OTEL_METRICS_EXPORTER=none`).
    pub(crate) on: bool,
    /// Which traces become exemplars.
    pub(crate) share: Share,
}

#[cfg(any(test, feature = "testing"))]
impl Observing {
    /// All of it: nothing behind this process drops a trace.
    pub(crate) const ALL: Self = Self { on: true, share: Share::ALL };
}

/// The share of ordinary traces that the backend keeps (`KEEP_PERCENT`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// Trace ids with a hash up to here are kept.
    threshold: u64,
}

impl Share {
    /// Of a percentage from 0 to 100, rounded as the Collector rounds it.
    pub(crate) fn percent(percent: f64) -> Self {
        Self { threshold: (percent / 100.0 * u64::MAX as f64) as u64 }
    }

    pub(crate) const ALL: Self = Self { threshold: u64::MAX };

    /// The policy `probabilistic` of the Collector's `tail_sampling`: FNV-1a, 64 bits, over a salt and the trace id.
    fn keeps(self, trace_id: [u8; 16]) -> bool {
        if self.threshold == u64::MAX {
            return true;
        }
        let bytes = SALT.iter().chain(&trace_id);
        let hash = bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
        hash <= self.threshold
    }

    /// The current trace, if it will be kept. `failed`: one of its spans is an error.
    pub(super) fn exemplar(self, failed: bool, took: Duration) -> Option<TraceLabel> {
        let ids = current_ids().filter(|ids| ids.sampled)?;
        (failed || took > SLOW || self.keeps(ids.trace_id.to_bytes())).then_some(TraceLabel(ids.trace_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hash_is_fnv_1a() {
        // Of the salt and sixteen zero bytes, by the Collector's own language: hash/fnv.New64a.
        let just = Share { threshold: 0xe195_36ee_d1bb_ac3d };
        assert!(just.keeps([0; 16]));
        assert!(!Share { threshold: just.threshold - 1 }.keeps([0; 16]));
    }

    #[test]
    fn share_is_as_large_as_it_says() {
        let share = Share::percent(10.0);
        let kept =
            (0..20_000_u128).filter(|n| share.keeps((n * 0x9e37_79b9_7f4a_7c15).to_be_bytes())).count();
        assert!((1_800..2_200).contains(&kept), "{kept} of 20,000");
    }

    proptest! {
        #[test]
        fn all_and_none(trace_id: [u8; 16]) {
            prop_assert!(Share::ALL.keeps(trace_id) && Share::percent(100.0).keeps(trace_id));
            prop_assert!(!Share::percent(0.0).keeps(trace_id));
        }
    }
}
