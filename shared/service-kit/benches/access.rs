//! What it costs to know who asks: nanoseconds of one request through the layer, beyond the same request without it.
//!
//! `cargo bench -p service-kit --bench access`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use service_kit::access::token::SigningKey;
use service_kit::access::{Access, Door, Guard, services, users};
use service_kit::config::ServerConfig;
use telemetry::{Env, Telemetry};
use tower::ServiceExt;

const SECRET: &str = "a secret of thirty-two bytes or more";
const ROUNDS: usize = 50;
const REQUESTS: u32 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let pair = RsaKeyPair::from_pkcs8(include_bytes!("../tests/access/rsa-2048.der")).unwrap();
    let ed25519 = SigningKey::ed25519(&SigningKey::generate_ed25519().unwrap()).unwrap();
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    let modulus = BASE64URL.encode(&public.n);
    let rsa = json!({"kty": "RSA", "kid": "rsa", "n": modulus, "e": "AQAB"});
    std::fs::write(&path, json!({"keys": [rsa, ed25519.public_jwk().unwrap()]}).to_string()).unwrap();

    let by_jwks = guard(Door::Users, ("AUTH_JWKS", path.to_str().unwrap()));
    let by_secret = guard(Door::Users, ("AUTH_SECRET", SECRET));
    let of_services = guard(Door::Services, ("SERVICE_KEY", SECRET));
    let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
    let claims =
        json!({"iss": "waybill", "aud": "waybill", "sub": "c-1042", "exp": end, "scope": "orders:write"});
    let hs256 = SigningKey::secret(SECRET.as_bytes()).unwrap();
    let peer = of_services.token_for("payment-service").unwrap().header();
    let none = HeaderValue::from_static("Bearer none");

    let open = nanoseconds(&router(), &none).await;
    println!("{:<46} {:>8} ns", "a user's token, EdDSA", {
        nanoseconds(&users(router(), &by_jwks), &bearer(&ed25519.sign("at+jwt", &claims).unwrap())).await
            - open
    });
    println!("{:<46} {:>8} ns", "a user's token, RS256 (2048 bits)", {
        nanoseconds(&users(router(), &by_jwks), &bearer(&rs256(&pair, &claims))).await - open
    });
    println!("{:<46} {:>8} ns", "a user's token, HS256", {
        nanoseconds(&users(router(), &by_secret), &bearer(&hs256.sign("at+jwt", &claims).unwrap())).await
            - open
    });
    println!("{:<46} {:>8} ns", "a service's token, seen before", {
        nanoseconds(&services(router(), &of_services), &peer).await - open
    });
}

fn router() -> Router {
    Router::new().route("/", get(|| async {}))
}

fn guard(door: Door, variable: (&'static str, &str)) -> Guard {
    let env = Env::from_pairs([variable]);
    let server = ServerConfig::from_env(&env, 1, 2).unwrap();
    let telemetry = Telemetry::for_test("payment-service");
    Access::from_env(&env, door, &server).unwrap().guard("payment-service", &telemetry)
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

fn rs256(pair: &RsaKeyPair, claims: &Value) -> String {
    let part = |json: &Value| BASE64URL.encode(json.to_string());
    let message = [part(&json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"})), part(claims)].join(".");
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    [message, BASE64URL.encode(signature)].join(".")
}

/// Of one request, in the best round: what others do on the machine only adds.
async fn nanoseconds(router: &Router, token: &HeaderValue) -> i64 {
    let mut best = u128::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..REQUESTS {
            let request = Request::get("/").header("authorization", token).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
        }
        best = best.min(start.elapsed().as_nanos());
    }
    i64::try_from(best / u128::from(REQUESTS)).unwrap()
}
