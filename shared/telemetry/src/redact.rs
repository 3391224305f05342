//! What must never leave the process: card numbers, secrets, raw customer ids.
//!
//! Redaction happens at the source, in every signal, because nothing downstream can be trusted to do it. At the source
//! means in the process that has the value, before a byte of it is written, sent or queued for a disk.

mod card;
mod customer;
mod exposition;
mod file;
mod name;
mod ring;

pub(crate) use card::{is_card_f64, is_card_i64, is_card_u64, reads_as_card};
pub use card::{passes_luhn, scrub};
pub use customer::{CustomerRef, RefKey};
pub(crate) use exposition::scrub_labels;
pub(crate) use file::{CurrentKey, KeyFile};
pub use name::is_secret_name;
pub(crate) use name::is_secret_static;
pub use ring::{NotARing, RefRing, RingFileError};

/// What stands in the place of something that was taken out.
pub const REDACTED: &str = "[redacted]";
