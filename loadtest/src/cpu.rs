//! CPU time, memory and limits of processes, by the operating system's own accounts (Linux).

use std::{fs, io, path::PathBuf, time::Duration};

/// CPU time of all threads of a process so far. `schedstat` counts nanoseconds; `stat` would count ticks of 10 ms.
pub(crate) fn time_of(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// CPU time of this process so far; zero where the system does not say.
pub(crate) fn own_time() -> Duration {
    time_of(std::process::id()).unwrap_or_default()
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kibibytes.unwrap_or_default() * 1024)
}

/// How many files this process may have open; `None` where there is no limit, or the system does not say.
pub(crate) fn open_files() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The processor's name and how many of them there are, for the report.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string(PathBuf::from("/proc/cpuinfo")).unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or("unknown processor", |(_, name)| name.trim());
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{count} × {name}, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_is_counted() {
        let (start, before) = (Instant::now(), own_time());
        while start.elapsed() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        assert!(own_time() > before);
        assert!(resident(std::process::id()).unwrap() > 1_000_000);
        assert!(open_files().is_none_or(|limit| limit > 10));
    }
}
