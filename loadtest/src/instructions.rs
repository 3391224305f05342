//! The committed instruction counts as a table for people.

use crate::{page, report::table};
use serde::Deserialize;
use std::{collections::BTreeMap, error::Error, fmt::Write, fs, path::Path};

/// The command that renews the counts, and has the table written.
pub(crate) const COMMAND: &str = "scripts/bench-instructions --update";

/// What a reader wants to know of first, and whether it matters that its trace is not sampled; the file has all.
const OPERATIONS: [(&str, &str, bool); 6] = [
    ("span", "A child span with six attributes", true),
    ("server", "A request through the server layer", false),
    ("client", "A call through the client wrapper", false),
    ("database", "A transaction of 7 statements: span, observation", true),
    ("line", "A log line inside an order's span", false),
    ("order", "All telemetry of an order: 15 spans, 5 lines, 17 observations", true),
];
const CONFIGURATIONS: [(&str, &str, bool); 8] = [
    ("off", "no traces", true),
    ("standard", "standard pipeline", true),
    ("standard unsampled", "standard, not sampled", false),
    ("direct", "direct pipeline", true),
    ("direct unsampled", "direct, not sampled", false),
    ("nothing", "no telemetry at all", true),
    ("alone", "direct, traces alone", true),
    ("alone unsampled", "direct, traces alone, not sampled", false),
];

/// Of one operation.
#[derive(Deserialize)]
struct Figures {
    caller: u64,
    all: u64,
    allocations: f64,
}

type Committed = BTreeMap<String, BTreeMap<String, Figures>>;

/// Puts the table of the file's counts into the page.
pub(crate) fn write(figures: &Path, page: &Path) -> Result<(), Box<dyn Error>> {
    page::write(page, COMMAND, &text(&fs::read_to_string(figures)?)?)
}

fn text(json: &str) -> Result<String, serde_json::Error> {
    let committed: Committed = serde_json::from_str(json)?;
    let mut text = String::new();
    for (architecture, figures) in committed {
        let rows = OPERATIONS.iter().flat_map(|(operation, says, unsampled)| {
            let figures = &figures;
            let wanted = CONFIGURATIONS.iter().filter(move |(.., sampled)| *sampled || *unsampled);
            wanted.filter_map(move |(configuration, called, _)| {
                let of = figures.get(&format!("{operation} {configuration}"))?;
                let says = if *configuration == "off" { says } else { "" };
                let numbers = [grouped(of.caller), grouped(of.all), format!("{:.0}", of.allocations)];
                Some([says.to_owned(), (*called).to_owned()].into_iter().chain(numbers).collect())
            })
        });
        let header = ["operation", "", "caller", "all threads", "allocations"];
        let _ = writeln!(text, "On {architecture}:\n\n{}", table(&header, rows));
    }
    Ok(text)
}

/// 520816 is 520,816.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn only_what_a_reader_wants_is_shown() {
        let json = r#"{"x86_64": {
            "span off": {"caller": 2588, "all": 2590, "allocations": 0.0},
            "span direct": {"caller": 7616, "all": 8888, "allocations": 2.0},
            "extract direct": {"caller": 11603, "all": 11602, "allocations": 12.0}
        }}"#;
        let text = text(json).unwrap();
        assert!(text.starts_with("On x86_64:"), "{text}");
        assert!(
            text.contains("| A child span with six attributes | no traces | 2,588 | 2,590 | 0 |"),
            "{text}"
        );
        assert!(text.contains("|  | direct pipeline | 7,616 | 8,888 | 2 |"), "{text}");
        assert!(!text.contains("11,603"), "{text}");
    }

    /// The page says what the committed file says.
    #[test]
    fn the_page_is_up_to_date() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let figures = fs::read_to_string(root.join("shared/telemetry/benches/instructions.json")).unwrap();
        let page = fs::read_to_string(root.join("docs/OVERHEAD.md")).unwrap();
        assert!(
            page.contains(text(&figures).unwrap().trim()),
            "{COMMAND} brings docs/OVERHEAD.md up to date"
        );
    }
}
