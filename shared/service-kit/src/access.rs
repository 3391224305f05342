//! Who may come in: people with tokens of an issuer at the gateway, our services with tokens of their own behind it,
//! operators at `/admin/*` (docs/ACCESS.md).
//!
//! | module | what is there |
//! |---|---|
//! | [`settings`] | what a process is told, and the rule that no door is open by mistake |
//! | [`guard`] | the layers around routers |
//! | [`caller`] | who asks, as handlers see it |
//! | [`token`] | signed tokens: taken apart, verified, made |
//! | `claims` | what a token must say |
//! | [`jwks`], `keys`, `fetch` | sets of public keys, and how they stay up to date |
//! | `local` | doors that are open to this machine alone |
//! | `services` | the tokens of services |
//! | [`denied`] | why somebody does not come in |

pub mod caller;
mod claims;
pub mod denied;
mod fetch;
pub mod guard;
pub mod jwks;
mod keys;
mod local;
mod services;
pub mod settings;
pub mod token;

pub use caller::{Caller, Claims, OPERATOR_SUBJECT, Scope, is_operator_name};
pub(crate) use guard::operators;
pub use guard::{Guard, services, users};
pub use services::PeerToken;
pub use settings::{Access, Door};
