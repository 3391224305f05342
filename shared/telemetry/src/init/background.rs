//! The thread that carries telemetry out of the process, with a runtime of its own: exporting must not compete
//! with requests for their runtime's workers.

use crate::{
    config::{Config, variables::OTEL_EXPORTER_OTLP_ENDPOINT},
    env::ConfigError,
    log::{Gate, Outlet},
    pipeline::Export,
    redact::CurrentKey,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// How soon a service has the customer references' new key.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

pub(super) struct Background {
    stop: Arc<Notify>,
}

impl Background {
    pub(super) fn start(
        config: &Config,
        spans: &Export,
        outlets: Vec<Outlet>,
        gate: Arc<Gate>,
        ref_key: &Arc<CurrentKey>,
    ) -> Result<Self, ConfigError> {
        let cannot =
            |error: std::io::Error| ConfigError::new("telemetry thread", error, "a thread and an event loop");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let started = {
            let _entered = runtime.enter();
            spans.start(config)
        };
        if let Err(why) = started {
            // Dropping it would block, and the caller is inside a runtime.
            runtime.shutdown_background();
            return Err(OTEL_EXPORTER_OTLP_ENDPOINT.wrong_here(&config.traces.endpoint, why));
        }
        for outlet in outlets {
            runtime.spawn(outlet.run());
        }
        runtime.spawn(async move { gate.run().await });
        if let Some(file) = config.ref_key_file.clone() {
            runtime.spawn(ref_key.clone().follow(file, NOTICED_WITHIN));
        }
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        std::thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || {
                runtime.block_on(stopped.notified());
                // Not waiting for a write to a stuck pipe: whoever stops has flushed, or has given up.
                runtime.shutdown_background();
            })
            .map_err(cannot)?;
        Ok(Self { stop })
    }

    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }
}
