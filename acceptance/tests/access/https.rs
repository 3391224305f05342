//! An issuer whose keys come over HTTPS.

use super::token;
use reqwest::StatusCode;
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;
use testkit::{PATIENCE, Process, built, eventually, free_port};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// Serves this document to everybody over TLS, as `localhost`; its port. `ca` is where its certificate is to be.
async fn issuer(document: String, ca: &Path) -> u16 {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(ca, cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not trust us hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", document.len());
            let _ = stream.write_all((head + &document).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn keys_come_from_whom_the_system_trusts() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut keys =
        Process::start(&built("waybill"), &["token", "keys", "--out", &file("keys")], [("USER", "ada")]);
    assert!(keys.ended(PATIENCE).await.success(), "{:?}", keys.stderr());
    let document = fs::read_to_string(file("keys/jwks.json")).unwrap();
    let jwks = format!("https://localhost:{}/jwks.json", issuer(document, Path::new(&file("ca.pem"))).await);
    let bearer = token(&["--customer", "c-1042", "--key", &file("keys/signing-key.pem")]).await;

    let gateway = |ca: String| {
        let (listen, admin) = (free_port(), free_port());
        let env = [
            ("LISTEN_ADDR", format!("127.0.0.1:{listen}")),
            ("ADMIN_ADDR", format!("127.0.0.1:{admin}")),
            ("AUTH_JWKS", jwks.clone()),
            ("SSL_CERT_FILE", ca),
            ("OTEL_TRACES_EXPORTER", "none".to_owned()),
        ];
        (Process::start(&built("waybill"), &["gateway"], env), listen, admin)
    };
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |port: u16, path: &str| {
        let request = client.get(format!("http://127.0.0.1:{port}{path}")).bearer_auth(&bearer);
        request.send().await.ok().map(|answer| answer.status())
    };
    let (_trusting, listen, admin) = gateway(file("ca.pem"));
    eventually("a gateway with keys", async || {
        (status(admin, "/readyz").await? == StatusCode::OK).then_some(())
    })
    .await;
    // There is no order service: whoever hears that has come in.
    assert_eq!(status(listen, "/api/orders").await, Some(StatusCode::SERVICE_UNAVAILABLE));

    fs::write(file("stranger.pem"), rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem())
        .unwrap();
    let (careful, _, admin) = gateway(file("stranger.pem"));
    let refusal = |line: &String| line.contains("AUTH_JWKS: ") && line.contains("won't do");
    eventually("a warning", async || careful.stdout().iter().any(refusal).then_some(())).await;
    assert_eq!(status(admin, "/readyz").await, Some(StatusCode::SERVICE_UNAVAILABLE));
}
