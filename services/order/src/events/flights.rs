//! The events that are on their way, and those that have come to something that is not noted yet.

use crate::store::outbox::Fate;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::task::{Id, JoinError, JoinSet};

/// After which an event is sent again whose sending broke off in the middle.
const AFTER_PANIC: Duration = Duration::from_mins(1);

/// All of them, by their positions in the outbox.
#[derive(Default)]
pub(super) struct Flights {
    tasks: JoinSet<Fate>,
    positions: HashMap<Id, i64>,
    fates: Vec<(i64, Fate)>,
    away_since: Option<Instant>,
}

impl Flights {
    /// Sends one off.
    pub(super) fn start(&mut self, position: i64, sending: impl Future<Output = Fate> + Send + 'static) {
        self.positions.insert(self.tasks.spawn(sending).id(), position);
    }

    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// For how long there has been nobody to take events; `None` when there is somebody.
    pub(super) fn away(&self) -> Option<Duration> {
        self.away_since.map(|since| since.elapsed())
    }

    /// Which are not to be taken again.
    pub(super) fn positions(&self) -> Vec<i64> {
        self.positions.values().copied().chain(self.fates.iter().map(|(position, _)| *position)).collect()
    }

    /// Waits until one has come to something; for ever when none is on its way.
    pub(super) async fn landed(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(joined) => self.land(joined),
            None => std::future::pending().await,
        }
    }

    /// Takes in those that have come to something.
    pub(super) fn collect(&mut self) {
        while let Some(joined) = self.tasks.try_join_next_with_id() {
            self.land(joined);
        }
    }

    /// What is to be noted.
    pub(super) fn fates(&self) -> &[(i64, Fate)] {
        &self.fates
    }

    /// It is.
    pub(super) fn settled(&mut self) {
        self.fates.clear();
    }

    fn land(&mut self, joined: Result<(Id, Fate), JoinError>) {
        let (id, fate) = joined.unwrap_or_else(|broken| {
            let error = "its sending broke off".to_owned();
            (broken.id(), Fate::Postponed { rest: AFTER_PANIC, error, refused: true })
        });
        self.learn(&fate);
        if let Some(position) = self.positions.remove(&id) {
            self.fates.push((position, fate));
        }
    }

    /// What a landing says about the receiver.
    fn learn(&mut self, fate: &Fate) {
        if let Fate::Postponed { refused: false, error, .. } = fate {
            if self.away_since.is_none() {
                tracing::warn!(%error, "order events are not delivered; they stay in the outbox");
                self.away_since = Some(Instant::now());
            }
        } else if self.away_since.take().is_some() {
            tracing::info!("order events are delivered again");
        }
    }
}
