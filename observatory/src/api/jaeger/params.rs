//! Jaeger's query parameters, with Jaeger's words for what is wrong with them.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;

use super::{Error, duration};
use crate::model::{Nanos, TraceId, TraceQuery, now};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1500;
const DEFAULT_LOOKBACK: Nanos = 2 * 24 * 3600 * 1_000_000_000;
const DEFAULT_DEPENDENCY_LOOKBACK: Nanos = 24 * 3600 * 1_000_000_000;
const MICROSECOND: Nanos = 1_000;
const MILLISECOND: Nanos = 1_000_000;

/// The parameters as they came; a name may come more than once.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Error> {
        let unreadable = || Error::bad_request("malformed query string");
        let uri: Uri = format!("/?{}", query.unwrap_or_default()).parse().map_err(|_| unreadable())?;
        let Query(pairs) = Query::try_from_uri(&uri).map_err(|_| unreadable())?;
        Ok(Self(pairs))
    }

    /// The first of that name; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn trace_ids(&self) -> Result<Vec<TraceId>, Error> {
        let read =
            |id| trace_id(id).ok_or_else(|| Error::bad_request(format!("cannot parse traceID param: {id}")));
        self.all("traceID").map(read).collect()
    }

    pub(super) fn search(&self) -> Result<TraceQuery, Error> {
        let (min_duration, max_duration) = (self.duration("minDuration")?, self.duration("maxDuration")?);
        if let (Some(min), Some(max)) = (min_duration, max_duration)
            && max < min
        {
            return Err(Error::bad_request("'maxDuration' should be greater than 'minDuration'"));
        }
        let end = self.units("end", MICROSECOND)?;
        let start = match self.units("start", MICROSECOND)? {
            Some(start) => start,
            None => end.unwrap_or_else(now).saturating_sub(self.lookback()?),
        };
        Ok(TraceQuery {
            service: self.text("service").map(str::to_owned),
            operation: self.text("operation").map(str::to_owned),
            tags: self.tags()?,
            min_duration: min_duration.filter(|duration| *duration > 0),
            max_duration: max_duration.filter(|duration| *duration > 0),
            start: Some(start),
            end,
            errors_only: false,
            limit: self.limit()?,
        })
    }

    /// The end and the length of the time that dependencies are asked for.
    pub(super) fn end_and_lookback(&self) -> Result<(Nanos, Nanos), Error> {
        let end = self.units("endTs", MILLISECOND)?.unwrap_or_else(now);
        Ok((end, self.units("lookback", MILLISECOND)?.unwrap_or(DEFAULT_DEPENDENCY_LOOKBACK)))
    }

    /// What Jaeger's page sends next to `start`: `1h`, `2d`, or `custom`.
    fn lookback(&self) -> Result<Nanos, Error> {
        let Some(text) = self.text("lookback").filter(|text| *text != "custom") else {
            return Ok(DEFAULT_LOOKBACK);
        };
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
        days.map(|days| Nanos::from(days) * 24 * 3600 * 1_000_000_000)
            .or_else(|| duration::parse(text))
            .ok_or_else(|| unable("lookback", text))
    }

    fn limit(&self) -> Result<usize, Error> {
        let Some(text) = self.text("limit") else { return Ok(DEFAULT_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| unable("limit", &format!("{text} is not a number from 1 to {MAX_LIMIT}")))
    }

    fn duration(&self, name: &str) -> Result<Option<Nanos>, Error> {
        self.text(name).map(|text| duration::parse(text).ok_or_else(|| unable(name, text))).transpose()
    }

    /// A number of units, or an instant in units since the epoch.
    fn units(&self, name: &str, unit: Nanos) -> Result<Option<Nanos>, Error> {
        let read = |text: &str| text.parse::<Nanos>().map_err(|_| unable(name, text));
        Ok(self.text(name).map(read).transpose()?.map(|count| count.saturating_mul(unit)))
    }

    /// `tag=key:value`, any number of them, and `tags={"key":"value"}`.
    fn tags(&self) -> Result<Vec<(String, String)>, Error> {
        let mut tags = Vec::new();
        for tag in self.all("tag") {
            let (key, value) = tag.split_once(':').ok_or_else(|| {
                Error::bad_request(format!("malformed 'tag' parameter, expecting key:value, received: {tag}"))
            })?;
            tags.push((key.to_owned(), value.to_owned()));
        }
        for json in self.all("tags").filter(|json| !json.is_empty()) {
            let map: BTreeMap<String, String> = serde_json::from_str(json).map_err(|error| {
                Error::bad_request(format!("malformed 'tags' parameter, cannot unmarshal JSON: {error}"))
            })?;
            tags.extend(map);
        }
        Ok(tags)
    }
}

fn unable(name: &str, problem: &str) -> Error {
    Error::bad_request(format!("unable to parse param '{name}': {problem}"))
}

/// Jaeger leaves out leading zeros.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    if text.is_empty() { None } else { format!("{text:0>32}").parse().ok() }
}
