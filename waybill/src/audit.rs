//! `waybill audit`: whether the audit log is as it was written, and what it says.

mod lines;
mod verify;

use crate::{
    cli::{ShowOptions, VerifyOptions},
    style::{BAD, BOLD, DIM, paint},
};
use order::store::audit::reader::AuditReader;
use std::error::Error;
use telemetry::audit::Entry;
use verify::Sources;

/// Says what is wrong, if anything is; false then.
pub(crate) async fn verify(options: VerifyOptions) -> Result<bool, Box<dyn Error>> {
    let found = Sources::of(options)?.check().await?;
    for fault in &found.faults {
        anstream::eprintln!("{}", paint(BAD, fault));
    }
    for whole in &found.whole {
        anstream::println!("{whole}");
    }
    Ok(found.faults.is_empty())
}

/// One line for each entry, as the database has them.
pub(crate) async fn show(options: ShowOptions) -> Result<(), Box<dyn Error>> {
    let mut reader = AuditReader::open(&options.database.url()).await?;
    let (mut last, mut shown) = (0, false);
    loop {
        let page = reader.page(last).await?;
        let Some(end) = page.last() else { break };
        last = end.number;
        for entry in page.iter().filter_map(|kept| Entry::parse(&kept.line)) {
            if options.order.is_none() || entry.order_id == options.order {
                anstream::println!("{}", rendered(&entry));
                shown = true;
            }
        }
    }
    let missing = || options.order.map(|order| format!("the audit log has no entry of order {order}").into());
    match missing() {
        Some(why) if !shown => Err(why),
        _ => Ok(()),
    }
}

fn rendered(entry: &Entry) -> String {
    let amount = entry.amount_minor.zip(entry.currency.as_deref());
    let amount = amount.map(|(minor, currency)| format!("{minor} {currency} (minor units)"));
    let details = [
        ("order", entry.order_id.clone()),
        ("amount", amount),
        ("count", entry.count.map(|count| count.to_string())),
        ("trace", entry.trace_id.clone()),
    ];
    let details =
        details.into_iter().filter_map(|(name, value)| Some(format!(" {} {}", paint(DIM, name), value?)));
    format!(
        "{:>6} {} {} {}{}",
        entry.number,
        paint(DIM, &entry.timestamp),
        paint(BOLD, format_args!("{:<21}", entry.action)),
        entry.actor,
        details.collect::<String>()
    )
}
