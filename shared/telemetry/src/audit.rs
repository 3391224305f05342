//! The audit log: who did what, and when, in entries that cannot be changed unseen (`docs/AUDIT.md`).
//!
//! | what | for |
//! |---|---|
//! | [`Auditor`] | turns an [`Act`] into the next [`Entry`] of the chain |
//! | [`Verifier`] | reads a chain and names the first entry that is not as it was written |
//! | [`AuditFile`] | the file that entries are delivered to |
//!
//! An entry is one JSON line, the same bytes wherever it is kept: in the database, in the file, among the log lines.
//! It carries a number without gaps, the hash of the entry before it, and as its last member its own hash:
//! HMAC-SHA-256 (RFC 2104) under `AUDIT_KEY` of the line without that member.

mod chain;
mod entry;
mod file;
mod key;

pub use chain::{Fault, Head, Verifier};
pub use entry::{Act, Actor, Auditor, Entry, Sealed};
pub use file::AuditFile;
pub use key::AuditKey;
