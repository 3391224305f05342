//! Events that nobody takes: they come from the relay, and from the receivers of a stream; people list them and have
//! them sent again, on the admin port.

use super::{OutboxSignal, backlog::DeadLetters};
use crate::{
    audit::operator::Operator,
    store::{
        Store,
        outbox::{DeadLetter, Outbox},
    },
};
use api::{
    problem::{FieldError, ProblemKind},
    timestamp::Timestamp,
};
use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use service_kit::{
    error::ApiError,
    events::nats::{self, NatsServer},
    extract::{ApiPath, ApiQuery},
    shutdown::Shutdown,
};
use uuid::Uuid;

const DEFAULT_LIMIT: u32 = 100;
const MOST_LIMIT: u32 = 1000;

/// Keeps what the receivers of a stream give up, until `stop`.
pub(super) async fn take(server: &NatsServer, outbox: Outbox, count: DeadLetters, stop: Shutdown) {
    let keep = move |letter: nats::DeadLetter| {
        let (outbox, count) = (outbox.clone(), count.clone());
        async move {
            let Some(letter) = kept(letter) else {
                tracing::error!("a dead letter is no event of an order; it is dropped");
                return Ok(());
            };
            outbox.bury(&letter).await.map(|()| count.inc())
        }
    };
    nats::take_dead_letters(server, keep, stop).await;
}

fn kept(letter: nats::DeadLetter) -> Option<DeadLetter> {
    let event = letter.event;
    Some(DeadLetter {
        event_id: event.id.parse().ok()?,
        order_id: event.subject?.parse().ok()?,
        kind: event.kind,
        context: letter.context,
        created_at: event.time.unwrap_or_else(Timestamp::now),
        attempts: letter.attempts,
        last_error: letter.error,
        died_at: Timestamp::now(),
    })
}

/// The routes of the admin port:
///
/// | | |
/// |---|---|
/// | `GET /admin/dead-letters?limit=` | oldest first, 100 unless told otherwise, at most 1000 |
/// | `POST /admin/dead-letters/{event_id}/replay` | `{"replayed": 1}`, or 404 |
/// | `POST /admin/dead-letters/replay` | all of them: `{"replayed": 17}` |
///
/// `X-Operator` says who asks.
pub fn router(store: Store, signal: OutboxSignal) -> Router {
    Router::new()
        .route("/admin/dead-letters", get(list))
        .route("/admin/dead-letters/replay", post(replay_all))
        .route("/admin/dead-letters/{event_id}/replay", post(replay))
        .with_state(Office { store, signal })
}

#[derive(Clone)]
struct Office {
    store: Store,
    signal: OutboxSignal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    limit: Option<u32>,
}

#[derive(Serialize)]
struct Letters {
    dead_letters: Vec<Letter>,
}

#[derive(Serialize)]
struct Letter {
    event_id: Uuid,
    order_id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    trace_id: Option<String>,
    created_at: Timestamp,
    died_at: Timestamp,
    attempts: u32,
    last_error: String,
}

#[derive(Serialize)]
struct Replayed {
    replayed: u64,
}

async fn list(
    State(office): State<Office>,
    ApiQuery(parameters): ApiQuery<Parameters>,
) -> Result<Json<Letters>, ApiError> {
    let limit = parameters.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MOST_LIMIT).contains(&limit) {
        let error = FieldError::new("/limit", "a limit is a whole number from 1 to 1000");
        return Err(ApiError::invalid(vec![error]));
    }
    let letters = office.store.outbox().dead_letters(limit).await?;
    Ok(Json(Letters { dead_letters: letters.into_iter().map(Letter::from).collect() }))
}

async fn replay_all(
    State(office): State<Office>,
    Operator(actor): Operator,
) -> Result<Json<Replayed>, ApiError> {
    let replayed = office.store.replay(None, actor).await?;
    tracing::info!(count = replayed, "dead letters are sent again");
    office.signal.wake();
    Ok(Json(Replayed { replayed }))
}

async fn replay(
    State(office): State<Office>,
    Operator(actor): Operator,
    ApiPath(event_id): ApiPath<Uuid>,
) -> Result<Json<Replayed>, ApiError> {
    let replayed = office.store.replay(Some(event_id), actor).await?;
    if replayed == 0 {
        return Err(ApiError::new(ProblemKind::NotFound, "no dead letter has this event id"));
    }
    tracing::info!(count = replayed, "dead letters are sent again");
    office.signal.wake();
    Ok(Json(Replayed { replayed }))
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Self {
        Self {
            event_id: letter.event_id,
            order_id: letter.order_id,
            kind: letter.kind,
            trace_id: letter.context.trace_id(),
            created_at: letter.created_at,
            died_at: letter.died_at,
            attempts: letter.attempts,
            last_error: letter.last_error,
        }
    }
}
