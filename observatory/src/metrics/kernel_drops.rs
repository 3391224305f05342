//! Datagrams that the kernel dropped because nobody read them fast enough.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

/// The drops of the UDP sockets on one port. Silent where the kernel does not tell (only Linux does).
#[derive(Debug)]
pub(super) struct KernelDrops {
    pub(super) port: u16,
}

impl Collector for KernelDrops {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let tables = ["/proc/net/udp", "/proc/net/udp6"].map(fs::read_to_string);
        let known = tables.iter().flatten().filter_map(|table| drops(table, self.port));
        let Some(dropped) = known.reduce(u64::saturating_add) else { return Ok(()) };
        let counter = ConstCounter::new(dropped);
        let descriptor = encoder.encode_descriptor(
            "observatory_udp_kernel_drops",
            "Datagrams the kernel dropped before they were read",
            None,
            counter.metric_type(),
        )?;
        counter.encode(descriptor)
    }
}

/// A socket a line: the second column ends in the port, the last one is what was dropped.
fn drops(table: &str, port: u16) -> Option<u64> {
    let port = format!(":{port:04X}");
    let of_port = |line: &&str| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port));
    let dropped = |line: &str| line.split_whitespace().next_back()?.parse::<u64>().ok();
    table.lines().skip(1).filter(of_port).filter_map(dropped).reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let table = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  123: 0100007F:1432 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 40781 2 0000000000000000 17
  124: 0100007F:1433 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 40782 2 0000000000000000 5
";
        assert_eq!(drops(table, 0x1432), Some(17));
        assert_eq!(drops(table, 1), None);
    }
}
