//! The other end of `/readyz`: how a container asks its own process, which has no shell and no `curl` to do it with.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use api::problem::Problem;

/// The longest the whole question may take.
const LIMIT: Duration = Duration::from_secs(2);
/// What of an answer is read: a problem document is far smaller.
const LONGEST: usize = 16 * 1024;

/// Asks, and says the answer in one line. Exit code 0 when the process is ready, 1 when it is not.
pub fn report(service: &str, admin: SocketAddr) -> ExitCode {
    match ask(admin) {
        Ok(()) => {
            let _ = writeln!(io::stdout(), "{service} is ready");
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = writeln!(io::stderr(), "{service} is not ready: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Asks the admin port whether its process is ready; an `Err` says in words why it is not.
pub fn ask(admin: SocketAddr) -> Result<(), String> {
    let address = reachable(admin);
    let answer = exchange(address).map_err(|error| format!("{address}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some(status) => {
            let problem = serde_json::from_str::<Problem>(body).ok();
            Err(problem.and_then(|problem| problem.detail).unwrap_or_else(|| format!("it answered {status}")))
        }
        None => Err(format!("{address}: no answer")),
    }
}

/// Who listens on all addresses is asked on the loopback one.
fn reachable(admin: SocketAddr) -> SocketAddr {
    let ip = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, admin.port())
}

/// One request and its answer, over a connection of its own: this process does nothing else.
fn exchange(address: SocketAddr) -> io::Result<String> {
    let end = Instant::now() + LIMIT;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_write_timeout(Some(LIMIT))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while answer.len() < LONGEST {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend(piece.iter().take(length)),
            // What a socket calls a timeout.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
