//! Records what a test process emits, and compares a span tree with one written as indented text.
//!
//! A process has one subscriber, so all tests of a binary share one recorder; a test asks only for its own trace,
//! whose id it has from the answer's `x-trace-id`.

mod record;
mod tree;

pub use record::{Recorder, SpanRecord};
pub use tree::{assert_tree, render};

use crate::{config::Config, env::Env, init::log_panics, log, trace};
use std::sync::{Arc, OnceLock};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, layer::SubscriberExt};

static RECORDER: OnceLock<Arc<Recorder>> = OnceLock::new();

/// The recorder of this test process. [`crate::Telemetry::for_test`] installs it.
pub fn recorder() -> &'static Recorder {
    install("test")
}

pub(crate) fn install(service: &'static str) -> &'static Recorder {
    RECORDER.get_or_init(|| {
        let recorder = Arc::new(Recorder::new(service));
        // The defaults: nothing is exported, because the provider's processor is the recorder.
        if let Ok(config) = Config::from_env(service, &Env::default()) {
            config.propagators.install();
            let provider = trace::provider(&config, record::Processor(recorder.clone()));
            let writer = log::Writer::new(service, env!("CARGO_PKG_VERSION"));
            let lines = log::layer(writer, recorder.clone()).with_filter(log::wanted(LevelFilter::DEBUG));
            let subscriber = tracing_subscriber::registry().with(trace::layer(&provider)).with(lines);
            // Fails only when a test has installed a subscriber of its own; then nothing is recorded, and it fails.
            let _ = tracing::subscriber::set_global_default(subscriber);
            // The raw text, too: it is how a test says why it failed.
            log_panics(std::panic::take_hook());
        }
        recorder
    })
}
