//! Room for requests while they are read and decoded: their bytes as they arrive, and what they become in memory before it
//! is made. The queue bounds what waits; this bounds what is on its way there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::Refused;

/// Bytes for all requests together.
const ROOM: usize = 64 * 1024 * 1024;
/// Bytes for one: more it never gets, however often it is sent.
const REQUEST: usize = ROOM / 2;
/// The most records in a request.
pub(crate) const MAX_RECORDS: usize = 10_000;
/// A sender that sends slowly keeps others' room.
const READING: Duration = Duration::from_secs(20);

/// The room of all requests; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

/// What one request takes of the room, given back with the last clone.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    room: Room,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    permit: Option<OwnedSemaphorePermit>,
    was_full: bool,
}

impl Held {
    pub(super) fn new(room: Room) -> Self {
        Self { room, taken: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for so many bytes more.
    pub(super) fn take(&self, bytes: usize) -> Result<(), Refused> {
        let mut taken = self.lock();
        if taken.weight().saturating_add(bytes) > REQUEST {
            return Err(Refused::TooLarge);
        }
        let Ok(more) = Arc::clone(&self.room.0).try_acquire_many_owned(bytes as u32) else {
            taken.was_full = true;
            return Err(Refused::Full);
        };
        match &mut taken.permit {
            Some(permit) => permit.merge(more),
            None => taken.permit = Some(more),
        }
        Ok(())
    }

    pub(super) fn weight(&self) -> usize {
        self.lock().weight()
    }

    /// Whether the request could not be read for want of room.
    pub(super) fn was_full(&self) -> bool {
        self.lock().was_full
    }

    /// The body, whose bytes take room as they arrive. One that has not arrived in time ends with an error.
    pub(super) fn body(&self, body: Body) -> Body {
        let held = self.clone();
        let until = Instant::now() + READING;
        Body::from_stream(stream::try_unfold(body.into_data_stream(), move |mut data| {
            let held = held.clone();
            async move {
                let next = timeout_at(until, data.next()).await.map_err(axum::Error::new)?;
                let Some(bytes) = next.transpose()? else { return Ok(None) };
                held.take(bytes.len()).map_err(axum::Error::new)?;
                Ok::<_, axum::Error>(Some((bytes, data)))
            }
        }))
    }

    /// All of the body; `None` when it ended early.
    pub(super) async fn read(&self, body: Body, limit: usize) -> Result<Option<Vec<u8>>, Refused> {
        let mut all = Vec::new();
        let mut data = self.body(body).into_data_stream();
        while let Some(bytes) = data.next().await {
            match bytes {
                Ok(bytes) if all.len() + bytes.len() > limit => return Err(Refused::TooLarge),
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(_) if self.was_full() => return Err(Refused::Full),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(all))
    }
}

impl Taken {
    fn weight(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

/// Middleware: gives the request a [`Held`], and takes room for its body.
pub(crate) async fn hold(State(room): State<Room>, mut request: Request, next: Next) -> Response {
    let held = Held::new(room);
    request.extensions_mut().insert(held.clone());
    next.run(request.map(|body| held.body(body))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_and_one_request_never_has_all() {
        let room = Room::default();
        let held: Vec<_> = (0..2).map(|_| Held::new(room.clone())).collect();
        for held in &held {
            held.take(REQUEST - 1).unwrap();
            held.take(1).unwrap();
            assert_eq!((held.take(1), held.weight()), (Err(Refused::TooLarge), REQUEST));
        }
        let late = Held::new(room.clone());
        assert_eq!((late.take(1), late.was_full()), (Err(Refused::Full), true));
        drop(held);
        assert_eq!(late.take(REQUEST), Ok(()));
    }
}
