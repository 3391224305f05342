//! Every panel of every dashboard shows something when there is something to show.

use acceptance::{
    Backends, CARD, CONFIRMED_TREE, DECLINED_CARD, EARL_GREY, NOT_IN_STOCK, Need,
    dashboards::{PanelQuery, Question, Variables, has_data, panel_queries},
    spans_in,
};
use std::time::{Duration, Instant};

/// Rates need some scrapes, and recording rules some more.
const LIMIT: Duration = Duration::from_mins(3);

#[tokio::test]
async fn every_panel_shows_something() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Prometheus, Need::Elasticsearch, Need::Traces]) {
        return;
    }
    let order = backends.place_slowly(EARL_GREY, CARD).await;
    assert_eq!(order.status, 201, "{}", order.body);
    backends.spans(order.trace_id(), spans_in(CONFIRMED_TREE)).await;
    let mut unanswered = panel_queries(&Variables {
        order_id: order.order_id().to_owned(),
        trace_id: order.trace_id().to_owned(),
        interval: "1m".to_owned(),
        range: "1h".to_owned(),
    });
    assert!(unanswered.len() > 20, "there are dashboards");
    let begun = Instant::now();
    while !unanswered.is_empty() {
        assert!(begun.elapsed() < LIMIT, "panels that show nothing: {unanswered:#?}");
        for (sku, card) in [(EARL_GREY, CARD), (EARL_GREY, DECLINED_CARD), (NOT_IN_STOCK, CARD)] {
            backends.place(sku, card).await;
        }
        let mut left = Vec::new();
        for query in unanswered {
            // Also a question that may have no answer must be one that is understood.
            if !shows_something(&backends, &query).await && query.may_be_empty.is_none() {
                left.push(query);
            }
        }
        unanswered = left;
    }
}

async fn shows_something(backends: &Backends, query: &PanelQuery) -> bool {
    match &query.question {
        Question::Metrics { expr, exemplar } => {
            let prometheus = backends.prometheus();
            let series = prometheus.query(expr).await;
            let has_exemplar = !*exemplar || !prometheus.exemplars(expr).await.is_empty();
            has_exemplar && series.iter().any(|(_, value)| !value.is_nan())
        }
        Question::Lines(search) => has_data(&backends.search(search).await),
        Question::Trace(trace_id) => !backends.trace(trace_id).await.is_empty(),
        Question::Dependencies => !backends.dependencies().await.is_empty(),
    }
}
