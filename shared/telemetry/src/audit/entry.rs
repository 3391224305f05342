//! One entry: what it says, and the line it is.

use super::{chain::Head, key::AuditKey};
use crate::{Telemetry, names::field, propagation::current_ids};
use serde::{Deserialize, Serialize};
use std::fmt;
use time::{OffsetDateTime, macros::format_description};

/// What somebody did.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// Such as `order.paid`.
    pub action: &'static str,
    /// Who.
    pub actor: Actor,
    /// To whose order, or to whom: the raw id, which the entry holds as a reference only.
    pub customer_id: Option<&'a str>,
    /// To which order.
    pub order_id: Option<String>,
    /// How much money, in minor units, and its currency.
    pub amount: Option<(i64, String)>,
    /// How many things that changed.
    pub count: Option<u64>,
}

impl Act<'_> {
    /// An act with nothing else to say about it yet.
    pub fn new(action: &'static str, actor: Actor) -> Self {
        Self { action, actor, customer_id: None, order_id: None, amount: None, count: None }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The customer that the act is about.
    Customer,
    /// Somebody who runs the platform, by name.
    Operator(String),
    /// The service, by itself.
    Service,
}

/// What an entry says. The members of its line, in their order, but for the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339, UTC, six decimals.
    pub timestamp: String,
    /// Always `INFO`: an entry is a log line, too.
    pub severity: String,
    /// The action in words.
    pub message: String,
    /// Who wrote it.
    pub service: String,
    /// The trace it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Which order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Whose: the keyed hash of the customer's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_ref: Option<String>,
    /// Always `audit`.
    pub stream: String,
    /// Its place in the chain, from 1.
    pub number: i64,
    /// What was done: `order.created`, …
    pub action: String,
    /// Who did it: a customer's reference, `operator:<name>` or `service:<name>`.
    pub actor: String,
    /// How much money, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// Of which currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// How many things were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Which release wrote it.
    pub version: String,
    /// Always `audit`.
    pub target: String,
    /// The hash of the entry before it; 64 zeros in the first.
    pub previous: String,
}

impl Entry {
    /// What a line says, unverified. `None` when it is no entry.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What the next one follows.
    pub head: Head,
    /// The line, without a newline.
    pub line: String,
}

/// Writes the entries of one service. A cheap handle.
#[derive(Clone)]
pub struct Auditor {
    telemetry: Telemetry,
    key: AuditKey,
}

impl Auditor {
    /// For the service of `telemetry`.
    pub fn new(telemetry: &Telemetry, key: AuditKey) -> Self {
        Self { telemetry: telemetry.clone(), key }
    }

    /// The entry of an act that happens now, in the current trace, after `head`.
    pub fn seal(&self, head: &Head, act: &Act<'_>) -> Sealed {
        let entry = self.entry(head, act);
        // Strings, numbers and nothing else: this cannot fail.
        let canonical = serde_json::to_string(&entry).unwrap_or_default();
        let hash = self.key.hash(canonical.as_bytes());
        let open = canonical.strip_suffix('}').unwrap_or_default();
        let line = format!("{open},\"{}\":\"{hash}\"}}", field::HASH);
        Sealed { head: Head { number: entry.number, hash }, line }
    }

    fn entry(&self, head: &Head, act: &Act<'_>) -> Entry {
        let service = self.telemetry.service();
        let customer_ref = act.customer_id.map(|id| self.telemetry.customer_ref(id).as_str().to_owned());
        let actor = match &act.actor {
            Actor::Customer => customer_ref.clone().unwrap_or_default(),
            Actor::Operator(name) => format!("operator:{name}"),
            Actor::Service => format!("service:{service}"),
        };
        let (amount_minor, currency) = act.amount.clone().unzip();
        Entry {
            timestamp: now(),
            severity: "INFO".to_owned(),
            message: act.action.replace(['.', '_'], " "),
            service: service.to_owned(),
            trace_id: current_ids().map(|ids| ids.trace_id.to_string()),
            order_id: act.order_id.clone(),
            customer_ref,
            stream: "audit".to_owned(),
            number: head.number + 1,
            action: act.action.to_owned(),
            actor,
            amount_minor,
            currency,
            count: act.count,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            target: "audit".to_owned(),
            previous: head.hash.clone(),
        }
    }

    /// Gives an entry to every sink of log lines, whatever the level and the sampling.
    pub fn say(&self, line: &str) {
        self.telemetry.write_line(line);
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auditor")
    }
}

fn now() -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
