//! The open spans of the process: slots that are used again, which an id leads to at once.
//!
//! A thread opens spans in a part of its own. Whoever has a span of another thread's locks that thread's part, for a few
//! instructions: nothing that a caller brings along runs under a lock.

use super::{
    recording::SpanState,
    shard::{SHARDS, Shards, own_shard},
};
use tracing::span::Id;

pub(super) struct Spans {
    shards: Shards<Slots>,
}

#[derive(Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Slot {
    /// The id of the span that is in it, or was. An older span's leads nowhere.
    id: u64,
    handles: usize,
    span: Option<SpanState>,
}

impl Spans {
    pub(super) fn new() -> Self {
        Self { shards: Shards::new() }
    }

    /// Keeps `span`, with one handle to it. `None` when there is no room, for more spans than any memory holds.
    #[inline]
    pub(super) fn open(&self, span: SpanState) -> Option<Id> {
        let own = own_shard();
        let mut slots = self.shards.get(own)?;
        let at = slots.free.pop().unwrap_or(slots.all.len());
        let place = u32::try_from(at * SHARDS + own).ok()?;
        if at == slots.all.len() {
            slots.all.push(Slot::default());
        }
        let slot = slots.all.get_mut(at)?;
        // Upper half: how often the slot has been used, never zero. Lower half: where it is.
        let used = (slot.id >> 32) as u32;
        slot.id = u64::from(used.wrapping_add(1).max(1)) << 32 | u64::from(place);
        slot.handles = 1;
        slot.span = Some(span);
        Some(Id::from_u64(slot.id))
    }

    /// Shows `f` a span. `f` must neither log nor touch a span: a part of them is locked.
    #[inline]
    pub(super) fn with<T>(&self, id: &Id, f: impl FnOnce(&mut SpanState) -> T) -> Option<T> {
        self.slot(id, |slot, _| slot.span.as_mut().map(f))
    }

    /// One handle more.
    pub(super) fn hold(&self, id: &Id) {
        self.slot(id, |slot, _| {
            slot.handles += 1;
            Some(())
        });
    }

    /// One handle less. If that was the last, the span is over, and what `take` takes from it is returned. See
    /// [`Spans::with`].
    #[inline]
    pub(super) fn release<T>(&self, id: &Id, take: impl FnOnce(&mut SpanState) -> T) -> Option<T> {
        self.slot(id, |slot, free| {
            slot.handles = slot.handles.saturating_sub(1);
            if slot.handles > 0 {
                return None;
            }
            let taken = take(slot.span.as_mut()?);
            slot.span = None;
            free.push(place(id).0);
            Some(taken)
        })
    }

    #[inline]
    fn slot<T>(&self, id: &Id, f: impl FnOnce(&mut Slot, &mut Vec<usize>) -> Option<T>) -> Option<T> {
        let (at, shard) = place(id);
        let mut slots = self.shards.get(shard)?;
        let Slots { all, free } = &mut *slots;
        let slot = all.get_mut(at).filter(|slot| slot.id == id.into_u64())?;
        f(slot, free)
    }
}

/// The slot and the shard.
fn place(id: &Id) -> (usize, usize) {
    let low = id.into_u64() as u32 as usize;
    (low / SHARDS, low % SHARDS)
}
