//! Three orders to look at: one that works, one whose card is declined, one that is out of stock.

use crate::{place, remote::Remote};
use serde_json::Value;
use std::{
    error::Error,
    time::{Duration, Instant},
};

/// Sku, card: what each is to show.
const SAMPLES: [(&str, &str); 3] = [
    ("TEA-EARL-GREY", "4242424242424242"),
    ("TEA-EARL-GREY", "4000000000000002"),
    ("POT-CAST-IRON", "4242424242424242"),
];

/// Spans of a whole order, up to the consumer of its event.
const LAST_SPAN: &str = "order-events process";
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn place(remote: &Remote, start: Instant) -> Result<(), Box<dyn Error>> {
    let mut first = None;
    for (sku, card) in SAMPLES {
        let placed = remote.place(&place::order("c-1042", sku, 2, card)).await?;
        place::show(remote, &placed);
        first.get_or_insert(placed.trace_id);
    }
    if let Some(trace_id) = first.filter(|id| !id.is_empty())
        && is_visible(remote, &trace_id).await?
    {
        let took = start.elapsed().as_secs_f64();
        anstream::println!("the first order's whole trace was on the page {took:.2} s after the start");
    }
    Ok(())
}

/// Waits until the observatory has the whole of a trace; false when it does not come.
async fn is_visible(remote: &Remote, trace_id: &str) -> Result<bool, Box<dyn Error>> {
    let end = Instant::now() + VISIBLE_TIMEOUT;
    while Instant::now() < end {
        let answer: Option<Value> = remote.observe(&format!("/api/traces/{trace_id}")).await?;
        if answer.is_some_and(|answer| answer.to_string().contains(LAST_SPAN)) {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(false)
}
