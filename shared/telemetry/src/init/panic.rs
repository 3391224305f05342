//! A panic as a log line, within the trace it happened in, and not as raw text.

use std::{
    any::Any,
    panic::{PanicHookInfo, set_hook},
    thread,
};

/// For all threads of this process. `afterwards` may say it in another way, too.
pub(crate) fn log_panics(afterwards: impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static) {
    set_hook(Box::new(move |panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current();
        tracing::error!(
            error_type = "panic",
            location,
            thread = thread.name().unwrap_or_default(),
            "panicked: {}",
            words(panic.payload())
        );
        afterwards(panic);
    }));
}

fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
