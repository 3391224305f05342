//! `waybill order place`.

use crate::{
    cli::PlaceOptions,
    remote::{Placed, Remote},
    style::{BAD, GOOD, paint},
};
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Instant};
use tokio::sync::Semaphore;

pub(crate) async fn run(options: PlaceOptions) -> Result<(), Box<dyn Error>> {
    let remote = Remote::from_env()?;
    let body = order(&options.customer, &options.sku, options.quantity, &options.card);
    if options.count == 1 {
        show(&remote, &remote.place(&body).await?);
        return Ok(());
    }
    many(remote, body, options.count, options.concurrency).await
}

/// The body of a request for one position.
pub(crate) fn order(customer: &str, sku: &str, quantity: i64, card: &str) -> serde_json::Value {
    serde_json::json!({
        "customer_id": customer,
        "items": [{ "sku": sku, "quantity": quantity }],
        "payment": { "method": "card", "card_number": card },
    })
}

/// Outcome, ids and the link to the trace, each on a line.
pub(crate) fn show(remote: &Remote, placed: &Placed) {
    let style = if placed.is_confirmed { GOOD } else { BAD };
    let order_id = if placed.order_id.is_empty() { "(none)" } else { &placed.order_id };
    anstream::println!("{}", paint(style, &placed.outcome));
    anstream::println!("  order  {order_id}");
    if !placed.trace_id.is_empty() {
        anstream::println!("  trace  {}", placed.trace_id);
        anstream::println!("         {}", remote.trace_page(&placed.trace_id));
    }
}

async fn many(
    remote: Remote,
    body: serde_json::Value,
    count: u32,
    concurrency: u32,
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let places = Arc::new(Semaphore::new(concurrency as usize));
    let body = Arc::new(body);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let place = places.clone().acquire_owned().await?;
        let (remote, body) = (remote.clone(), body.clone());
        tasks.spawn(async move {
            let outcome = remote.place(&body).await.map(|placed| placed.outcome);
            drop(place);
            outcome.map_err(|error| error.to_string())
        });
    }
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    while let Some(outcome) = tasks.join_next().await {
        *outcomes.entry(outcome?.unwrap_or_else(|error| error)).or_default() += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    for (outcome, orders) in outcomes {
        anstream::println!("{orders:>8} {outcome}");
    }
    anstream::println!("{count:>8} orders in {seconds:.1} s: {:.0} a second", f64::from(count) / seconds);
    Ok(())
}
