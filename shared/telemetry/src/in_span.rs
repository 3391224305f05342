//! A future in its span: what tracing's `Instrument` does, without asking the subscriber anew at every poll.
//!
//! An order's futures are polled some 110 times. The direct pipeline is asked once which span that is; a poll then
//! only tells its own thread. With the standard pipeline, or with none, it is the same as `Instrument`.

use crate::direct::{
    self,
    current::{self, Entered},
};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tracing::{Span, span};

pin_project! {
    /// See the module.
    pub(crate) struct InSpan<F> {
        // `None` when it is over.
        #[pin]
        work: Option<F>,
        span: Span,
        // `None` where the direct pipeline is not the one in use.
        entered: Option<Entered>,
    }

    impl<F> PinnedDrop for InSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.work.is_some() {
                {
                    let _inside = Inside::new(this.span, this.entered.as_ref());
                    this.work.set(None);
                }
                direct::left(this.span, this.entered.as_ref());
            }
        }
    }
}

impl<F> InSpan<F> {
    /// `work` in `span`, and dropped in it.
    pub(crate) fn new(span: Span, work: F) -> Self {
        Self { work: Some(work), entered: direct::entered(&span), span }
    }

    /// As [`InSpan::new`], but the direct pipeline does not give `span` to those who ask tracing for the current one:
    /// a library that takes it along to its own thread costs more there than all the rest of the span. Lines, children
    /// and what is said of the current span by [`crate::span`] are in it all the same.
    pub(crate) fn unlent(span: Span, work: F) -> Self {
        let entered = direct::entered(&span).map(Entered::unlent);
        Self { work: Some(work), entered, span }
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let inside = Inside::new(this.span, this.entered.as_ref());
        let Some(work) = this.work.as_mut().as_pin_mut() else {
            debug_assert!(false, "like any future, it must not be polled when it is over");
            return Poll::Pending;
        };
        let polled = work.poll(context);
        if polled.is_ready() {
            this.work.set(None);
            drop(inside);
            direct::left(this.span, this.entered.as_ref());
        }
        polled
    }
}

/// While it lasts, the span is the current one of this thread.
enum Inside<'a> {
    Direct(&'a Entered),
    Other { _entered: span::Entered<'a> },
}

impl<'a> Inside<'a> {
    #[inline]
    fn new(span: &'a Span, entered: Option<&'a Entered>) -> Self {
        match entered {
            Some(entered) => {
                current::enter(entered.clone());
                Self::Direct(entered)
            }
            None => Self::Other { _entered: span.enter() },
        }
    }
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Self::Direct(entered) = self {
            current::exit(&entered.id);
        }
    }
}
