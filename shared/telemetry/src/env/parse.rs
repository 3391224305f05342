//! From what a variable holds to what it means; `None` for what won't do.

use std::{ops::RangeBounds, str::FromStr, time::Duration};

/// Whatever has a form of text.
pub fn value<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A number of this range.
pub fn within<T: FromStr + PartialOrd>(range: impl RangeBounds<T>) -> impl FnOnce(&str) -> Option<T> {
    move |text| value(text).filter(|number| range.contains(number))
}

/// A time, as a whole number of milliseconds of this range.
pub fn millis(range: impl RangeBounds<u64>) -> impl FnOnce(&str) -> Option<Duration> {
    move |text| within(range)(text).map(Duration::from_millis)
}

/// A share, from 0 to 1.
pub fn share(text: &str) -> Option<f64> {
    within(0.0..=1.0)(text)
}

/// Several, comma separated. One that won't do spoils all.
pub fn list<T>(text: &str, parse: impl FnMut(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect()
}
