//! A load balancer before several instances of a service.

use crate::server::Server;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

/// Gives each connection to the next instance that takes it.
pub struct Balancer {
    server: Server,
}

impl Balancer {
    /// Listens on a free port; `instances` are addresses such as `127.0.0.1:8081`.
    pub fn start(instances: Vec<String>) -> Self {
        Self { server: Server::start(|listener| serve(listener, instances)) }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

async fn serve(listener: TcpListener, instances: Vec<String>) {
    let next = AtomicUsize::new(0);
    while let Ok((mut client, _)) = listener.accept().await {
        let first = next.fetch_add(1, Relaxed);
        let candidates = instances.clone().into_iter().cycle().skip(first % instances.len());
        let candidates: Vec<String> = candidates.take(instances.len()).collect();
        tokio::spawn(async move {
            for instance in candidates {
                if let Ok(mut server) = TcpStream::connect(instance).await {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                    return;
                }
            }
        });
    }
}
