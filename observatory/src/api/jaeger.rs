//! Jaeger's query API, so that Grafana's Jaeger data source, and whatever else reads Jaeger, works on this
//! store.

mod duration;
mod form;
mod params;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::AppState;
use crate::model::TraceId;
use crate::say::{Severity, say};
use crate::store::StoreError;
use form::{Dependency, Operation};
use params::Params;

/// What every answer is wrapped in. Jaeger fills in `total` for names only, and never `limit` and `offset`.
#[derive(Serialize)]
struct Envelope<T> {
    data: T,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<Vec<Reason>>,
}

#[derive(Debug, Serialize)]
struct Reason {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    trace_id: Option<TraceId>,
}

fn answer(data: impl Serialize, total: usize) -> Response {
    Json(Envelope { data, total, limit: 0, offset: 0, errors: None }).into_response()
}

/// An error in Jaeger's form.
#[derive(Debug)]
pub(super) struct Error(StatusCode, String);

impl Error {
    fn bad_request(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        say(Severity::Error, "a query failed", &json!({"error": error.to_string()}));
        Self(StatusCode::INTERNAL_SERVER_ERROR, "the store cannot be read".to_owned())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Self(status, msg) = self;
        let errors = Some(vec![Reason { code: Some(status.as_u16()), msg, trace_id: None }]);
        (status, Json(Envelope { data: (), total: 0, limit: 0, offset: 0, errors })).into_response()
    }
}

pub(super) async fn services(State(state): State<AppState>) -> Result<Response, Error> {
    let services = state.store.services().await?;
    let total = services.len();
    Ok(answer(services, total))
}

/// The older of two ways to ask: names only, each once whatever kinds it has.
pub(super) async fn operation_names(
    State(state): State<AppState>,
    Path(service): Path<String>,
) -> Result<Response, Error> {
    let mut names: Vec<_> =
        state.store.operations(&service).await?.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    let total = names.len();
    Ok(answer(names, total))
}

pub(super) async fn operations(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let params = Params::read(query.as_deref())?;
    let Some(service) = params.text("service") else {
        return Err(Error::bad_request("parameter 'service' is required"));
    };
    let wanted = params.text("spanKind");
    let operations: Vec<_> = state
        .store
        .operations(service)
        .await?
        .into_iter()
        .filter(|(_, kind)| wanted.is_none_or(|wanted| wanted == kind.name()))
        .map(|(name, kind)| Operation { name, span_kind: kind.name() })
        .collect();
    let total = operations.len();
    Ok(answer(operations, total))
}

/// By ids, or by what the traces contain. Unlike Jaeger, this store can search all services at once.
pub(super) async fn find(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let params = Params::read(query.as_deref())?;
    let ids = params.trace_ids()?;
    if ids.is_empty() {
        let found = state.store.find_whole_traces(params.search()?).await?;
        return Ok(answer(found.iter().map(form::trace).collect::<Vec<_>>(), 0));
    }
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for id in ids {
        match state.store.trace(id).await? {
            Some(trace) => found.push(trace),
            None => errors.push(Reason { code: None, msg: "trace not found".to_owned(), trace_id: Some(id) }),
        }
    }
    let errors = (!errors.is_empty()).then_some(errors);
    let data: Vec<_> = found.iter().map(form::trace).collect();
    Ok(Json(Envelope { data, total: 0, limit: 0, offset: 0, errors }).into_response())
}

pub(super) async fn trace(State(state): State<AppState>, Path(id): Path<String>) -> Result<Response, Error> {
    let id = params::trace_id(&id).ok_or_else(|| Error::bad_request(format!("'{id}' is not a trace id")))?;
    match state.store.trace(id).await? {
        Some(trace) => Ok(answer([form::trace(&trace)], 0)),
        None => Err(Error(StatusCode::NOT_FOUND, "trace not found".to_owned())),
    }
}

pub(super) async fn dependencies(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let (end, lookback) = Params::read(query.as_deref())?.end_and_lookback()?;
    let calls = state.store.dependencies(end, lookback).await?;
    let calls = calls.into_iter().map(|(parent, child, call_count)| Dependency { parent, child, call_count });
    Ok(answer(calls.collect::<Vec<_>>(), 0))
}
