//! A stop under load loses no span and no line of what was answered, on whatever takes them.

use acceptance::{
    Backends, DECLINED_CARD, DECLINED_LINES, DECLINED_TREE, EARL_GREY, Need, SERVICES, Settings, Stack,
    spans_in,
};
use std::sync::Mutex;
use telemetry::testing::assert_tree;

/// Declined: their traces are kept by every stack.
const ORDERS: usize = 60;
const CLIENTS: usize = 4;

#[tokio::test]
async fn sigterm_under_load_loses_nothing() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Inputs, Need::Traces, Need::Lines]) {
        return;
    }
    let settings = Settings {
        otlp: Some(backends.url("OTLP_URL").to_owned()),
        log_ship: backends.get("LOG_URL").map(str::to_owned),
        ..Settings::default()
    };
    let mut stack = Stack::start(settings).await;
    let (client, url) = (stack.client(), format!("{}/api/orders", stack.url("gateway")));
    let body = acceptance::new_order(EARL_GREY, DECLINED_CARD);
    let answered = Mutex::new(Vec::new());
    let load = futures_util::future::join_all((0..CLIENTS).map(async |_| {
        // Until the gateway is gone.
        while let Ok(answer) = client.post(&url).json(&body).send().await {
            if answer.status() == 402 {
                answered.lock().unwrap().push(answer.headers()["x-trace-id"].to_str().unwrap().to_owned());
            }
        }
    }));
    let stop = async {
        backends.until("load", async || (answered.lock().unwrap().len() >= ORDERS).then_some(())).await;
        // Callers before those they call, so that what is in flight can be finished.
        for (_, command) in SERVICES {
            stack.terminate(command);
            assert_eq!(stack.ended(command).await, [""; 0], "{command} has lost nothing");
        }
    };
    tokio::join!(load, stop);

    let answered = answered.into_inner().unwrap();
    for trace_id in &answered {
        let spans = backends.spans(trace_id, spans_in(DECLINED_TREE)).await;
        assert_tree(&spans, DECLINED_TREE);
        let lines = backends.lines(trace_id, DECLINED_LINES.len()).await;
        assert_eq!(lines.len(), DECLINED_LINES.len(), "of {trace_id}: {lines:#?}");
    }
}
