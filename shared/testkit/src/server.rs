//! A listener with a runtime of its own: it outlives the test's runtime, and it can be stopped dead.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Runtime};

pub(crate) struct Server {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    /// Serves on a free port.
    pub(crate) fn start<F>(serve: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut server = Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), runtime: None };
        server.restart(serve);
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Goes away: nobody listens any more and every connection breaks.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Another thread, because the caller may be inside a runtime, which must not block on this one.
            let stopped = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5)));
            stopped.join().expect("a server that stops");
        }
    }

    /// Comes back, on the same port.
    pub(crate) fn restart<F>(&mut self, serve: impl FnOnce(TcpListener) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.stop();
        let listener = StdListener::bind(self.address).expect("a port to listen on");
        listener.set_nonblocking(true).expect("a listener for tokio");
        self.address = listener.local_addr().expect("an address");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).expect("a listener")
        };
        runtime.spawn(serve(listener));
        self.runtime = Some(runtime);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
