//! An exemplar is a promise: its trace is still there (docs/adr/0012).

use acceptance::{Backends, CARD, EARL_GREY, Need};
use futures_util::{StreamExt, stream};
use std::collections::BTreeSet;

const ORDERS: usize = 200;
const AT_ONCE: usize = 8;
/// Every histogram and counter with exemplars that a service has.
const SELECTORS: [&str; 6] = [
    "order_processing_duration_seconds_bucket",
    "http_server_request_duration_seconds_bucket",
    "http_client_request_duration_seconds_bucket",
    "db_client_operation_duration_seconds_bucket",
    "orders_total",
    "payments_total",
];

#[tokio::test]
async fn every_exemplar_leads_to_a_trace_that_was_kept() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Prometheus, Need::Traces]) {
        return;
    }
    let orders = stream::iter(0..ORDERS).map(|_| backends.place(EARL_GREY, CARD));
    let placed: BTreeSet<String> =
        orders.buffered(AT_ONCE).map(|answer| answer.trace_id().to_owned()).collect().await;
    for selector in SELECTORS {
        let exemplars = backends
            .until(&format!("an exemplar of {selector}"), async || {
                let exemplars = backends.prometheus().exemplars(selector).await;
                Some(exemplars.into_iter().collect::<BTreeSet<_>>()).filter(|ids| !ids.is_empty())
            })
            .await;
        for trace_id in exemplars {
            backends.spans(&trace_id, 1).await;
        }
    }
    // Ordinary orders are among them, so the share of them has been computed and not only errors were shown.
    let shown = backends.prometheus().exemplars(SELECTORS[0]).await;
    assert!(shown.iter().any(|trace_id| placed.contains(trace_id)), "{shown:?}");
}
