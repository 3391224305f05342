//! Tokens apart from any server.

use proptest::prelude::*;
use serde_json::{Value, json};
use service_kit::access::denied::Denied;
use service_kit::access::token::{LONGEST, SigningKey, Unverified, VerifyingKey};

use super::issuer::{Key, SECRET, claims, jwks};
use service_kit::access::jwks::KeySet;

fn verify(token: &str, key: &VerifyingKey) -> Result<Value, Denied> {
    Unverified::parse(token)?.verified(key)
}

/// The examples of the standard itself (RFC 7515, appendices A.1 and A.2).
#[test]
fn what_others_have_signed_is_verified() {
    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let expected = json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true});
    let bytes = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    assert_eq!(verify(&token, &VerifyingKey::secret(&bytes(secret)).unwrap()), Ok(expected.clone()));

    let modulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
                   T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB\
                   dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia\
                   GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5ju\
                     jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07\
                     Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipU\
                     TI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let key = VerifyingKey::rsa(&bytes(modulus), &[1, 0, 1]).unwrap();
    assert_eq!(verify(&format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{signature}"), &key), Ok(expected));
}

#[test]
fn what_we_sign_is_verified_with_the_public_half() {
    let pkcs8 = SigningKey::generate_ed25519().unwrap();
    let key = SigningKey::ed25519(&pkcs8).unwrap();
    let token = key.sign("at+jwt", &json!({"sub": "c-1042"})).unwrap();
    let set = KeySet::read(jwks(&[key.public_jwk().unwrap()]).as_bytes()).unwrap();
    let token = Unverified::parse(&token).unwrap();
    let public = set.find(token.algorithm(), token.key_id()).unwrap();
    assert_eq!((token.kind(), token.verified(public)), ("at+jwt", Ok(json!({"sub": "c-1042"}))));
    assert!(SigningKey::secret(&[7; 31]).is_none() && VerifyingKey::secret(&[7; 31]).is_none());
    assert_eq!(SigningKey::secret(&[7; 32]).unwrap().public_jwk(), None);
}

/// The ways in which libraries have let people in.
#[test]
fn a_key_is_for_one_algorithm() {
    for issuer in [Key::rsa(), Key::ed25519()] {
        let key = issuer.verifying();
        let good = issuer.token("1", &json!({}));
        assert_eq!(verify(&good, &key).unwrap()["sub"], "c-1042");
        // A secret that everybody knows: the public key, in the forms that one finds it in.
        for public in [issuer.public(), issuer.jwk("1").to_string().into_bytes()] {
            let forged = Key::Secret(public).token("1", &json!({}));
            assert_eq!(verify(&forged, &key), Err(Denied::Algorithm));
        }
        for alg in ["none", "None", "HS512", "RS512", "PS256", "ES256", ""] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": "1"});
            let unsigned = Key::Nothing.signed(&header, &claims(&json!({})));
            assert_eq!(verify(&unsigned, &key), Err(Denied::Algorithm), "{alg}");
            assert_eq!(
                verify(&issuer.signed(&header, &claims(&json!({}))), &key),
                Err(Denied::Algorithm),
                "{alg}"
            );
        }
        let header = json!({"alg": issuer.alg(), "typ": "at+jwt", "kid": "1"});
        assert_eq!(verify(&Key::Nothing.signed(&header, &claims(&json!({}))), &key), Err(Denied::Signature));
    }
}

#[test]
fn what_a_token_must_not_have() {
    let issuer = Key::secret(SECRET);
    let key = issuer.verifying();
    let with = |name: &str, value: Value| {
        let mut header = json!({"alg": "HS256", "typ": "JWT"});
        header[name] = value;
        verify(&issuer.signed(&header, &claims(&json!({}))), &key)
    };
    assert!(with("jku", json!("https://attacker.example/keys")).is_ok(), "it is not looked at");
    for crit in [json!(["b64"]), json!([]), Value::Null] {
        assert_eq!(with("crit", crit), Err(Denied::Malformed));
    }
    let long = issuer.token("1", &json!({"pad": "x".repeat(LONGEST)}));
    assert_eq!(verify(&long, &key), Err(Denied::Malformed));
    let good = issuer.token("1", &json!({}));
    let twice = [good.as_str(), "."].concat();
    for odd in
        ["", ".", "..", "a.b", "....", "ä.ö.ü", twice.as_str(), &good.replace('.', " "), &format!("{good}=")]
    {
        assert!(matches!(Unverified::parse(odd), Err(Denied::Malformed)), "{odd}");
    }
}

#[test]
fn weak_and_foreign_keys_are_left_out_of_a_set() {
    let read = |keys: &[Value]| KeySet::read(jwks(keys).as_bytes()).map(|set| set.count());
    let (rsa, ed25519) = (Key::rsa().jwk("1"), Key::ed25519().jwk("2"));
    assert_eq!(read(&[rsa.clone(), ed25519.clone()]), Ok(2));
    let changed = |key: &Value, name: &str, value: &str| {
        let mut key = key.clone();
        key[name] = json!(value);
        key
    };
    let weak = "mzA6yI8K0LtWlfk4s4m-PEwPaEX0zPN_ieybMDrIjwrQu1aV-TizieybMDrIjwrQu1aV-TizieybMDrIjwrQu1aV-Tiz";
    for other in [
        changed(&rsa, "n", weak),
        changed(&rsa, "alg", "HS256"),
        changed(&rsa, "use", "enc"),
        changed(&ed25519, "crv", "Ed448"),
        changed(&ed25519, "x", "AAAA"),
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "3", "alg": "HS256"}),
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
        json!("a key"),
    ] {
        assert_eq!(read(&[ed25519.clone(), other.clone()]), Ok(1), "{other}");
        assert_eq!(read(std::slice::from_ref(&other)), Ok(0));
        assert!(KeySet::read_first(jwks(&[other]).as_bytes()).is_err(), "to begin with, there must be one");
    }
    for no_set in ["", "[]", "{}", "{\"keys\": 1}"] {
        assert!(KeySet::read(no_set.as_bytes()).is_err(), "{no_set}");
    }
}

#[test]
fn a_token_that_names_no_key_means_the_only_one() {
    let (one, two) = (Key::ed25519(), Key::ed25519());
    let token = one.signed(&json!({"alg": "EdDSA", "typ": "JWT"}), &claims(&json!({})));
    let token = Unverified::parse(&token).unwrap();
    let find = |keys: &[Value]| {
        let set = KeySet::read(jwks(keys).as_bytes()).unwrap();
        set.find(token.algorithm(), token.key_id()).cloned()
    };
    assert!(
        find(&[one.jwk("1"), Key::rsa().jwk("2")]).is_some_and(|key| token.verified::<Value>(&key).is_ok())
    );
    assert!(find(&[one.jwk("1"), two.jwk("2")]).is_none(), "which of them, nobody can say");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// One letter is another one, is missing, or is there twice: no such token is good, whatever its key.
    #[test]
    fn a_token_that_was_touched_is_never_taken(
        issuer in 0..3,
        place in any::<prop::sample::Index>(),
        letter in prop::sample::select(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= +/\0".to_vec()),
        how in 0..3,
    ) {
        let issuer = match issuer {
            0 => Key::secret(SECRET),
            1 => Key::ed25519(),
            _ => Key::rsa(),
        };
        let good = issuer.token("1", &json!({})).into_bytes();
        let at = place.index(good.len());
        let mut touched = good.clone();
        match how {
            0 => touched[at] = letter,
            1 => drop(touched.remove(at)),
            _ => touched.insert(at, letter),
        }
        prop_assume!(touched != good);
        let touched = String::from_utf8(touched).unwrap();
        prop_assert!(verify(&touched, &issuer.verifying()).is_err());
        prop_assert!(verify(std::str::from_utf8(&good).unwrap(), &issuer.verifying()).is_ok());
    }

    #[test]
    fn no_text_at_all_brings_it_down(text in "\\PC{0,200}", key in 0..2) {
        let key = if key == 0 { Key::secret(SECRET) } else { Key::ed25519() };
        prop_assert!(verify(&text, &key.verifying()).is_err());
    }
}
