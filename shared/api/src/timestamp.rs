//! Points in time: RFC 3339 in UTC with exactly six fractional digits, so that texts sort as times do.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::Invalid;

/// A point in time, to the microsecond. Written `2026-11-22T10:11:12.131415Z`; stored as microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(value_type = String, format = DateTime, examples("2026-11-22T10:11:12.131415Z"))
)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// Now, by this machine's clock.
    pub fn now() -> Self {
        Self::cut(OffsetDateTime::now_utc())
    }

    /// From microseconds since 1970, as stored. Fails outside the years −9999 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self, Invalid> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
            .map(Self)
            .map_err(|_| Invalid("a time lies between the years -9999 and 9999"))
    }

    /// Microseconds since 1970, to be stored.
    pub fn as_micros(self) -> i64 {
        (self.0.unix_timestamp_nanos() / 1_000) as i64
    }

    fn cut(at: OffsetDateTime) -> Self {
        Self(at.replace_microsecond(at.microsecond()).unwrap_or(at))
    }
}

/// From a database's own type for it.
impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        Self::cut(at.to_offset(UtcOffset::UTC))
    }
}

/// To a database's own type for it.
impl From<Timestamp> for OffsetDateTime {
    fn from(at: Timestamp) -> Self {
        at.0
    }
}

/// Never above the years a time can have.
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let span = time::Duration::try_from(span).unwrap_or(time::Duration::MAX);
        Self::cut(self.0.saturating_add(span))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
        f.write_str(&self.0.format(format).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    /// Takes any RFC 3339 time; what is finer than a microsecond is cut off.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|at| at.checked_to_offset(UtcOffset::UTC))
            .map(Self::cut)
            .ok_or(Invalid("a time is written as RFC 3339 has it, such as 2026-11-22T10:11:12.131415Z"))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_with_six_digits_and_z() {
        let at = Timestamp::from_micros(1_795_342_272_130_000).unwrap();
        assert_eq!(at.to_string(), "2026-11-22T10:11:12.130000Z");
        assert_eq!(at.as_micros(), 1_795_342_272_130_000);
        assert_eq!("2026-11-22T11:11:12.1300009+01:00".parse(), Ok(at));
    }

    #[test]
    fn later() {
        let at = Timestamp::from_micros(1_000_000).unwrap();
        assert_eq!((at + Duration::from_millis(1)).as_micros(), 1_001_000);
        assert!(at + Duration::MAX > at);
        assert_eq!(Timestamp::from(OffsetDateTime::from(at)), at);
    }

    #[test]
    fn nothing_else_is_taken() {
        for text in ["", "2026-11-22", "2026-11-22T10:11:12", "yesterday", "2026-13-22T10:11:12Z"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
