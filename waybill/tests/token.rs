//! `waybill token`: what it makes, and what it refuses.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

const SECRET: &str = "a secret of the tests, with 32 bytes";

fn token(args: &[&str], secret: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command.arg("token").args(args).env_clear().env("AUTH_SECRET", secret).output().unwrap()
}

fn part(token: &str, number: usize) -> serde_json::Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token.trim().split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_token_is_all_that_is_printed() {
    for (args, subject, scope, seconds) in [
        (&["--customer", "c-1042"][..], "c-1042", "orders:read orders:write", 3600),
        (&["--customer", "c-1", "--scope", "orders:read", "--expires", "90s"], "c-1", "orders:read", 90),
        (&["--operator", "ada", "--expires", "10m"], "ada", "operator", 600),
    ] {
        let output = token(args, SECRET);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}");
        assert_eq!((printed.lines().count(), printed.trim().split('.').count()), (1, 3), "{printed}");
        let (header, claims) = (part(&printed, 0), part(&printed, 1));
        assert_eq!((&header["alg"], &header["typ"]), (&"HS256".into(), &"at+jwt".into()));
        assert_eq!((&claims["sub"], &claims["scope"]), (&subject.into(), &scope.into()));
        assert_eq!((&claims["iss"], &claims["aud"]), (&"waybill".into(), &"waybill".into()));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), seconds);
    }
}

#[test]
fn what_is_no_token_is_one_line() {
    for (args, secret, code) in [
        (&["--customer", "c-1"][..], "", 1),
        (&["--customer", "c-1"], "too short", 1),
        (&["--customer", "4242424242424242"], SECRET, 1),
        (&["--operator", "ada lovelace"], SECRET, 1),
        (&["--customer", "c-1", "--key", "/nowhere/key.pem"], SECRET, 1),
        (&[], SECRET, 2),
        (&["--customer", "c-1", "--operator", "ada"], SECRET, 2),
        (&["--customer", "c-1", "--scope", "operator"], SECRET, 2),
        (&["--operator", "ada", "--scope", "orders:read"], SECRET, 2),
        (&["--customer", "c-1", "--expires", "0s"], SECRET, 2),
    ] {
        let output = token(args, secret);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {errors}");
        assert!(output.stdout.is_empty() && (code == 2 || errors.lines().count() == 1), "{args:?}: {errors}");
        assert!(!errors.contains(SECRET) && !errors.contains("too short"), "{errors}");
    }
}

fn sign(key: &Path) -> String {
    let output = token(&["--customer", "c-1", "--key", key.to_str().unwrap()], "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_are_made_once_and_sign() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("keys");
    let (private, public) = (out.join("signing-key.pem"), out.join("jwks.json"));
    let make = || token(&["keys", "--out", out.to_str().unwrap()], "");
    assert!(make().status.success());
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    let held = fs::read_to_string(&private).unwrap();
    assert!(held.starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS #8");
    let jwks: serde_json::Value = serde_json::from_str(&fs::read_to_string(&public).unwrap()).unwrap();
    let key = &jwks["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into()));
    assert!(key.get("d").is_none(), "the public half only");
    let header = part(&sign(&private), 0);
    assert_eq!((&header["alg"], &header["kid"]), (&"EdDSA".into(), &key["kid"]));

    fs::remove_file(&private).unwrap();
    assert_eq!(make().status.code(), Some(1), "the public half is in the way");
    assert!(!private.exists(), "and then there is no private one");
    fs::write(&private, &held).unwrap();
    let again = make();
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&private).unwrap(), held, "a key is never written over");
}

/// The private key of RFC 8410, section 10.3, as other programs write them too.
#[test]
fn keys_of_other_programs_sign() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    let key = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
    fs::write(&path, format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n")).unwrap();
    assert_eq!(part(&sign(&path), 0)["alg"], "EdDSA");
}
