//! A steady load: orders at times that were set beforehand, whether or not earlier ones are answered.

use super::{Orders, Tally, outcome};
use crate::{
    remote::Remote,
    stop::Stop,
    style::{DIM, WARN, paint},
};
use std::{error::Error, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep_until, timeout},
};

/// What orders under way are given at the end.
const DRAIN: Duration = Duration::from_secs(5);

/// Places `rate` orders a second until `duration` has passed or the process is told to stop. An order whose time
/// comes while `concurrency` are under way is left out, and counted: a slow platform is not buried.
pub(super) async fn run(
    remote: Remote,
    orders: Orders,
    rate: f64,
    duration: Option<Duration>,
    concurrency: usize,
) -> Result<(), Box<dyn Error>> {
    let mut stop = Stop::new()?;
    let mut tally = Tally::default();
    let mut tasks = JoinSet::new();
    let mut left_out = 0_u64;
    let mut due = interval(Duration::from_secs_f64(rate.recip()));
    let end = duration.map(|duration| Instant::now() + duration);
    let until = duration.map_or_else(|| "until Ctrl-C".to_owned(), |duration| format!("for {duration:?}"));
    anstream::println!("{}", paint(DIM, format_args!("{rate} orders a second {until}")));
    loop {
        tokio::select! {
            // In this order: a stop is heard even when the next order is always due.
            biased;
            () = stop.called() => break,
            () = passed(end) => break,
            Some(outcome) = tasks.join_next() => tally.add(outcome?),
            _ = due.tick() => {
                if tasks.len() < concurrency {
                    let (remote, body) = (remote.clone(), orders.next());
                    tasks.spawn(async move { outcome(&remote, &body).await });
                } else {
                    left_out += 1;
                }
            }
        }
    }
    let drained = async {
        while let Some(outcome) = tasks.join_next().await {
            tally.add(outcome?);
        }
        Ok::<_, tokio::task::JoinError>(())
    };
    if let Ok(failed) = timeout(DRAIN, drained).await {
        failed?;
    }
    tally.show();
    for (orders, what) in [
        (left_out, format!("left out: {concurrency} were under way")),
        (tasks.len() as u64, format!("not answered {DRAIN:?} after the end")),
    ] {
        if orders > 0 {
            anstream::println!("{}", paint(WARN, format_args!("{orders:>8} {what}")));
        }
    }
    Ok(())
}

/// Never, without an end.
async fn passed(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}
