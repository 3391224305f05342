//! One line: `name{labels} value timestamp # {labels} value timestamp`.

/// A measured value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// With its suffix, such as `_bucket`.
    pub name: String,
    /// In the order they came.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
    /// Seconds since the Unix epoch; rarely given.
    pub timestamp: Option<f64>,
    /// A single observation behind the value.
    pub exemplar: Option<SampleExemplar>,
}

/// An observation with labels of its own, such as `trace_id`.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleExemplar {
    /// In the order they came.
    pub labels: Vec<(String, String)>,
    /// The observed value.
    pub value: f64,
    /// Seconds since the Unix epoch.
    pub timestamp: Option<f64>,
}

/// `None` for a line that is no sample.
pub(super) fn parse(line: &str) -> Option<Sample> {
    let (name, rest) = name(line)?;
    let (labels, rest) = if rest.starts_with('{') { labels(rest)? } else { (Vec::new(), rest) };
    let rest = rest.strip_prefix(' ')?;
    let (numbers, exemplar) = match rest.split_once(" # ") {
        Some((numbers, exemplar)) => (numbers, Some(parse_exemplar(exemplar)?)),
        None => (rest, None),
    };
    let (value, timestamp) = value_and_timestamp(numbers)?;
    Some(Sample { name: name.to_owned(), labels, value, timestamp, exemplar })
}

fn parse_exemplar(text: &str) -> Option<SampleExemplar> {
    let (labels, rest) = labels(text)?;
    let (value, timestamp) = value_and_timestamp(rest.strip_prefix(' ')?)?;
    Some(SampleExemplar { labels, value, timestamp })
}

fn value_and_timestamp(text: &str) -> Option<(f64, Option<f64>)> {
    let mut numbers = text.split(' ');
    let value = number(numbers.next()?)?;
    let timestamp = match numbers.next() {
        Some(timestamp) => Some(number(timestamp)?),
        None => None,
    };
    numbers.next().is_none().then_some((value, timestamp))
}

/// Rust reads `+Inf` and `NaN` as OpenMetrics writes them, but also `infinity`, which no exposition has.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|_| !text.to_ascii_lowercase().contains("infinity"))
}

/// A metric or label name, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == ':';
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    name.starts_with(|first: char| !first.is_ascii_digit()).then_some((name, rest))
}

type Labels = Vec<(String, String)>;

/// `{a="b",c="d"}`, and what follows it.
fn labels(text: &str) -> Option<(Labels, &str)> {
    let mut rest = text.strip_prefix('{')?;
    let mut labels = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        if !labels.is_empty() {
            rest = rest.strip_prefix(',')?;
        }
        let (label, after) = name(rest)?;
        let (value, after) = quoted(after.strip_prefix("=\"")?)?;
        labels.push((label.to_owned(), value));
        rest = after;
    }
}

/// A value up to its closing quote, with `\\`, `\"` and `\n` resolved, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                // As the specification asks: a backslash before anything else is a backslash.
                other => value.extend(['\\', other]),
            },
            char => value.push(char),
        }
    }
}
