//! What the services say to each other and to the world: ids, values that cannot hold bad data, request and
//! answer bodies, problem documents, events. No web framework and no telemetry: a body is a body on any transport.

pub mod batch;
pub mod card;
pub mod customer;
pub mod decode;
pub mod event;
pub mod ids;
pub mod inventory;
pub mod items;
pub mod money;
pub mod order;
pub mod payment;
pub mod problem;
pub mod timestamp;

/// A value that its type does not take. The text says what the type takes and never repeats the value, which may
/// be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(crate) &'static str);

impl Invalid {
    /// `takes` says what the type takes.
    pub const fn new(takes: &'static str) -> Self {
        Self(takes)
    }
}
