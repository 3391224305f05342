//! One document over HTTP or HTTPS: the keys of whoever issues tokens.
//!
//! Made of parts that are in every program already. `reqwest` with TLS would bring a second TLS stack, or make every
//! client of this process depend on one being set up.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{ACCEPT, HOST};
use axum::http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// What all of it may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// More than any set of keys.
const LARGEST: usize = 256 * 1024;

/// Why nothing came. The document itself is never part of it.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The document at `uri`, which answers 200: no redirect is followed.
pub(super) async fn fetch(uri: &Uri) -> Result<Bytes, Failure> {
    tokio::time::timeout(TIMEOUT, get(uri)).await.map_err(|_| "no answer within 5 s")?
}

async fn get(uri: &Uri) -> Result<Bytes, Failure> {
    let host = uri.host().ok_or("it names no host")?.to_owned();
    let is_https = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream = TcpStream::connect((bare.as_str(), port)).await?;
    if is_https {
        let name = ServerName::try_from(bare)?;
        ask(tls()?.connect(name, stream).await?, uri).await
    } else {
        ask(stream, uri).await
    }
}

async fn ask<S>(stream: S, uri: &Uri) -> Result<Bytes, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, authority.rsplit('@').next().unwrap_or_default())
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {}", answer.status().as_u16()).into());
        }
        Ok(Limited::new(answer.into_body(), LARGEST).collect().await?.to_bytes())
    };
    tokio::select! {
        document = exchange => document,
        // It ends well when the other side closes after its answer, which `exchange` then has.
        broken = async { match connection.await { Ok(()) => std::future::pending().await, Err(error) => error } } => {
            Err(broken.into())
        }
    }
}

/// Trusts whom the system trusts; `SSL_CERT_FILE` names others.
fn tls() -> Result<TlsConnector, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(
            "this system trusts nobody: it has no root certificates (SSL_CERT_FILE names a file)".into()
        );
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
