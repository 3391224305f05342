//! `waybill token`.

use super::duration;
use clap::{Args, Subcommand};
use service_kit::access::Scope;
use std::{path::PathBuf, time::Duration};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct TokenOptions {
    #[command(subcommand)]
    pub(crate) command: Option<TokenCommand>,
    #[command(flatten)]
    pub(crate) bearer: Bearer,
    /// What the customer may do: `orders:read`, `orders:write`
    #[arg(
        long = "scope",
        value_name = "SCOPES",
        value_delimiter = ',',
        value_parser = scope,
        default_value = "orders:read,orders:write",
        conflicts_with = "operator"
    )]
    pub(crate) scopes: Vec<Scope>,
    /// How long it is good for, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    pub(crate) expires: Duration,
    /// A private key that `waybill token keys` has made, instead of `AUTH_SECRET`
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

/// Whose it is.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Bearer {
    /// A customer's, for their own orders
    #[arg(long, value_name = "ID")]
    pub(crate) customer: Option<String>,
    /// An operator's, for everybody's orders and the admin ports
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a pair of keys (Ed25519): `signing-key.pem`, which stays secret, and `jwks.json` for `AUTH_JWKS`
    Keys {
        /// The folder
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// The token of a command that asks the platform.
#[derive(Args, Default)]
pub(crate) struct TokenOption {
    /// An access token (`WAYBILL_TOKEN`, which is not seen in the list of processes)
    #[arg(long = "token", value_name = "TOKEN")]
    pub(crate) given: Option<String>,
}

fn scope(name: &str) -> Result<Scope, String> {
    let scope = Scope::named(name).filter(|scope| *scope != Scope::Operator);
    scope.ok_or_else(|| "a customer's scopes are orders:read and orders:write".to_owned())
}
