//! The properties that the values promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod card;
mod decode;
mod money;
mod order;
