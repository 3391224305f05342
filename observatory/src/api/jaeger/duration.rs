//! Durations as Go writes them: `1.2ms`, `1h30m`.

use crate::model::Nanos;

/// `None` for what is no duration, or none that can be.
pub(super) fn parse(text: &str) -> Option<Nanos> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|char: char| char.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    (!text.is_empty()).then_some(total.round() as Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        assert_eq!(parse("1.2ms"), Some(1_200_000));
        assert_eq!(parse("1h30m"), Some(5_400_000_000_000));
        assert_eq!(parse("15µs"), Some(15_000));
        assert_eq!(parse("0s"), Some(0));
        for text in ["", "5", "ms", "-1s", "1d", "1.s2", "1e3s", "s1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
