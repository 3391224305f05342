//! The audit log of this service: delivery, and the acts of operators (docs/AUDIT.md).
//!
//! | module | what |
//! |---|---|
//! | `relay` | delivers entries, in their order and at least once |
//! | `target` | where to: a file, or a collector over HTTP |
//! | [`office`] | forgetting a customer, and rotating the key of references, on the admin port |
//! | [`operator`] | who asks there |

pub mod office;
pub mod operator;
mod relay;
mod target;

pub use relay::AuditRelay;
pub use target::AuditTarget;
