use time::OffsetDateTime;
use time::macros::format_description;

/// Nanoseconds since the Unix epoch.
pub type Nanos = u64;

/// The present.
pub fn now() -> Nanos {
    Nanos::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos()).unwrap_or_default()
}

/// RFC 3339 in UTC with exactly six fractional digits: `2026-11-22T10:11:12.131415Z`.
pub fn rfc3339(time: Nanos) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    // A `u64` of nanoseconds ends in the year 2554, well within what dates hold.
    let time =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(time)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_six_digits() {
        assert_eq!(rfc3339(1_795_342_272_131_415_999), "2026-11-22T10:11:12.131415Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(Nanos::MAX), "2554-07-21T23:34:33.709551Z");
    }
}
