//! What is current on this thread: the spans that are entered, and the parent that the next span is to have.

use crate::propagation::{Ids, RemoteContext};
use std::{
    cell::{Cell, RefCell},
    mem,
};
use tracing::{Metadata, Span, span::Id};
use tracing_core::span::Current;

thread_local! {
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    static ADOPTED: Cell<Option<RemoteContext>> = const { Cell::new(None) };
}

/// What is asked of the current span, so that nobody has to look for it.
#[derive(Clone)]
pub(crate) struct Entered {
    pub(crate) id: Id,
    pub(super) ids: Ids,
    metadata: &'static Metadata<'static>,
    /// Who asks tracing for the current span gets it.
    is_lent: bool,
}

impl Entered {
    pub(super) fn new(id: Id, ids: Ids, metadata: &'static Metadata<'static>) -> Self {
        Self { id, ids, metadata, is_lent: true }
    }

    /// As it is, but nobody gets it.
    pub(crate) fn unlent(self) -> Self {
        Self { is_lent: false, ..self }
    }
}

/// The ids of the innermost span that is entered.
pub(crate) fn ids() -> Option<Ids> {
    innermost(|entered| entered.ids)
}

pub(super) fn id() -> Option<Id> {
    innermost(|entered| entered.id.clone())
}

pub(super) fn span() -> Current {
    let lent =
        |entered: &Entered| entered.is_lent.then(|| Current::new(entered.id.clone(), entered.metadata));
    innermost(lent).flatten().unwrap_or_else(Current::none)
}

/// The innermost span that is entered, also one that is not lent.
pub(crate) fn ours() -> Span {
    let lent = lend(true);
    let span = Span::current();
    lend(lent);
    span
}

/// Whether the innermost span is lent from now on; returns whether it was.
fn lend(is_lent: bool) -> bool {
    let lend = |stack: &RefCell<Vec<Entered>>| {
        stack.borrow_mut().last_mut().is_some_and(|entered| mem::replace(&mut entered.is_lent, is_lent))
    };
    ENTERED.try_with(lend).unwrap_or_default()
}

#[inline]
fn innermost<T>(f: impl FnOnce(&Entered) -> T) -> Option<T> {
    // A thread's last spans may end when its locals are gone already.
    ENTERED.try_with(|entered| entered.borrow().last().map(f)).ok().flatten()
}

pub(crate) fn enter(entered: Entered) {
    let _ = ENTERED.try_with(|stack| stack.borrow_mut().push(entered));
}

/// Leaves a span, which need not be the innermost.
pub(crate) fn exit(id: &Id) -> Option<Ids> {
    let exit = |stack: &RefCell<Vec<Entered>>| {
        let mut stack = stack.borrow_mut();
        // Nearly always it is.
        if let Some(entered) = stack.pop_if(|entered| entered.id == *id) {
            return Some(entered.ids);
        }
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
