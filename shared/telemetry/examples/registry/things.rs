//! A registry as what its readers rely on: things with names, each with what is said of it.

use crate::model::{Annotations, Attribute, Deprecated, Group, GroupType, Level, Registry, Stability};
use std::collections::{BTreeMap, BTreeSet};

/// From weakest to strongest.
const PRIVACY: [&str; 4] = ["operational", "business", "pseudonym", "personal"];

/// Something with a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thing {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// What it is a part of: the span that has this attribute, the metric that has this label.
    pub(crate) of: Option<String>,
    /// Unit, type and the like: whatever breaks a reader when it changes.
    pub(crate) facts: BTreeMap<&'static str, String>,
    pub(crate) values: BTreeSet<String>,
    /// Its place in [`PRIVACY`].
    pub(crate) privacy: usize,
    pub(crate) is_required: bool,
    pub(crate) is_stable: bool,
    pub(crate) since: String,
    pub(crate) deprecated: Option<Deprecated>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    ResourceAttribute,
    Attribute,
    Span,
    SpanAttribute,
    Event,
    EventAttribute,
    Metric,
    Label,
    Field,
    BaggageEntry,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::ResourceAttribute => "resource attribute",
            Self::Attribute | Self::SpanAttribute | Self::EventAttribute => "attribute",
            Self::Span => "span",
            Self::Event => "event",
            Self::Metric => "metric",
            Self::Label => "label",
            Self::Field => "log field",
            Self::BaggageEntry => "baggage entry",
        }
    }

    /// Whether an old name of it can be emitted beside a new one.
    pub(crate) fn has_twins(self) -> bool {
        matches!(self, Self::Attribute | Self::Metric | Self::Field)
    }
}

impl Thing {
    /// As a finding names it.
    pub(crate) fn title(&self) -> String {
        let of = self.of.as_ref().map_or_else(String::new, |of| format!(" of {of}"));
        format!("{} {}{of}", self.kind.as_str(), self.name)
    }

    /// The word for how much it says of a person.
    pub(crate) fn privacy(&self) -> &'static str {
        PRIVACY.get(self.privacy).copied().unwrap_or_default()
    }
}

pub(crate) type Things = BTreeMap<(Kind, Option<String>, String), Thing>;

/// Everything in a registry.
pub(crate) fn things(registry: &Registry) -> Things {
    let types = types(registry);
    let all = registry.groups.iter().flat_map(|group| of_group(group, registry, &types));
    all.map(|thing| ((thing.kind, thing.of.clone(), thing.name.clone()), thing)).collect()
}

fn of_group(group: &Group, registry: &Registry, types: &BTreeMap<String, String>) -> Vec<Thing> {
    let part = |kind, of: Option<&String>| {
        let attribute = move |it: &Attribute| of_attribute(kind, of.cloned(), it, types);
        group.attributes.iter().map(attribute).collect::<Vec<_>>()
    };
    match group.kind {
        GroupType::Entity => part(Kind::ResourceAttribute, None),
        GroupType::Span => {
            let span = signal(Kind::Span, group.annotations.span_name.as_ref(), group);
            let base = registry.groups.iter().find(|base| Some(&base.id) == group.extends.as_ref());
            let attributes = base.into_iter().flat_map(|base| &base.attributes).chain(&group.attributes);
            let name = Some(span.name.clone());
            let attributes = attributes.map(|it| of_attribute(Kind::SpanAttribute, name.clone(), it, types));
            attributes.chain([span.clone()]).collect()
        }
        GroupType::Event => {
            let mut things = part(Kind::EventAttribute, group.name.as_ref());
            things.push(signal(Kind::Event, group.name.as_ref(), group));
            things
        }
        GroupType::Metric => {
            let mut things = part(Kind::Label, group.metric_name.as_ref());
            things.push(signal(Kind::Metric, group.metric_name.as_ref(), group));
            things
        }
        GroupType::AttributeGroup => match group.id.as_str() {
            "registry.waybill" | "attributes.waybill.conventions" => part(Kind::Attribute, None),
            "baggage.waybill" => part(Kind::BaggageEntry, None),
            id if id.starts_with("log.") => part(Kind::Field, None),
            // What these define, the groups above use.
            _ => Vec::new(),
        },
    }
}

/// Types by name.
fn types(registry: &Registry) -> BTreeMap<String, String> {
    let attributes = registry.groups.iter().flat_map(|group| &group.attributes);
    let known = attributes.filter_map(|it| {
        let kind = it.kind.as_ref().or(it.annotations.value_type.as_ref())?;
        Some((it.id.as_ref().or(it.reference.as_ref())?.clone(), kind.clone()))
    });
    known.collect()
}

fn signal(kind: Kind, name: Option<&String>, group: &Group) -> Thing {
    let Annotations { since, service, exemplar, .. } = &group.annotations;
    let facts = [
        ("kind", &group.span_kind),
        ("instrument", &group.instrument),
        ("unit", &group.unit),
        ("service", service),
        ("exemplar", exemplar),
    ];
    Thing {
        kind,
        name: name.cloned().unwrap_or_default(),
        of: None,
        facts: facts.into_iter().filter_map(|(fact, value)| Some((fact, value.clone()?))).collect(),
        values: BTreeSet::new(),
        privacy: 0,
        is_required: false,
        is_stable: group.stability == Some(Stability::Stable),
        since: since.clone().unwrap_or_default(),
        deprecated: group.deprecated.clone(),
    }
}

fn of_attribute(kind: Kind, of: Option<String>, it: &Attribute, types: &BTreeMap<String, String>) -> Thing {
    let name = it.id.clone().or_else(|| it.reference.clone()).unwrap_or_default();
    let value_type = types.get(&name).map(|value_type| ("type", value_type.clone()));
    let place = |class: &String| PRIVACY.iter().position(|known| known == class);
    Thing {
        kind,
        of,
        facts: value_type.into_iter().collect(),
        values: it.annotations.values.iter().cloned().collect(),
        privacy: it.annotations.privacy.as_ref().and_then(place).unwrap_or_default(),
        is_required: it.requirement_level == Some(Level::Required),
        is_stable: it.stability != Some(Stability::Development),
        since: it.annotations.since.clone().unwrap_or_default(),
        deprecated: it.deprecated.clone(),
        name,
    }
}
