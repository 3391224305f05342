//! Who comes in, and who does not.

mod issuer;
mod jwks;
mod operators;
mod peers;
mod settings;
mod tokens;
mod users;
