//! The fields of a span that every line inside it repeats.

use crate::names::{attribute, field};
use std::{fmt, sync::Arc};
use tracing::field::{Field, Visit};

/// Which order, whose, from which session. Cheap to copy from a span to its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogContext {
    order_id: Option<Arc<str>>,
    customer_ref: Option<Arc<str>>,
    session_id: Option<Arc<str>>,
    customer_tier: Option<Arc<str>>,
}

impl LogContext {
    /// Name in a line and value, of those that are known.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            (field::ORDER_ID, &self.order_id),
            (field::CUSTOMER_REF, &self.customer_ref),
            (field::SESSION_ID, &self.session_id),
            (field::CUSTOMER_TIER, &self.customer_tier),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

impl Visit for LogContext {
    fn record_str(&mut self, field: &Field, value: &str) {
        let slot = match field.name() {
            attribute::ORDER_ID => &mut self.order_id,
            attribute::CUSTOMER_REF => &mut self.customer_ref,
            attribute::SESSION_ID => &mut self.session_id,
            attribute::CUSTOMER_TIER => &mut self.customer_tier,
            _ => return,
        };
        *slot = Some(value.into());
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}
