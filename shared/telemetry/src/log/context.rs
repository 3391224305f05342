//! The fields of a span that every line inside it repeats.

use crate::{
    names::{attribute, field},
    propagation::Ids,
    redact::scrub,
};
use std::{fmt, sync::Arc};
use tracing::field::{Field, Visit};

/// What the span around an event says of it: both from the same one.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) ids: Option<Ids>,
    pub(crate) known: LogContext,
}

/// Which order, whose, from which session. A child shares its parent's until it learns more.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogContext(Option<Arc<Known>>);

#[derive(Clone, Debug, Default)]
struct Known {
    order_id: Option<Arc<str>>,
    customer_ref: Option<Arc<str>>,
    session_id: Option<Arc<str>>,
    customer_tier: Option<Arc<str>>,
}

impl LogContext {
    /// Whether a span's field of that name is one of them.
    pub(crate) fn has(field: &str) -> bool {
        [attribute::ORDER_ID, attribute::CUSTOMER_REF, attribute::SESSION_ID, attribute::CUSTOMER_TIER]
            .contains(&field)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Name in a line and value, of those that are known.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().flat_map(|known| {
            [
                (field::ORDER_ID, &known.order_id),
                (field::CUSTOMER_REF, &known.customer_ref),
                (field::SESSION_ID, &known.session_id),
                (field::CUSTOMER_TIER, &known.customer_tier),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        })
    }

    fn known(&mut self) -> &mut Known {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl Visit for LogContext {
    fn record_str(&mut self, field: &Field, value: &str) {
        let slot = match field.name() {
            attribute::ORDER_ID => &mut self.known().order_id,
            attribute::CUSTOMER_REF => &mut self.known().customer_ref,
            attribute::SESSION_ID => &mut self.known().session_id,
            attribute::CUSTOMER_TIER => &mut self.known().customer_tier,
            _ => return,
        };
        *slot = Some(scrub(value).into());
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}
