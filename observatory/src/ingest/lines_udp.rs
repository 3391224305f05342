//! JSON lines over UDP: a datagram holds one line or several.
//!
//! What the network or the kernel drops before it is read cannot be counted here: who must know uses TCP.

use tokio::net::UdpSocket;

use super::lines::Gathered;
use super::{Input, Intake};
use crate::model::now;
use crate::stop::Stopping;

/// The most a datagram can carry.
const MAX_DATAGRAM: usize = 65_535;
/// Datagrams that are already there are offered together, up to here.
const TOGETHER: usize = 64 * 1024;

/// Reads datagrams until told to stop, and then those that have arrived.
pub(crate) async fn serve(socket: UdpSocket, intake: Intake, mut stopping: Stopping) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        tokio::select! {
            // Errors of a UDP socket are about earlier answers, and this one never answers.
            _ = socket.readable() => {
                offer_waiting(&socket, &mut buffer, &intake);
            }
            () = stopping.told() => break,
        }
    }
    while offer_waiting(&socket, &mut buffer, &intake) {}
}

/// Offers the datagrams that wait; true when there may be more.
fn offer_waiting(socket: &UdpSocket, buffer: &mut [u8], intake: &Intake) -> bool {
    let mut gathered = Gathered::new(Input::Udp);
    let arrived = now();
    while let Ok(length) = socket.try_recv(buffer) {
        for line in buffer.get(..length).unwrap_or_default().split(|byte| *byte == b'\n') {
            let _ = gathered.add(intake, line, arrived);
        }
        if gathered.weight() > TOGETHER {
            let _ = gathered.offer(intake);
            return true;
        }
    }
    let _ = gathered.offer(intake);
    false
}
