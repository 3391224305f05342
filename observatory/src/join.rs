//! Joining: a session event that names only a user or a terminal belongs to the session that was seen with it last.
//!
//! The record that names the session may also come a moment after the event, so an event without a known session waits
//! for it a little. What finds none is stored without a session, and counted. All tables are bounded: senders that make
//! ids up cost the sessions of others their place in them, never memory.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use crate::ingest::{Batch, Content, Input, LogRow};
use crate::metrics::Metrics;
use crate::recent::Recent;

/// A session ends for its user or terminal after so much silence.
const SILENCE: Duration = Duration::from_mins(30);
/// How long an event waits for its session.
const LATE: Duration = Duration::from_secs(2);
/// Users and terminals whose session is known.
const KNOWN: usize = 32 * 1024;
/// Memory for events that wait.
const WAITING_BYTES: usize = 4 * 1024 * 1024;
/// And their number, with those that have been joined a moment ago.
const WAITING: usize = 32 * 1024;
/// Sessions with longer ids are not remembered; a table of them would not be bounded.
const LONGEST_ID: usize = 128;
/// A session that was seen just now need not be noted as seen again.
const JUST_NOW: Duration = Duration::from_secs(1);

/// A user or a terminal: the keyed hash of its id, which is as good as the id and always as short.
type Who = u64;

#[derive(Debug)]
struct Session {
    id: String,
    seen: Instant,
}

#[derive(Debug)]
struct Waiting {
    row: LogRow,
    input: Input,
    until: Instant,
}

#[derive(Debug)]
pub(crate) struct Joiner {
    sessions: Recent<Who, Option<Session>>,
    waiting: HashMap<Who, VecDeque<Waiting>>,
    /// Who waits until when, the first first. An entry stays behind when its event is joined.
    deadlines: VecDeque<(Instant, Who)>,
    waiting_bytes: usize,
    hasher: RandomState,
    metrics: Metrics,
}

impl Joiner {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            sessions: Recent::new(KNOWN),
            waiting: HashMap::new(),
            deadlines: VecDeque::new(),
            waiting_bytes: 0,
            hasher: RandomState::new(),
            metrics,
        }
    }

    /// When there is something to store even if nothing more arrives.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(until, _)| *until)
    }

    /// Gives the batches back with their events joined, without those that have to wait, and with those that need not
    /// wait any longer.
    pub(crate) fn join(&mut self, batches: Vec<Batch>, now: Instant) -> Vec<Batch> {
        let mut ready = Vec::with_capacity(batches.len());
        for Batch { input, count, content } in batches {
            match content {
                Content::Spans(_) => ready.push(Batch { input, count, content }),
                Content::Lines(rows) => {
                    let mut released = Vec::new();
                    let rows: Vec<LogRow> = rows
                        .into_iter()
                        .filter_map(|row| self.pass(row, input, now, &mut released))
                        .collect();
                    ready.extend(released.into_iter().map(one));
                    ready.push(Batch { input, count: rows.len() as u64, content: Content::Lines(rows) });
                }
            }
        }
        ready.extend(self.expired(now).into_iter().map(one));
        ready
    }

    /// Everything that waits, at the end.
    pub(crate) fn rest(&mut self) -> Vec<Batch> {
        let last = self.deadlines.back().map(|(until, _)| *until);
        last.map_or_else(Vec::new, |last| self.expired(last).into_iter().map(one).collect())
    }

    fn pass(
        &mut self,
        mut row: LogRow,
        input: Input,
        now: Instant,
        released: &mut Vec<Waiting>,
    ) -> Option<LogRow> {
        let hash = |kind: char, id: &Option<String>| id.as_ref().map(|id| self.hasher.hash_one((kind, id)));
        let who = [hash('u', &row.user_ref), hash('t', &row.terminal_id)];
        let mut who = who.into_iter().flatten();
        if let Some(id) = &row.session_id {
            if id.len() <= LONGEST_ID {
                for who in who {
                    released.extend(self.learn(who, id, now));
                }
            }
            return Some(row);
        }
        if !row.is_event {
            return Some(row);
        }
        if let Some(id) = who.clone().find_map(|who| self.session_of(who, now)) {
            self.metrics.joined("joined", 1);
            row.session_id = Some(id);
            return Some(row);
        }
        match who.next() {
            Some(who) if self.has_room(&row) => {
                self.wait(who, Waiting { row, input, until: now + LATE });
                None
            }
            _ => {
                self.metrics.joined("not_joined", 1);
                Some(row)
            }
        }
    }

    fn session_of(&mut self, who: Who, now: Instant) -> Option<String> {
        let known = self.sessions.peek(&who)?.as_ref()?;
        if now.duration_since(known.seen) > SILENCE {
            return None;
        }
        let session = self.sessions.entry(&who, || None).as_mut()?;
        session.seen = now;
        Some(session.id.clone())
    }

    /// Notes the session, and gives back the events that waited for it.
    fn learn(&mut self, who: Who, id: &str, now: Instant) -> VecDeque<Waiting> {
        let known = self.sessions.peek(&who).and_then(Option::as_ref);
        if !known.is_some_and(|known| known.id == id && now.duration_since(known.seen) < JUST_NOW) {
            *self.sessions.entry(&who, || None) = Some(Session { id: id.to_owned(), seen: now });
        }
        let mut waited =
            if self.waiting.is_empty() { None } else { self.waiting.remove(&who) }.unwrap_or_default();
        for waiting in &mut waited {
            self.waiting_bytes -= waiting.row.weight();
            waiting.row.session_id = Some(id.to_owned());
        }
        self.metrics.joined("joined_late", waited.len() as u64);
        waited
    }

    fn has_room(&self, row: &LogRow) -> bool {
        self.waiting_bytes + row.weight() <= WAITING_BYTES && self.deadlines.len() < WAITING
    }

    fn wait(&mut self, who: Who, waiting: Waiting) {
        self.waiting_bytes += waiting.row.weight();
        self.deadlines.push_back((waiting.until, who));
        self.waiting.entry(who).or_default().push_back(waiting);
    }

    fn expired(&mut self, now: Instant) -> Vec<Waiting> {
        let mut expired = Vec::new();
        while let Some((_, who)) = self.deadlines.pop_front_if(|(until, _)| *until <= now) {
            let Some(of_who) = self.waiting.get_mut(&who) else { continue };
            if let Some(waiting) = of_who.pop_front_if(|waiting| waiting.until <= now) {
                self.waiting_bytes -= waiting.row.weight();
                expired.push(waiting);
            }
            if of_who.is_empty() {
                self.waiting.remove(&who);
            }
        }
        self.metrics.joined("not_joined", expired.len() as u64);
        expired
    }
}

fn one(waiting: Waiting) -> Batch {
    Batch { input: waiting.input, count: 1, content: Content::Lines(vec![waiting.row]) }
}

#[cfg(test)]
mod tests;
