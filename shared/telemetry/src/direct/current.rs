//! What is current on this thread: the spans that are entered, and the parent that the next span is to have.

use crate::propagation::Ids;
use opentelemetry::Context;
use std::cell::{Cell, RefCell};
use tracing::span::Id;

thread_local! {
    static ENTERED: RefCell<Vec<(Id, Ids)>> = const { RefCell::new(Vec::new()) };
    static ADOPTED: Cell<Option<Context>> = const { Cell::new(None) };
}

/// The ids of the innermost span that is entered.
pub(crate) fn ids() -> Option<Ids> {
    // A thread's last spans may end when its locals are gone already.
    ENTERED.try_with(|entered| entered.borrow().last().map(|(_, ids)| *ids)).ok().flatten()
}

pub(super) fn enter(id: &Id, ids: Ids) {
    let _ = ENTERED.try_with(|entered| entered.borrow_mut().push((id.clone(), ids)));
}

/// Leaves a span, which need not be the innermost.
pub(super) fn exit(id: &Id) -> Option<Ids> {
    let exit = |entered: &RefCell<Vec<(Id, Ids)>>| {
        let mut entered = entered.borrow_mut();
        let at = entered.iter().rposition(|(entered, _)| entered == id)?;
        Some(entered.remove(at).1)
    };
    ENTERED.try_with(exit).ok().flatten()
}

/// Says what the next span's parent is: it has to be known before the span is, because on it depends whether
/// anything of the span is recorded.
pub(crate) fn adopt(parent: Context) {
    let _ = ADOPTED.try_with(|adopted| adopted.set(Some(parent)));
}

/// The parent that was said and not taken yet.
pub(crate) fn take_adopted() -> Option<Context> {
    ADOPTED.try_with(Cell::take).ok().flatten()
}
