//! A network that loses answers: the request arrives and is worked on, and its caller never hears of it.

use crate::server::Server;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    net::{TcpListener, TcpStream},
};

/// A request on its way: what a rule sees of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// `POST`
    pub method: String,
    /// `/charges`
    pub path: String,
    /// From its `traceparent`; empty when it has none.
    pub trace_id: String,
}

type Rule = dyn Fn(&Asked) -> bool + Send + Sync;

/// An HTTP/1.1 proxy before one service. Where its rule says so it waits for the answer, drops it and closes the
/// connection.
pub struct LossyProxy {
    server: Server,
    lost: Arc<AtomicUsize>,
}

impl LossyProxy {
    /// Listens on a free port, before the service at `target` (`127.0.0.1:8082`).
    pub fn start(target: &str, rule: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Self {
        let lost = Arc::new(AtomicUsize::new(0));
        let proxy = Proxy { target: target.to_owned(), rule: Arc::new(rule), lost: lost.clone() };
        Self { server: Server::start(|listener| serve(listener, proxy)), lost }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// How many answers it has lost.
    pub fn lost(&self) -> usize {
        self.lost.load(Relaxed)
    }

    /// The rule that loses the first answer of each method and path in each trace: every call's answer is lost once.
    pub fn first_of_each() -> impl Fn(&Asked) -> bool + Send + Sync + 'static {
        let seen = Mutex::new(HashSet::new());
        move |asked| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            !asked.trace_id.is_empty() && seen.insert(asked.clone())
        }
    }

    /// The rule that loses every `nth` answer.
    pub fn every(nth: usize) -> impl Fn(&Asked) -> bool + Send + Sync + 'static {
        let count = AtomicUsize::new(0);
        move |_| count.fetch_add(1, Relaxed) % nth == nth - 1
    }
}

#[derive(Clone)]
struct Proxy {
    target: String,
    rule: Arc<Rule>,
    lost: Arc<AtomicUsize>,
}

async fn serve(listener: TcpListener, proxy: Proxy) {
    while let Ok((client, _)) = listener.accept().await {
        let proxy = proxy.clone();
        tokio::spawn(async move {
            if let Ok(server) = TcpStream::connect(&proxy.target).await {
                // Ends when either side closes, or with the first lost answer; both connections close then.
                let _ = proxy.forward(client, server).await;
            }
        });
    }
}

impl Proxy {
    /// HTTP/1.1 clients send a request and wait: whatever a client sends after an answer begins a new request.
    async fn forward(&self, client: TcpStream, server: TcpStream) -> std::io::Result<()> {
        let (mut from_client, mut to_client) = split(client);
        let (mut from_server, mut to_server) = split(server);
        let (mut request, mut answer) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut between_requests = true;
        let mut lose = false;
        loop {
            tokio::select! {
                read = from_client.read(&mut request) => {
                    let sent = request.get(..read?).unwrap_or_default();
                    if sent.is_empty() {
                        return Ok(());
                    }
                    if std::mem::take(&mut between_requests) {
                        let head = self.whole_head(sent, &mut from_client, &mut to_server).await?;
                        lose = (self.rule)(&asked(&head));
                    } else {
                        to_server.write_all(sent).await?;
                    }
                }
                read = from_server.read(&mut answer) => {
                    let sent = answer.get(..read?).unwrap_or_default();
                    if sent.is_empty() {
                        return Ok(());
                    }
                    if lose {
                        self.lost.fetch_add(1, Relaxed);
                        return Ok(());
                    }
                    to_client.write_all(sent).await?;
                    between_requests = true;
                }
            }
        }
    }

    /// Forwards what has come and what is still missing of the request's head, and returns that.
    async fn whole_head(
        &self,
        begun: &[u8],
        from_client: &mut ReadHalf<TcpStream>,
        to_server: &mut WriteHalf<TcpStream>,
    ) -> std::io::Result<String> {
        let mut head = begun.to_vec();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") && from_client.read_buf(&mut head).await? > 0 {}
        to_server.write_all(&head).await?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    }
}

fn asked(head: &str) -> Asked {
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let traceparent = lines.find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("traceparent").then(|| value.split('-').nth(1))?
    });
    Asked {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        trace_id: traceparent.unwrap_or_default().to_owned(),
    }
}
