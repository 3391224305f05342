//! `waybill token`: access tokens for development, and the keys of a small installation that signs its own.

use crate::{
    cli::{Bearer, TokenCommand, TokenOptions},
    config::environment,
};
use api::customer::CustomerId;
use base64::{Engine, engine::general_purpose::STANDARD};
use order::audit::operator::Operator;
use serde_json::json;
use service_kit::access::{
    Scope,
    settings::{AUTH_AUDIENCE, AUTH_ISSUER, AUTH_SECRET},
    token::SigningKey,
};
use std::{
    error::Error,
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use telemetry::{Env, env::parse};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

pub(crate) fn run(options: TokenOptions) -> Result<(), Box<dyn Error>> {
    if let Some(TokenCommand::Keys { out }) = options.command {
        return make_keys(&out);
    }
    anstream::println!("{}", token(options, &environment()?)?);
    Ok(())
}

/// A token as the gateway with this environment takes it.
fn token(options: TokenOptions, env: &Env) -> Result<String, Box<dyn Error>> {
    let (subject, scopes) = bearer(options.bearer, &options.scopes)?;
    let key = match &options.key {
        Some(path) => private_key(path)?,
        None => secret(env)?,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let claims = json!({
        "iss": env.read(&AUTH_ISSUER, parse::value::<String>)?,
        "aud": env.read(&AUTH_AUDIENCE, parse::value::<String>)?,
        "sub": subject,
        "scope": scopes,
        "iat": now.as_secs(),
        "exp": (now + options.expires).as_secs(),
    });
    Ok(key.sign("at+jwt", &claims)?)
}

fn bearer(
    Bearer { customer, operator }: Bearer,
    scopes: &[Scope],
) -> Result<(String, String), Box<dyn Error>> {
    match (customer, operator) {
        (_, Some(name)) if Operator::named(&name).is_none() => {
            Err("an operator's name has 1 to 64 letters, digits, or any of . _ - @".into())
        }
        (_, Some(name)) => Ok((name, Scope::Operator.as_str().to_owned())),
        (customer, None) => {
            let customer: CustomerId = customer.unwrap_or_default().parse()?;
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            Ok((customer.into(), scopes.join(" ")))
        }
    }
}

fn secret(env: &Env) -> Result<SigningKey, Box<dyn Error>> {
    let unset = "AUTH_SECRET is not set: set it as the gateway has it, or name a private key with --key";
    let key = env.optional(&AUTH_SECRET, |secret| SigningKey::secret(secret.as_bytes()))?;
    Ok(key.ok_or(unset)?)
}

fn private_key(path: &Path) -> Result<SigningKey, Box<dyn Error>> {
    let held = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let wrong = || format!("{}: this is no private key of Ed25519 (PKCS #8, PEM)", path.display());
    let inner = held.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or_else(wrong)?;
    let base64: String = inner.split_whitespace().collect();
    let key = STANDARD.decode(base64).ok().and_then(|der| SigningKey::ed25519(&der));
    Ok(key.ok_or_else(wrong)?)
}

fn make_keys(out: &Path) -> Result<(), Box<dyn Error>> {
    let pkcs8 = SigningKey::generate_ed25519().ok_or("the system has no randomness to give")?;
    let jwk =
        SigningKey::ed25519(&pkcs8).and_then(|key| key.public_jwk()).ok_or("the new key cannot be read")?;
    fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let (private, public) = (out.join("signing-key.pem"), out.join("jwks.json"));
    write_new(&private, &format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(pkcs8)), 0o600)?;
    if let Err(error) = write_new(&public, &format!("{:#}\n", json!({ "keys": [jwk] })), 0o644) {
        // Both or none: a private key that nobody can verify would be in the way the next time.
        let _ = fs::remove_file(&private);
        return Err(error);
    }
    anstream::println!("{}  signs tokens: `waybill token --key`; keep it secret", private.display());
    anstream::println!("{}  verifies them: AUTH_JWKS", public.display());
    Ok(())
}

/// A key that is there already is in use somewhere: it is never written over.
fn write_new(path: &Path, content: &str, mode: u32) -> Result<(), Box<dyn Error>> {
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, mode);
    let wrong = |error| format!("{}: {error}", path.display());
    let mut file = file.write(true).create_new(true).open(path).map_err(wrong)?;
    file.write_all(content.as_bytes()).map_err(|error| {
        let _ = fs::remove_file(path);
        wrong(error).into()
    })
}
