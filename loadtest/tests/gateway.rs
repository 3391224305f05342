//! A gateway that answers each order as its card and product ask for.

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Runtime};

pub(crate) struct Gateway {
    pub(crate) url: String,
    _runtime: Runtime,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
                );
            }
        });
        Self { url, _runtime: runtime }
    }
}

/// Takes a request without a token, or with the token `good`.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let is_denied = request.headers().get("authorization").is_some_and(|token| token != "Bearer good");
    let body = request.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let status = match () {
        () if is_denied => 401,
        () if text.contains("4000000000000002") => 402,
        () if text.contains("POT-CAST-IRON") => 409,
        () if text.is_empty() => 200,
        () => 201,
    };
    Ok(Response::builder().status(status).body(Full::new(Bytes::from("{}"))).unwrap())
}
