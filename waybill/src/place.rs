//! `waybill order place`: one order, many, or a steady load.

mod mix;
mod steady;
mod tally;

use crate::{
    cli::PlaceOptions,
    remote::{Placed, Remote},
    style::{BAD, GOOD, paint},
};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc};
use tally::Tally;
use tokio::{sync::Semaphore, task::JoinSet};

/// What is ordered.
enum Orders {
    /// The same every time.
    Same(Value),
    Mixed,
}

impl Orders {
    fn next(&self) -> Value {
        match self {
            Self::Same(order) => order.clone(),
            Self::Mixed => mix::draw(),
        }
    }
}

pub(crate) async fn run(options: PlaceOptions) -> Result<(), Box<dyn Error>> {
    let remote = Remote::from_env()?.with_token(options.token)?;
    let orders = if options.mix {
        Orders::Mixed
    } else {
        Orders::Same(order(&options.customer, &options.sku, options.quantity, &options.card))
    };
    if let Some(rate) = options.rate {
        return steady::run(remote, orders, rate, options.duration, options.concurrency as usize).await;
    }
    if options.count == 1 {
        show(&remote, &remote.place(&orders.next()).await?);
        return Ok(());
    }
    many(remote, orders, options.count, options.concurrency).await
}

/// The body of a request for one position.
pub(crate) fn order(customer: &str, sku: &str, quantity: i64, card: &str) -> Value {
    json!({
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

async fn many(remote: Remote, orders: Orders, count: u32, concurrency: u32) -> Result<(), Box<dyn Error>> {
    let mut tally = Tally::default();
    let places = Arc::new(Semaphore::new(concurrency as usize));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let place = places.clone().acquire_owned().await?;
        let (remote, body) = (remote.clone(), orders.next());
        tasks.spawn(async move {
            let outcome = outcome(&remote, &body).await;
            drop(place);
            outcome
        });
    }
    while let Some(outcome) = tasks.join_next().await {
        tally.add(outcome?);
    }
    tally.show();
    Ok(())
}

/// In a word, also when there was no answer.
async fn outcome(remote: &Remote, body: &Value) -> String {
    remote.place(body).await.map_or_else(|error| error.to_string(), |placed| placed.outcome)
}
