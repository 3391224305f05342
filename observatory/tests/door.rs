//! Who may look, and who may not.

use observatory::{Config, Door, Hidden};
use reqwest::StatusCode;

use crate::support::{Observatory, config};

const TOKEN: &str = "sixteen-bytes-or-more";

#[tokio::test]
async fn a_token_opens_page_and_api_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let door = Door::Token(Hidden(TOKEN.to_owned()));
    let config = Config { door: door.clone(), admin_door: door, ..config(directory.path()) };
    let observatory = Observatory::start_with(config).await;
    let url = |path: &str| format!("http://{}{path}", observatory.http);
    for path in ["/", "/api/services", "/api/logs", "/nowhere"] {
        let get = || observatory.client.get(url(path));
        let refused = get().send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(refused.headers()["cache-control"], "no-store", "{path}");
        assert_eq!(refused.headers()["x-content-type-options"], "nosniff", "{path}");
        let schemes: Vec<_> = refused.headers().get_all("www-authenticate").iter().collect();
        assert!(
            schemes.iter().any(|scheme| scheme.as_bytes().starts_with(b"Basic ")),
            "a browser asks: {schemes:?}"
        );
        assert!(schemes.iter().any(|scheme| scheme.as_bytes().starts_with(b"Bearer ")), "{schemes:?}");
        for wrong in [&TOKEN[1..], "", "sixteen-bytes-or-morf", "sixteen-bytes-or-more-and-more"] {
            assert_eq!(get().bearer_auth(wrong).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
            let basic = get().basic_auth(TOKEN, Some(wrong)).send().await.unwrap();
            assert_eq!(basic.status(), StatusCode::UNAUTHORIZED, "the name of a user is no password");
        }
        for let_in in [get().bearer_auth(TOKEN), get().basic_auth("anybody", Some(TOKEN))] {
            let answer = let_in.send().await.unwrap();
            assert_ne!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    let admin = |path: &str| format!("http://{}{path}", observatory.admin);
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(observatory.client.get(admin(path)).send().await.unwrap().status(), 200, "{path}");
    }
    let forget =
        || observatory.client.post(admin("/admin/users/forget")).json(&serde_json::json!({"user_id": "u-1"}));
    assert_eq!(forget().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(forget().bearer_auth(TOKEN).send().await.unwrap().status(), 200);
    observatory.stop().await;
}

#[tokio::test]
async fn what_is_open_to_this_machine_is_not_open_to_pages_of_others() {
    let observatory = Observatory::start().await;
    let url = |path: &str| format!("http://{}{path}", observatory.http);
    for (host, status) in
        [("localhost:16686", 200), ("127.0.0.1", 200), ("[::1]:1", 200), ("evil.example", 403), ("a b", 403)]
    {
        let answer = observatory.client.get(url("/api/services")).header("host", host).send().await.unwrap();
        assert_eq!(answer.status(), status, "{host}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    for (origin, status) in [
        (Some("http://127.0.0.1:8080"), 200),
        (Some("http://localhost:3000"), 200),
        (None, 200),
        (Some("https://evil.example"), 403),
        (Some("http://203.0.113.1"), 403),
        (Some("null"), 403),
    ] {
        let forget = observatory.client.post(format!("http://{}/admin/users/forget", observatory.admin));
        let forget = forget.json(&serde_json::json!({"user_id": "u-1"}));
        let forget = origin.into_iter().fold(forget, |forget, origin| forget.header("origin", origin));
        assert_eq!(forget.send().await.unwrap().status(), status, "{origin:?}");
    }
    observatory.stop().await;
}

#[test]
fn an_address_that_others_reach_needs_a_token_or_a_word() {
    let read = |variables: &[(&str, &str)]| {
        Config::from_env(&|name| {
            variables.iter().find(|(held, _)| *held == name).map(|(_, held)| (*held).to_owned())
        })
    };
    let public = ("LISTEN_ADDR", "0.0.0.0:16686");
    let refused = read(&[public]).unwrap_err().to_string();
    assert!(
        refused.starts_with("LISTEN_ADDR: `0.0.0.0:16686` won't do; it takes a loopback address"),
        "{refused}"
    );
    assert!(refused.contains("OBSERVATORY_TOKEN") && refused.contains("AUTH=off"), "{refused}");
    assert_eq!(read(&[public, ("AUTH", "off")]).unwrap().door, Door::Open);
    let token = Door::Token(Hidden(TOKEN.to_owned()));
    assert_eq!(read(&[public, ("OBSERVATORY_TOKEN", TOKEN)]).unwrap().door, token);
    assert_eq!(read(&[("OBSERVATORY_TOKEN", TOKEN)]).unwrap().admin_door, token);
    assert_eq!(read(&[("ADMIN_ADDR", "0.0.0.0:9086")]).unwrap().admin_door, Door::Shut);
    assert_eq!(read(&[]).unwrap().door, Door::Local);
    for wrong in [("OBSERVATORY_TOKEN", "short"), ("AUTH", "on")] {
        let refused = read(&[wrong]).unwrap_err().to_string();
        assert!(refused.starts_with(wrong.0) && !refused.contains("short"), "{refused}");
    }
}
