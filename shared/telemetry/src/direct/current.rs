//! What is current on this thread: the spans that are entered, and the parent that the next span is to have.

use crate::propagation::{Ids, RemoteContext};
use std::cell::{Cell, RefCell};
use tracing::{Metadata, span::Id};
use tracing_core::span::Current;

thread_local! {
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    static ADOPTED: Cell<Option<RemoteContext>> = const { Cell::new(None) };
}

/// What is asked of the current span, so that nobody has to look for it.
struct Entered {
    id: Id,
    metadata: &'static Metadata<'static>,
    ids: Ids,
}

/// The ids of the innermost span that is entered.
pub(crate) fn ids() -> Option<Ids> {
    innermost(|entered| entered.ids)
}

pub(super) fn id() -> Option<Id> {
    innermost(|entered| entered.id.clone())
}

pub(super) fn span() -> Current {
    innermost(|entered| Current::new(entered.id.clone(), entered.metadata)).unwrap_or_else(Current::none)
}

#[inline]
fn innermost<T>(f: impl FnOnce(&Entered) -> T) -> Option<T> {
    // A thread's last spans may end when its locals are gone already.
    ENTERED.try_with(|entered| entered.borrow().last().map(f)).ok().flatten()
}

pub(super) fn enter(id: &Id, metadata: &'static Metadata<'static>, ids: Ids) {
    let entered = Entered { id: id.clone(), metadata, ids };
    let _ = ENTERED.try_with(|stack| stack.borrow_mut().push(entered));
}

/// Leaves a span, which need not be the innermost.
pub(super) fn exit(id: &Id) -> Option<Ids> {
    let exit = |stack: &RefCell<Vec<Entered>>| {
        let mut stack = stack.borrow_mut();
        let at = stack.iter().rposition(|entered| entered.id == *id)?;
        Some(stack.remove(at).ids)
    };
    ENTERED.try_with(exit).ok().flatten()
}

/// Says what the next span's parent is: it has to be known before the span is, because on it depends whether
/// anything of the span is recorded.
pub(crate) fn adopt(parent: RemoteContext) {
    let _ = ADOPTED.try_with(|adopted| adopted.set(Some(parent)));
}

/// The parent that was said and not taken yet.
pub(crate) fn take_adopted() -> Option<RemoteContext> {
    ADOPTED.try_with(Cell::take).ok().flatten()
}
