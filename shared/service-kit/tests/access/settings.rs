//! The rule at the start: no door is open by mistake.

use service_kit::access::{Access, Door};
use service_kit::config::ServerConfig;
use telemetry::{ConfigError, Env};

use super::issuer::SECRET;

const PUBLIC: &str = "0.0.0.0:8080";
const LOCAL: &str = "127.0.0.1:8080";

fn access(door: Door, variables: &[(&str, &str)]) -> Result<Access, ConfigError> {
    let env = Env::from_pairs(variables.iter().copied());
    let server = ServerConfig::from_env(&env, 1, 2)?;
    Access::from_env(&env, door, &server)
}

fn refusal(door: Door, variables: &[(&str, &str)]) -> String {
    let error = access(door, variables).expect_err("a refusal").to_string();
    assert!(!error.contains('\n') && !error.contains(SECRET), "{error}");
    error
}

#[test]
fn a_door_that_others_reach_is_closed_or_was_said_to_be_open() {
    let said = |door, variables: &[(&str, &str)]| access(door, variables).unwrap().to_string();
    let tokens = ("AUTH_SECRET", SECRET);
    let service_key = ("SERVICE_KEY", SECRET);
    let off = ("AUTH", "off");
    for (door, key) in [(Door::Users, tokens), (Door::Services, service_key)] {
        let refused = refusal(door, &[("LISTEN_ADDR", PUBLIC)]);
        assert!(
            refused.starts_with("LISTEN_ADDR: `0.0.0.0:8080` won't do; it takes a loopback address"),
            "{refused}"
        );
        assert!(refused.contains("AUTH=off"), "{refused}");
        assert!(said(door, &[("LISTEN_ADDR", PUBLIC), key]).starts_with("the API is closed"));
        assert!(said(door, &[("LISTEN_ADDR", PUBLIC), off]).starts_with("the API is open (AUTH=off)"));
        assert!(said(door, &[("LISTEN_ADDR", LOCAL)]).starts_with("the API is open (a loopback address"));
        assert!(
            said(door, &[("LISTEN_ADDR", "[::1]:8080")]).starts_with("the API is open (a loopback address")
        );
        assert!(
            said(door, &[("LISTEN_ADDR", LOCAL), key]).starts_with("the API is closed"),
            "keys close any door"
        );
    }
    // The keys of one door are none for the other.
    refusal(Door::Users, &[("LISTEN_ADDR", PUBLIC), service_key]);
    refusal(Door::Services, &[("LISTEN_ADDR", PUBLIC), tokens]);

    let admin = ("ADMIN_ADDR", "0.0.0.0:9080");
    assert!(said(Door::Services, &[admin]).ends_with("/admin/* is shut (no keys)"));
    assert!(said(Door::Services, &[admin, tokens]).ends_with("/admin/* is closed: it takes tokens"));
    assert!(said(Door::Services, &[admin, off]).ends_with("/admin/* is open (AUTH=off)"));
}

#[test]
fn what_will_not_do_is_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("jwks.json");
    std::fs::write(&empty, "{\"keys\": []}").unwrap();
    let empty = empty.display().to_string();
    for (name, held) in [
        ("AUTH", "on"),
        ("AUTH_SECRET", "too short"),
        ("SERVICE_KEY", "too short"),
        ("SERVICE_KEY", "a secret of thirty-two bytes or more,too short"),
        ("SERVICE_KEY", ","),
        ("AUTH_JWKS", "/nowhere/jwks.json"),
        ("AUTH_JWKS", empty.as_str()),
        ("AUTH_JWKS", "ftp://keys.example/jwks.json"),
        ("AUTH_JWKS", "https://me:hunter2@keys.example/jwks.json"),
    ] {
        let refused = refusal(Door::Users, &[(name, held)]);
        assert!(refused.starts_with(&format!("{name}: ")) && !refused.contains("hunter2"), "{refused}");
    }
    let both =
        refusal(Door::Users, &[("AUTH_SECRET", SECRET), ("AUTH_JWKS", "https://keys.example/jwks.json")]);
    assert!(both.starts_with("AUTH_JWKS: ") && both.contains("AUTH_SECRET"), "{both}");
    let torn = refusal(Door::Users, &[("AUTH_SECRET", SECRET), ("AUTH", "off")]);
    assert!(torn.starts_with("AUTH: `off` won't do"), "{torn}");
    let told =
        format!("{:?}", access(Door::Users, &[("AUTH_SECRET", SECRET), ("SERVICE_KEY", SECRET)]).unwrap());
    assert!(!told.contains(SECRET), "{told}");
}
