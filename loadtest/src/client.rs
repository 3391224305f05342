//! HTTP to the gateway, on hyper's own client: it costs the machine that is being measured the least.

use bytes::Bytes;
use http::{
    Request, Response, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{net::IpAddr, time::Duration};
use tokio::time::timeout;

/// Connections to one base URL, kept and used again.
#[derive(Clone)]
pub(crate) struct Client {
    inner: legacy::Client<HttpConnector, Full<Bytes>>,
    base: String,
    orders: Uri,
    token: Option<HeaderValue>,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    TimedOut,
    Broken,
}

/// What is sent with a request that is traced from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
}

impl TraceParent {
    /// W3C Trace Context, sampled.
    fn header(self) -> HeaderValue {
        let text = format!("00-{:032x}-{:016x}-01", self.trace_id, self.span_id);
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}

impl Client {
    /// To a base URL such as `http://127.0.0.1:8080`; only on this machine unless `remote` is allowed.
    pub(crate) fn new(base: &str, remote: bool) -> Result<Self, String> {
        let base = base.trim_end_matches('/').to_owned();
        let orders: Uri = format!("{base}/api/orders").parse().map_err(|_| format!("{base} is no URL"))?;
        if orders.scheme_str() != Some("http") {
            return Err(format!("{base} won't do: it takes a URL such as http://127.0.0.1:8080"));
        }
        let host = orders.host().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if !here && !remote {
            return Err(format!("{base} is not on this machine: --allow-remote if you may put load on it"));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { inner, base, orders, token: None })
    }

    /// With this token in every request.
    pub(crate) fn with_token(self, token: &str) -> Result<Self, String> {
        let header = HeaderValue::try_from(format!("Bearer {token}"));
        let mut header = header.map_err(|_| "the token is no token: it has other than visible characters")?;
        header.set_sensitive(true);
        Ok(Self { token: Some(header), ..self })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Places an order and reads the answer to its end; its status.
    pub(crate) async fn place(
        &self,
        body: Bytes,
        traced: Option<TraceParent>,
        limit: Duration,
    ) -> Result<u16, NoAnswer> {
        let mut request = Request::post(self.orders.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Full::new(body))
            .map_err(|_| NoAnswer::Broken)?;
        if let Some(traced) = traced {
            request.headers_mut().insert("traceparent", traced.header());
        }
        let (status, _) = self.send(request, limit, false).await?;
        Ok(status)
    }

    /// Status and body of a path.
    pub(crate) async fn get(&self, path: &str, limit: Duration) -> Result<(u16, Bytes), NoAnswer> {
        let request = Request::get(format!("{}{path}", self.base)).body(Full::default());
        self.send(request.map_err(|_| NoAnswer::Broken)?, limit, true).await
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        limit: Duration,
        keep: bool,
    ) -> Result<(u16, Bytes), NoAnswer> {
        if let Some(token) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        let exchange = async {
            let response = self.inner.request(request).await.map_err(|_| NoAnswer::Broken)?;
            let status = response.status().as_u16();
            Ok((status, read(response, keep).await.map_err(|_| NoAnswer::Broken)?))
        };
        timeout(limit, exchange).await.unwrap_or(Err(NoAnswer::TimedOut))
    }
}

/// To the end, so that the connection can be used again; what nobody wants is not collected.
async fn read(response: Response<Incoming>, keep: bool) -> Result<Bytes, hyper::Error> {
    if keep {
        return Ok(response.into_body().collect().await?.to_bytes());
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(Bytes::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_stays_on_this_machine_unless_told() {
        for here in ["http://127.0.0.1:8080", "http://localhost:8080/", "http://[::1]:8080"] {
            assert!(Client::new(here, false).is_ok(), "{here}");
        }
        for elsewhere in ["http://192.0.2.1", "http://shop.example:8080"] {
            assert!(Client::new(elsewhere, false).is_err_and(|error| error.contains("--allow-remote")));
            assert!(Client::new(elsewhere, true).is_ok(), "{elsewhere}");
        }
        for wrong in ["", "127.0.0.1:8080", "https://127.0.0.1", "http://", "ftp://127.0.0.1"] {
            assert!(Client::new(wrong, true).is_err(), "{wrong}");
        }
    }

    #[test]
    fn traceparent_is_the_standards() {
        let traced = TraceParent { trace_id: 0xabc, span_id: 0x12 };
        assert_eq!(traced.header(), "00-00000000000000000000000000000abc-0000000000000012-01");
    }
}
