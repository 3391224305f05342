//! Old names beside new ones: while a name is deprecated in favour of another, what is said under the new one is said
//! under the old one, too.
//!
//! A twin is declared where all names are: the old entry has `life: Life::STABLE.renamed_to("new.name")`. Code emits the
//! new name only. Each signal has one place that adds the old one, and asks a constant (`HAS_TWINS`) first: without
//! a twin nothing of it is compiled in.

use super::{End, Life, attribute, field, metric};
use std::sync::LazyLock;

/// An old name, and the one that takes its place.
pub(crate) type Twin = (&'static str, &'static str);

/// Of attributes.
pub(crate) static ATTRIBUTES: LazyLock<Vec<Twin>> =
    LazyLock::new(|| twins(attribute::ALL.iter().map(|listed| (listed.name, listed.life))));
/// Of fields of lines.
pub(crate) static FIELDS: LazyLock<Vec<Twin>> =
    LazyLock::new(|| twins(field::ALL.iter().map(|listed| (listed.name, listed.life))));
/// Of metrics, as families.
pub(crate) static METRICS: LazyLock<Vec<Twin>> = LazyLock::new(|| {
    let family = |name| metric::ALL.iter().find(|listed| listed.name == name).map(metric::Metric::family);
    let twins = twins(metric::ALL.iter().map(|listed| (listed.name, listed.life)));
    twins.into_iter().filter_map(|(old, new)| Some((family(old)?, family(new)?))).collect()
});

fn twins(listed: impl Iterator<Item = (&'static str, Life)>) -> Vec<Twin> {
    let renamed = |(name, life): (_, Life)| match life.end {
        Some(End::Renamed(new)) => Some((name, new)),
        Some(End::Obsolete) | None => None,
    };
    listed.filter_map(renamed).collect()
}

/// Adds old names to a log line, which is a flat JSON object that we wrote ourselves.
pub(crate) fn in_line(line: &mut String, twins: &[Twin]) {
    for (old, new) in twins {
        // Within a text, quotation marks have a backslash before them: this is a member and nothing else.
        let member = format!(",\"{new}\":");
        let Some(at) = line.find(&member).map(|at| at + member.len()) else { continue };
        let Some(value) = line.get(at..).map(|rest| rest.get(..value_len(rest)).unwrap_or(rest)) else {
            continue;
        };
        let addition = format!(",\"{old}\":{value}");
        if let Some(end) = line.rfind('}') {
            line.insert_str(end, &addition);
        }
    }
}

/// How long the JSON value is that a text begins with: a string, a number or a word.
fn value_len(text: &str) -> usize {
    let Some(string) = text.strip_prefix('"') else { return text.find([',', '}']).unwrap_or(text.len()) };
    let mut escaped = false;
    let end = string.find(|letter| {
        let is_end = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

/// Repeats families of an OpenMetrics exposition under their old names, each behind the new one.
pub(crate) fn in_exposition(text: &str, twins: &[Twin]) -> String {
    let mut with = String::with_capacity(text.len() * 2);
    let mut copy = String::new();
    let mut family = "";
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("# ").and_then(|rest| rest.split_whitespace().nth(1)) {
            if name != family {
                with.push_str(&copy);
                copy.clear();
            }
            family = name;
        } else if line.starts_with("# EOF") {
            with.push_str(&copy);
            copy.clear();
        }
        with.push_str(line);
        for (old, _) in twins.iter().filter(|(_, new)| *new == family && !line.starts_with("# EOF")) {
            copy.push_str(&line.replacen(family, old, 1));
        }
    }
    with
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deprecated_name_is_a_twin_of_the_new_one() {
        let listed = [
            ("order.number", Life::STABLE.renamed_to("order.id")),
            ("order.id", Life::STABLE),
            ("order.colour", Life { end: Some(End::Obsolete), ..Life::STABLE }),
        ];
        assert_eq!(twins(listed.into_iter()), [("order.number", "order.id")]);
    }

    #[test]
    fn a_line_says_both() {
        let twins = [("number", "order_id"), ("took", "duration_ms"), ("old", "missing")];
        let mut line =
            r#"{"message":"\",\"order_id\":7","order_id":"a\\\"}b","duration_ms":1.5,"target":"t"}"#
                .to_owned()
                + "\n";
        in_line(&mut line, &twins);
        assert_eq!(
            line,
            r#"{"message":"\",\"order_id\":7","order_id":"a\\\"}b","duration_ms":1.5,"target":"t","number":"a\\\"}b","took":1.5}"#
                .to_owned()
                + "\n"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn an_exposition_has_both_families() {
        let text = "# HELP orders Orders.\n# TYPE orders counter\norders_total{status=\"orders\"} 1\n\
                    # HELP up It.\n# TYPE up gauge\nup 1\n# EOF\n";
        let both = in_exposition(text, &[("sales", "orders"), ("on", "up")]);
        let expected = "# HELP orders Orders.\n# TYPE orders counter\norders_total{status=\"orders\"} 1\n\
                        # HELP sales Orders.\n# TYPE sales counter\nsales_total{status=\"orders\"} 1\n\
                        # HELP up It.\n# TYPE up gauge\nup 1\n# HELP on It.\n# TYPE on gauge\non 1\n# EOF\n";
        assert_eq!(both, expected);
        assert_eq!(in_exposition(text, &[]), text);
    }
}
