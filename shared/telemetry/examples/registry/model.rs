//! The registry's form: the `groups` that OpenTelemetry Weaver reads. Nothing else is accepted, so that a file that can
//! be read here has the form.

use serde::{Deserialize, Serialize};

/// A file of a registry.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registry {
    pub(crate) groups: Vec<Group>,
}

/// A signal, or attributes that belong together.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: GroupType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metric_name: Option<String>,
    pub(crate) brief: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extends: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) span_kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instrument: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stability: Option<Stability>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deprecated: Option<Deprecated>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: Vec<Attribute>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub(crate) annotations: Annotations,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupType {
    AttributeGroup,
    Entity,
    Span,
    Event,
    Metric,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stability {
    Development,
    Stable,
}

/// The end of a name.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Deprecated {
    Renamed { renamed_to: String },
    Obsoleted {},
}

/// The definition of an attribute (`id`), or that a signal has it (`ref`).
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attribute {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) brief: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) examples: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requirement_level: Option<Level>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stability: Option<Stability>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deprecated: Option<Deprecated>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub(crate) annotations: Annotations,
}

/// When a signal has an attribute.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Required,
    ConditionallyRequired(String),
}

/// What the form has no place of its own for.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Annotations {
    /// The first version that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// What it says of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) privacy: Option<String>,
    /// What its values are, where the definition is in the conventions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value_type: Option<String>,
    /// All values. They differ from signal to signal, so that they are no enumeration of the attribute's type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
    /// The name of a span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) span_name: Option<String>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    /// The spans that may have an event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) spans: Vec<String>,
    /// The label of a metric's exemplars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exemplar: Option<String>,
}

impl Annotations {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Group {
    /// Of a kind, with nothing else yet.
    pub(crate) fn new(kind: GroupType, id: impl Into<String>, brief: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind,
            name: None,
            metric_name: None,
            brief: brief.into(),
            extends: None,
            span_kind: None,
            instrument: None,
            unit: None,
            stability: None,
            deprecated: None,
            attributes: Vec::new(),
            annotations: Annotations::default(),
        }
    }
}
