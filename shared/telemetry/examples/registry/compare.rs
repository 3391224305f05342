//! What changed between two registries, and what that means for whoever reads dashboards, alerts and queries.

use crate::{
    model::{Deprecated, Registry},
    things::{Kind, Thing, Things, things},
};

/// What a change asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// A new minor version.
    Addition,
    /// A new major version.
    Break,
    /// It must not be.
    Wrong,
}

/// One change.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    /// What it is about, such as `label status of orders_total`.
    pub(crate) title: String,
    /// What happened to it.
    pub(crate) what: String,
    /// The name to look for where somebody may use it.
    pub(crate) name: String,
}

/// `x.y.z`.
pub(crate) type Version = (u64, u64, u64);

pub(crate) fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    let version = (next()?, next()?, next()?);
    parts.next().is_none().then_some(version)
}

/// The changes from what was released to what is there now, as `now`'s version.
pub(crate) fn compare(released: &Registry, now: &Registry, version: &str) -> Vec<Finding> {
    let (old, new) = (things(released), things(now));
    let mut findings = Vec::new();
    for (key, thing) in &old {
        match new.get(key) {
            None => gone(thing, &old, &new, &mut findings),
            Some(after) => changed(thing, after, &mut findings),
        }
    }
    for (key, thing) in &new {
        if !old.contains_key(key) {
            added(thing, &old, version, &mut findings);
        }
        renamed(thing, &new, &mut findings);
    }
    findings
}

fn finding(weight: Weight, thing: &Thing, what: impl Into<String>) -> Finding {
    Finding { weight, title: thing.title(), what: what.into(), name: thing.name.clone() }
}

/// What follows a convention in development may change with a minor version.
fn breaking(thing: &Thing) -> Weight {
    if thing.is_stable { Weight::Break } else { Weight::Addition }
}

fn gone(thing: &Thing, old: &Things, new: &Things, findings: &mut Vec<Finding>) {
    if let Some(of) = &thing.of {
        // What went with its span or metric is no change of its own.
        let is_here = |things: &Things| things.values().any(|whole| whole.of.is_none() && whole.name == *of);
        if is_here(old) && is_here(new) {
            findings.push(finding(breaking(thing), thing, "removed"));
        }
        return;
    }
    let removed = match &thing.deprecated {
        Some(Deprecated::Renamed { renamed_to }) => {
            finding(Weight::Break, thing, format!("now {renamed_to} only"))
        }
        Some(Deprecated::Obsoleted {}) => finding(Weight::Break, thing, "removed, as announced"),
        None if !thing.is_stable => finding(Weight::Addition, thing, "removed, or renamed"),
        None => finding(
            Weight::Wrong,
            thing,
            "removed, or renamed, without having been deprecated in a release before",
        ),
    };
    findings.push(removed);
}

fn changed(old: &Thing, new: &Thing, findings: &mut Vec<Finding>) {
    let mut say = |weight, what: String| findings.push(finding(weight, old, what));
    let (mut facts, none) = (old.facts.clone(), "none".to_owned());
    facts.extend(new.facts.iter().map(|(fact, value)| (*fact, value.clone())));
    for fact in facts.keys() {
        let (before, after) = (old.facts.get(fact).unwrap_or(&none), new.facts.get(fact).unwrap_or(&none));
        if before != after {
            say(breaking(old), format!("its {fact} was {before}, is {after}"));
        }
    }
    for value in old.values.difference(&new.values) {
        // Where all values were named and none is any more, there may be any.
        let what =
            if new.values.is_empty() { "may be another value than" } else { "has no longer the value" };
        say(breaking(old), format!("{what} {value}"));
    }
    for value in new.values.difference(&old.values) {
        say(Weight::Addition, format!("has a new value, {value}"));
    }
    if new.privacy > old.privacy {
        say(Weight::Break, format!("its privacy class was {}, is {}", old.privacy(), new.privacy()));
    }
    if old.is_required && !new.is_required {
        say(breaking(old), "was always there, is not".to_owned());
    }
    if old.is_stable && !new.is_stable {
        say(Weight::Break, "was stable, is in development".to_owned());
    }
    if old.deprecated.is_none() && new.deprecated.is_some() {
        say(Weight::Addition, "deprecated".to_owned());
    }
}

fn added(thing: &Thing, old: &Things, version: &str, findings: &mut Vec<Finding>) {
    let was_there = |of: &String| old.values().any(|whole| whole.of.is_none() && whole.name == *of);
    match &thing.of {
        // It splits each series in several: sums and alerts over single series change.
        Some(of) if thing.kind == Kind::Label && was_there(of) => {
            findings.push(finding(Weight::Break, thing, "added: each series becomes several"));
        }
        Some(of) if was_there(of) => findings.push(finding(Weight::Addition, thing, "added")),
        Some(_) => {}
        None => {
            findings.push(finding(Weight::Addition, thing, "added"));
            if thing.since != version {
                let what = format!("says it is there since {}, and comes with {version}", thing.since);
                findings.push(finding(Weight::Wrong, thing, what));
            }
        }
    }
}

/// Both names are there, and say the same.
fn renamed(thing: &Thing, new: &Things, findings: &mut Vec<Finding>) {
    let Some(Deprecated::Renamed { renamed_to }) = &thing.deprecated else { return };
    let what = match new.get(&(thing.kind, None, renamed_to.clone())) {
        _ if !thing.kind.has_twins() => {
            "cannot be emitted under two names: remove it with a major version".to_owned()
        }
        None => format!("renamed to {renamed_to}, which there is not"),
        Some(successor) if successor.facts != thing.facts => {
            format!("renamed to {renamed_to}, which is {:?} and not {:?}", successor.facts, thing.facts)
        }
        Some(_) => return,
    };
    findings.push(finding(Weight::Wrong, thing, what));
}

/// Whether `now` may have these findings after `released`; if not, why.
pub(crate) fn verdict(findings: &[Finding], released: Version, now: Version) -> Result<(), String> {
    let heaviest = findings.iter().map(|finding| finding.weight).max();
    let (major, minor) = (now.0 > released.0, now.0 == released.0 && now.1 > released.1);
    match heaviest {
        Some(Weight::Wrong) => Err("some changes must not be at all".to_owned()),
        Some(Weight::Break) if !major => {
            Err(format!("readers break: the next version is {}.0.0", released.0 + 1))
        }
        Some(Weight::Addition) if !major && !minor => Err(format!(
            "names were added or deprecated: the next version is {}.{}.0",
            released.0,
            released.1 + 1
        )),
        _ if now < released => Err("the version is older than what was released".to_owned()),
        _ => Ok(()),
    }
}
