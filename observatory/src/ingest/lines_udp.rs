//! Log lines and session events over UDP: a datagram holds one JSON object or several, each on a line.
//!
//! What the kernel drops because it is not read fast enough never arrives here: `observatory_udp_kernel_drops_total` says how
//! much that was, where the kernel tells (Linux). What the network drops nobody knows. Who must know uses TCP.

use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::UdpSocket;

use super::lines::Gathered;
use super::{Input, Intake, Signal};
use crate::model::now;
use crate::stop::Stopping;

/// The most a datagram can carry.
const MAX_DATAGRAM: usize = 65_535;
/// Datagrams that are already there are offered together, up to here.
const TOGETHER: usize = 64 * 1024;
/// And so many, whatever becomes of them: those that are limited or malformed gather no weight, and others want the CPU.
const AT_ONCE: usize = 256;
/// How long what has arrived is read once the process stops.
const LAST_DATAGRAMS: Duration = Duration::from_millis(500);
/// What may wait in the kernel while this process is not on the CPU. The kernel gives what its own limit allows
/// (`net.core.rmem_max`).
const KERNEL_BUFFER: usize = 4 * 1024 * 1024;

/// Reads datagrams until told to stop, and then those that have arrived.
pub(crate) async fn serve(socket: UdpSocket, intake: Intake, mut stopping: Stopping) {
    // With a smaller buffer it works as well, only with more losses.
    let _ = SockRef::from(&socket).set_recv_buffer_size(KERNEL_BUFFER);
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        tokio::select! {
            // Errors of a UDP socket are about earlier answers, and this one never answers.
            _ = socket.readable() => {
                if offer_waiting(&socket, &mut buffer, &intake) {
                    tokio::task::yield_now().await;
                }
            }
            () = stopping.told() => break,
        }
    }
    // Somebody who goes on sending does not hold up the stop.
    let until = Instant::now() + LAST_DATAGRAMS;
    while offer_waiting(&socket, &mut buffer, &intake) && Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// Offers the datagrams that wait; true when there may be more.
fn offer_waiting(socket: &UdpSocket, buffer: &mut [u8], intake: &Intake) -> bool {
    let mut gathered = Gathered::new(Input::Udp);
    let arrived = now();
    for _ in 0..AT_ONCE {
        let Ok((length, sender)) = socket.try_recv_from(buffer) else {
            let _ = gathered.offer(intake);
            return false;
        };
        let datagram = buffer.get(..length).unwrap_or_default();
        let lines = || datagram.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let count = lines().count() as u64;
        if intake.limit.admit(sender.ip(), count, length).is_err() {
            intake.metrics.received(Input::Udp, Signal::Logs, count);
            intake.metrics.limited(Input::Udp, count);
            continue;
        }
        for line in lines() {
            gathered.add(intake, line, arrived);
        }
        if gathered.weight() > TOGETHER {
            break;
        }
    }
    let _ = gathered.offer(intake);
    true
}
