//! Names that look like one of ours.

/// The one of `known` that somebody who wrote `name` most likely meant: at most one slip away from it, or two where it
/// is long. Short names have neighbours of their own (`AUTH` and `PATH`).
pub(super) fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_uppercase();
    let slips = |meant: &str| match meant.len() {
        0..5 => 0,
        5..8 => 1,
        _ => 2,
    };
    let close = known.filter(|meant| meant.len().abs_diff(name.len()) <= 2);
    let distances = close.map(|meant| (distance(name.as_bytes(), meant.as_bytes()), meant));
    distances.filter(|(distance, meant)| *distance <= slips(meant)).min().map(|(_, meant)| meant)
}

/// Letters to put in, take out or replace, from one to the other (Levenshtein).
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.iter().enumerate() {
        let mut left = at + 1;
        let mut next = vec![left];
        for (pair, other) in row.windows(2).zip(to) {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(letter != other)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("LOG_LEVL", "LOG_LEVEL", 1),
        ] {
            assert_eq!(distance(from.as_bytes(), to.as_bytes()), expected, "{from} {to}");
        }
    }

    #[test]
    fn a_slip_is_seen_and_a_neighbour_left_alone() {
        let known = ["LOG_LEVEL", "AUTH", "ORDER_URL", "LOG_FILE"];
        for (name, meant) in [
            ("LOG_LEVL", Some("LOG_LEVEL")),
            ("LOG_LEVLE", Some("LOG_LEVEL")),
            ("log_level", Some("LOG_LEVEL")),
            ("LOGLEVEL", Some("LOG_LEVEL")),
            ("ORDERS_URL", Some("ORDER_URL")),
            ("PATH", None),
            ("ORDER_PORT", None),
            ("LOGNAME", None),
            ("HOME", None),
        ] {
            assert_eq!(near(name, known.into_iter()), meant, "{name}");
        }
    }
}
