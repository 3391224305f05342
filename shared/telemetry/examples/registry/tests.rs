//! Each kind of change, and what it asks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::{
    compare::{Finding, Weight, compare, verdict},
    groups,
    model::{Attribute, Registry},
};

/// A registry of one span, one metric and one field, as small as they get.
const RELEASED: &str = r"
groups:
  - id: registry.waybill
    type: attribute_group
    brief: Ours.
    attributes:
      - {id: order.id, type: string, stability: stable, annotations: {since: 1.0.0, privacy: business}}
      - {id: order.old, type: string, stability: stable, annotations: {since: 1.0.0},
         deprecated: {reason: renamed, renamed_to: order.id}}
      - {id: draft, type: int, stability: development, annotations: {since: 1.0.0}}
  - id: registry.waybill.plain
    type: attribute_group
    brief: Plain.
    attributes:
      - {id: status, type: string, stability: stable}
      - {id: took, type: double, stability: stable}
  - id: span.order
    type: span
    brief: A span.
    span_kind: server
    stability: stable
    attributes: [{ref: order.id, requirement_level: required}]
    annotations: {since: 1.0.0, span_name: order, service: shop}
  - id: metric.orders_total
    type: metric
    metric_name: orders_total
    brief: Orders.
    instrument: counter
    unit: '1'
    stability: stable
    attributes: [{ref: status, requirement_level: required, annotations: {values: [good, bad]}}]
    annotations: {since: 1.0.0, exemplar: trace_id}
  - id: log.own
    type: attribute_group
    brief: Fields.
    attributes: [{ref: took, annotations: {since: 1.0.0, privacy: operational}}]
";

/// What follows from replacing a text of [`RELEASED`] by another, under the version 1.1.0.
fn after(old: &str, new: &str) -> Vec<Finding> {
    assert!(RELEASED.contains(old), "{old}");
    let parse =
        |text: &str| serde_saphyr::from_str::<Registry>(text).unwrap_or_else(|error| panic!("{error}"));
    compare(&parse(RELEASED), &parse(&RELEASED.replacen(old, new, 1)), "1.1.0")
}

#[track_caller]
fn assert_says(old: &str, new: &str, expected: &[(Weight, &str)]) {
    let said: Vec<_> =
        after(old, new).iter().map(|it| (it.weight, format!("{}: {}", it.title, it.what))).collect();
    let expected: Vec<_> = expected.iter().map(|(weight, text)| (*weight, (*text).to_owned())).collect();
    assert_eq!(said, expected);
}

use Weight::{Addition, Break, Wrong};

#[test]
fn nothing_follows_from_nothing() {
    assert_says("brief: A span.", "brief: Another text.", &[]);
}

#[test]
fn what_is_removed_without_notice_is_wrong() {
    let undeprecated = "removed, or renamed, without having been deprecated in a release before";
    let took = "{ref: took, annotations: {since: 1.0.0, privacy: operational}}";
    assert_says(took, "", &[(Wrong, &format!("log field took: {undeprecated}"))]);
    // A rename is a removal and an addition.
    assert_says(
        "span_name: order",
        "span_name: trade",
        &[
            (Wrong, &format!("span order: {undeprecated}")),
            (Addition, "span trade: added"),
            (Wrong, "span trade: says it is there since 1.0.0, and comes with 1.1.0"),
        ],
    );
}

#[test]
fn what_was_deprecated_goes_with_a_major_version() {
    let old = "- {id: order.old, type: string, stability: stable, annotations: {since: 1.0.0},
         deprecated: {reason: renamed, renamed_to: order.id}}";
    assert_says(old, "", &[(Break, "attribute order.old: now order.id only")]);
    assert!(verdict(&after(old, ""), (1, 0, 0), (1, 1, 0)).unwrap_err().ends_with("2.0.0"));
    assert_eq!(verdict(&after(old, ""), (1, 0, 0), (2, 0, 0)), Ok(()));
}

#[test]
fn a_rename_begins_with_two_names() {
    assert_says(
        "{id: order.id, type: string, stability: stable, annotations: {since: 1.0.0, privacy: business}}",
        "{id: order.id, type: string, stability: stable, annotations: {since: 1.0.0, privacy: business},
            deprecated: {reason: renamed, renamed_to: order.number}}
      - {id: order.number, type: string, stability: stable, annotations: {since: 1.1.0, privacy: business}}",
        &[(Addition, "attribute order.id: deprecated"), (Addition, "attribute order.number: added")],
    );
    let deprecated =
        |to: &str| format!("stability: development, deprecated: {{reason: renamed, renamed_to: {to}}}");
    assert_says(
        "stability: development",
        &deprecated("nothing"),
        &[
            (Addition, "attribute draft: deprecated"),
            (Wrong, "attribute draft: renamed to nothing, which there is not"),
        ],
    );
    assert_says(
        "stability: development",
        &deprecated("order.id"),
        &[
            (Addition, "attribute draft: deprecated"),
            (
                Wrong,
                "attribute draft: renamed to order.id, which is {\"type\": \"string\"} and not {\"type\": \"int\"}",
            ),
        ],
    );
    assert_says(
        "span_kind: server",
        "span_kind: server\n    deprecated: {reason: renamed, renamed_to: trade}",
        &[
            (Addition, "span order: deprecated"),
            (Wrong, "span order: cannot be emitted under two names: remove it with a major version"),
        ],
    );
}

#[test]
fn what_readers_rely_on_does_not_change() {
    assert_says("unit: '1'", "unit: s", &[(Break, "metric orders_total: its unit was 1, is s")]);
    assert_says("counter", "gauge", &[(Break, "metric orders_total: its instrument was counter, is gauge")]);
    assert_says(
        ", exemplar: trace_id",
        "",
        &[(Break, "metric orders_total: its exemplar was trace_id, is none")],
    );
    assert_says("server", "client", &[(Break, "span order: its kind was server, is client")]);
    assert_says("service: shop", "service: till", &[(Break, "span order: its service was shop, is till")]);
    assert_says("double", "string", &[(Break, "log field took: its type was double, is string")]);
    assert_says(
        "privacy: operational",
        "privacy: personal",
        &[(Break, "log field took: its privacy class was operational, is personal")],
    );
    assert_says(
        "order.id, requirement_level: required",
        "order.id",
        &[(Break, "attribute order.id of order: was always there, is not")],
    );
    assert_says(
        "{ref: order.id, requirement_level: required}",
        "",
        &[(Break, "attribute order.id of order: removed")],
    );
    assert_says(
        "type: string, stability: stable, annotations: {since: 1.0.0, privacy: business}",
        "type: string, stability: development, annotations: {since: 1.0.0, privacy: business}",
        &[(Break, "attribute order.id: was stable, is in development")],
    );
}

#[test]
fn labels_make_series() {
    let label = "{ref: status, requirement_level: required, annotations: {values: [good, bad]}}";
    assert_says(label, "", &[(Break, "label status of orders_total: removed")]);
    assert_says(
        label,
        &format!("{label}, {{ref: took, requirement_level: required}}"),
        &[(Break, "label took of orders_total: added: each series becomes several")],
    );
    assert_says(
        "[good, bad]",
        "[good, ugly]",
        &[
            (Break, "label status of orders_total: has no longer the value bad"),
            (Addition, "label status of orders_total: has a new value, ugly"),
        ],
    );
}

#[test]
fn what_is_in_development_may_change() {
    assert_says("type: int", "type: string", &[(Addition, "attribute draft: its type was int, is string")]);
    let draft = "- {id: draft, type: int, stability: development, annotations: {since: 1.0.0}}";
    assert_says(draft, "", &[(Addition, "attribute draft: removed, or renamed")]);
}

#[test]
fn a_version_says_what_has_changed() {
    let addition = after("[good, bad]", "[good, bad, ugly]");
    assert!(verdict(&addition, (1, 0, 0), (1, 0, 0)).unwrap_err().ends_with("1.1.0"));
    assert!(verdict(&addition, (1, 0, 0), (1, 0, 1)).is_err());
    assert_eq!(verdict(&addition, (1, 0, 0), (1, 1, 0)), Ok(()));
    assert_eq!(verdict(&addition, (1, 4, 0), (2, 0, 0)), Ok(()));
    assert_eq!(verdict(&[], (1, 0, 0), (1, 0, 0)), Ok(()));
    assert!(verdict(&[], (1, 1, 0), (1, 0, 0)).is_err());
    assert!(verdict(&after("unit: '1'", "unit: s"), (1, 0, 0), (1, 1, 0)).is_err());
    assert!(
        verdict(&after("span_name: order", "span_name: trade"), (1, 0, 0), (2, 0, 0)).is_err(),
        "wrong anyway"
    );
}

#[test]
fn names_are_defined_once_and_of_one_type() {
    let registry = groups::all();
    let attributes = registry.groups.iter().flat_map(|group| &group.attributes);
    let mut defined: Vec<_> = attributes.clone().filter_map(|it| it.id.as_deref()).collect();
    let conventions = registry
        .groups
        .iter()
        .filter(|group| ["attributes.waybill.conventions", "entity.service"].contains(&group.id.as_str()));
    defined.extend(conventions.flat_map(|group| &group.attributes).filter_map(|it| it.reference.as_deref()));
    for name in attributes.filter_map(|it| it.reference.as_deref()) {
        assert!(defined.contains(&name), "{name} is nowhere defined");
    }
    let count = defined.len();
    defined.sort_unstable();
    defined.dedup();
    assert_eq!(defined.len(), count, "something is defined twice");
    let mut ids: Vec<_> = registry.groups.iter().map(|group| &group.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), registry.groups.len(), "two groups have one id");
}

#[test]
fn a_name_means_the_same_in_all_lists() {
    let twice = |change: fn(&mut Attribute)| {
        let mut other = groups::plain_definitions().find(|it| it.id.as_deref() == Some("status")).unwrap();
        change(&mut other);
        groups::ambiguous(groups::plain_definitions().chain([other]))
    };
    assert!(twice(|other| other.examples.clear()).is_empty());
    let changes: [fn(&mut Attribute); 3] = [
        |other| other.brief = Some("Something else.".to_owned()),
        |other| other.kind = Some("int".to_owned()),
        |other| other.annotations.privacy = Some("personal".to_owned()),
    ];
    for change in changes {
        assert_eq!(twice(change).into_iter().collect::<Vec<_>>(), ["status"]);
    }
}

#[test]
fn the_registry_is_that_of_the_code_and_follows_its_last_release() {
    let (told, is_fine) = crate::check().expect("files");
    assert!(is_fine, "{told}");
}
