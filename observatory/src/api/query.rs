//! Query parameters of our own API. Unknown, repeated and unreadable ones are refused, each with its name.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::problem::Problem;
use crate::model::Nanos;

/// The parameters of a request that have not been taken yet.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|_| Problem::bad_request("the query string cannot be read"))?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// The text of a parameter; an empty one counts as absent, as forms send them.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.0.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(Problem::bad_request(format!("{name}: given more than once")));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// A parameter that `read` understands; `takes` says what that is.
    pub(super) fn parse<T>(
        &mut self,
        name: &str,
        takes: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        read(&text).map(Some).ok_or_else(|| Problem::bad_request(format!("{name}: takes {takes}")))
    }

    /// An instant in RFC 3339.
    pub(super) fn instant(&mut self, name: &str) -> Result<Option<Nanos>, Problem> {
        self.parse(name, "an RFC 3339 time such as 2026-11-22T10:11:12Z", |text| {
            Nanos::try_from(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos()).ok()
        })
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.0.first() {
            Some((name, _)) => Err(Problem::bad_request(format!("{name}: no such parameter"))),
            None => Ok(()),
        }
    }
}
